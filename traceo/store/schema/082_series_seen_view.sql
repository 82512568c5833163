-- Runs after the rows of `series` are written: a series is only ever known when it is stored.
CREATE MATERIALIZED VIEW IF NOT EXISTS series_seen_view TO seen AS
SELECT cityHash64(series_id, bounds, today()) AS key FROM series${local}
