-- Each value once for a block of new series.
CREATE MATERIALIZED VIEW IF NOT EXISTS label_values_view TO label_values${local} AS
SELECT DISTINCT tenant, pair.1 AS name, pair.2 AS value, day
FROM (SELECT tenant, day, arrayJoin(CAST(labels, 'Array(Tuple(LowCardinality(String), String))')) AS pair FROM label_sets${local})
