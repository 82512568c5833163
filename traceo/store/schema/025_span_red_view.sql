-- The roll-up of each block; AggregatingMergeTree adds blocks up. Counting per bucket first and building the maps from
-- the counts costs half of sumMap over every span.
CREATE MATERIALIZED VIEW IF NOT EXISTS span_red_view TO span_red${local} AS
SELECT
    tenant, service, operation, kind, minute, sum(n) AS spans, sum(failed) AS errors, sum(total) AS duration_sum_ns,
    max(longest) AS duration_max_ns, mapFromArrays(groupArray(bucket), groupArray(n)) AS durations
FROM
(
    SELECT
        tenant, service, name AS operation, kind, toStartOfMinute(start_time) AS minute,
        toUInt16(floor(16 * log2(greatest(duration_ns, 1)))) AS bucket,
        count() AS n, countIf(status_code = 2) AS failed, sum(duration_ns) AS total, max(duration_ns) AS longest
    FROM spans_in${local}
    GROUP BY tenant, service, operation, kind, minute, bucket
)
GROUP BY tenant, service, operation, kind, minute
