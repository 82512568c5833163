-- Only series, and buckets of series, that were not yet written today; `series_seen_view` notes them in `seen` once they are. Here a new series'
-- attributes are taken apart: an encoded KeyValue is 0x0A, the key's length (a varint), the key, 0x12, the value's length,
-- the value; an empty key is left out. The length of the value's header follows from the length of all.
CREATE MATERIALIZED VIEW IF NOT EXISTS distributions_series_view TO series${local} AS
WITH
    arrayMap(x -> if(startsWith(x, '\n'), if(ascii(substring(x, 2)) < 128, 3, 4), 1), pairs) AS key_from,
    arrayMap(x -> if(startsWith(x, '\n'), ascii(substring(x, 2)) % 128 + if(ascii(substring(x, 2)) < 128, 0, 128 * ascii(substring(x, 3))), 0), pairs) AS key_size
SELECT tenant, metric, series_id, type, unit, temporality, monotonic, integer, service, resource_id, scope_id, target, bounds,
    mapFromArrays(
        arrayMap((x, from, size) -> substring(x, from, size), pairs, key_from, key_size),
        arrayMap(x -> substring(x, multiIf(length(x) < 130, 3, length(x) < 16387, 4, length(x) < 2097156, 5, 6)),
            arrayMap((x, from, size) -> substring(x, from + size), pairs, key_from, key_size))) AS attributes
FROM
(
    SELECT tenant, metric, series_id, type, unit, temporality, monotonic, false AS integer, service, resource_id, scope_id, target, if(type = 11, quantiles, d.bounds) AS bounds, attributes AS pairs
    FROM distributions_in AS d WHERE cityHash64(series_id, if(type = 11, quantiles, d.bounds), today()) NOT IN seen LIMIT 1 BY series_id, bounds
)
