-- Runs after the rows of `scopes` are written.
CREATE MATERIALIZED VIEW IF NOT EXISTS scopes_seen_view TO seen AS
SELECT cityHash64('scopes', tenant, id, today()) AS key FROM scopes${local}
