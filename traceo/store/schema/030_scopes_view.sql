-- Only scopes that were not yet written today.
CREATE MATERIALIZED VIEW IF NOT EXISTS scopes_view TO scopes${local} AS
SELECT * FROM scopes_in${local} WHERE cityHash64('scopes', tenant, id, today()) NOT IN seen
