CREATE MATERIALIZED VIEW IF NOT EXISTS distributions_exemplars_view TO exemplars${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(reinterpretAsInt64(e.time_unix_nano), 'UTC') AS time,
    e.value = 'as_int' AS integer, if(integer, toFloat64(e.as_int), e.as_double) AS value,
    if(integer, e.as_int - toInt64(value), 0) AS integer_rest,
    toFixedString(if(length(e.trace_id) = 16, e.trace_id, ''), 16) AS trace_id,
    toFixedString(if(length(e.span_id) = 8, e.span_id, ''), 8) AS span_id, e.filtered_attributes AS attributes
FROM (SELECT tenant, received_at, series_id, exemplars FROM distributions_in WHERE notEmpty(exemplars)) ARRAY JOIN exemplars AS e
