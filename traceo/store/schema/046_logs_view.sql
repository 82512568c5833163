-- Records that need no verdict go straight to where they stay.
CREATE MATERIALIZED VIEW IF NOT EXISTS logs_view TO logs${local} AS
SELECT * EXCEPT rests FROM logs_in${local} WHERE NOT rests
