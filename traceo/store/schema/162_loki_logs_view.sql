-- Lines to log records. Ids of a trace and a span in the structured metadata are the record's own; so is its level, of
-- which the first counts that is said: in the metadata as `detected_level`, by a label, by other metadata, in the line.
-- An empty line keeps the encoding of an empty text, which tells it from no body at all. What may rest: as for OTLP.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_logs_view TO logs_in AS
WITH
    notEmpty(m) AS has_metadata,
    has_metadata AND match(m['trace_id'], '^[0-9a-f]{32}$$') AS has_trace,
    has_metadata AND match(m['span_id'], '^[0-9a-f]{16}$$') AS has_span,
    if(has_metadata, m['detected_level'], '') AS sent_level,
    if(has_metadata, ${MetadataLevel(m)}, '') AS metadata_level,
    toLowCardinality(multiIf(sent_level != '', ${Level(sent_level)}, level != '', ${Level(level)}, metadata_level != '', ${Level(metadata_level)}, ${LineLevel(line)})) AS found_level
SELECT
    recent = 1 AND trace_id != toFixedString('', 16) AND severity_number BETWEEN 1 AND 12 AS rests,
    tenant, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at,
    fromUnixTimestamp64Nano(if(time_ns != 0, time_ns, toInt64(bitShiftRight(batch_id, 22)) * 1000000), 'UTC') AS time,
    toInt64(0) AS observed_after_ns,
    if(has_trace, toFixedString(unhex(m['trace_id']), 16), toFixedString('', 16)) AS trace_id,
    if(has_span, toFixedString(unhex(m['span_id']), 8), toFixedString('', 8)) AS span_id,
    toUInt32(0) AS flags, toInt8(${LevelNumber(found_level)}) AS severity_number, found_level AS severity_text,
    service, '' AS event_name, line AS body, if(empty(line), '\n\0', '') AS body_value, resource_id, toUInt64(0) AS scope_id,
    if(has_metadata,
        mapApply((k, v) -> (k, ${EncodedText(v)}), mapFilter((k, v) -> v != '' AND k != 'detected_level' AND NOT (k = 'trace_id' AND has_trace) AND NOT (k = 'span_id' AND has_span), m)),
        CAST(map(), 'Map(LowCardinality(String), String)')) AS attributes,
    toUInt32(0) AS dropped_attributes, if(rests, cityHash64(batch_id, rowNumberInAllBlocks()), 0) AS record_id
FROM loki_streams ARRAY JOIN times AS time_ns, lines AS line, metadata AS m
