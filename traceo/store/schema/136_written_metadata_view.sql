-- Version 1.0: metadata by metric.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_metadata_view TO metric_metadata${local} AS
SELECT tenant, metadata.metric_family_name AS metric, 100 + metadata.type AS type, metadata.unit AS unit, metadata.help AS description
FROM remote_write ARRAY JOIN body.metadata AS metadata
WHERE metadata.type BETWEEN 0 AND 7 AND isValidUTF8(metric)
