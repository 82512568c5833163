-- Spans whose trace will be judged wait in the recent window.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_recent_view TO spans_recent${local} AS
SELECT * EXCEPT (recent, keep) FROM spans_in${local} WHERE recent = 1
