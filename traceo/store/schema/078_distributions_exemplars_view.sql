CREATE MATERIALIZED VIEW IF NOT EXISTS distributions_exemplars_view TO exemplars${local} AS
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(reinterpretAsInt64(time_ns), 'UTC') AS time,
    kind = 'as_int' AS integer, if(integer, toFloat64(integer_value), double) AS value, if(integer, integer_value - toInt64(value), 0) AS integer_rest,
    toFixedString(if(length(trace) = 16, trace, ''), 16) AS trace_id, toFixedString(if(length(span) = 8, span, ''), 8) AS span_id, attributes
FROM (SELECT tenant, received_at, series_id, exemplars FROM distributions_in WHERE notEmpty(exemplars))
ARRAY JOIN
    exemplars.time_unix_nano AS time_ns, exemplars.value AS kind, exemplars.as_int AS integer_value, exemplars.as_double AS double,
    exemplars.trace_id AS trace, exemplars.span_id AS span, exemplars.filtered_attributes AS attributes
