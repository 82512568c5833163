-- Only resources that were not yet written today.
CREATE MATERIALIZED VIEW IF NOT EXISTS resources_view TO resources${local} AS
SELECT * FROM resources_in${local} WHERE cityHash64('resources', tenant, id, today()) NOT IN seen
