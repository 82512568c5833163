-- Labels are kept as encoded `AnyValue`s, as other exemplars' attributes are.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_exemplars_view TO exemplars${local} AS
WITH
    values[indexOf(names, 'trace_id')] AS trace, values[indexOf(names, 'span_id')] AS span
SELECT tenant, received_at, series_id, fromUnixTimestamp64Nano(1000000 * exemplar.2, 'UTC') AS time, exemplar.1 AS value,
    toFixedString(if(match(trace, '^[0-9a-fA-F]{32}$$'), unhex(trace), ''), 16) AS trace_id,
    toFixedString(if(match(span, '^[0-9a-fA-F]{16}$$'), unhex(span), ''), 8) AS span_id,
    mapFromArrays(names, arrayMap(value -> concat('\n', ${Varint(value)}, value), values)) AS attributes
FROM written_series${local} ARRAY JOIN exemplars AS exemplar, exemplar_names AS names, exemplar_values AS values
