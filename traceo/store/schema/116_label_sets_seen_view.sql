-- Runs after the rows of `label_sets` are written: a series is only ever known when it is stored.
CREATE MATERIALIZED VIEW IF NOT EXISTS label_sets_seen_view TO seen AS
SELECT cityHash64(series_id, today()) AS key FROM label_sets${local}
