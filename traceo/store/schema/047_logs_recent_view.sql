-- Records whose trace's verdict they will follow wait in the recent window.
CREATE MATERIALIZED VIEW IF NOT EXISTS logs_recent_view TO logs_recent${local} AS
SELECT * EXCEPT rests FROM logs_in${local} WHERE rests
