-- Runs after the rows of `resources` are written: one is only ever known when it is stored.
CREATE MATERIALIZED VIEW IF NOT EXISTS resources_seen_view TO seen AS
SELECT cityHash64('resources', tenant, id, today()) AS key FROM resources${local}
