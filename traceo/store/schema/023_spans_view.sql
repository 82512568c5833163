-- Spans that need no verdict go straight to where they stay.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_view TO spans${local} AS
SELECT * EXCEPT (recent, keep) FROM spans_in${local} WHERE recent = 0
