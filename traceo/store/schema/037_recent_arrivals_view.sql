-- One row for each block and tenant: a block has one arrival time.
CREATE MATERIALIZED VIEW IF NOT EXISTS recent_arrivals_view TO recent_arrivals${local} AS
SELECT DISTINCT tenant, received_at FROM spans_in${local} WHERE recent = 1
