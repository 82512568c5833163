-- The receiver has checked the labels' text (loki_labels.py): each name once, values in double quotes, where only
-- quotes and backslashes are escaped. A stream is the same in whatever order its labels come.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_streams_view TO loki_streams AS
WITH
    extractAllGroupsHorizontal(labels, '([^\\s,{"=]+)="((?:[^"\\\\]|\\\\.)*)"') AS parts,
    arraySort(arrayZip(parts[1], parts[2])) AS pairs, pairs.1 AS names,
    arrayMap(v -> if(position(v, '\\') = 0, v, replaceRegexpAll(v, '\\\\(.)', '\\1')), pairs.2) AS values
SELECT tenant, batch_id, recent, bytes,
    toLowCardinality(if(${StreamService(names, values)} AS found = '', 'unknown_service', found)) AS service,
    cityHash64('loki:stream', names, values) AS resource_id,
    mapFromArrays(CAST(names, 'Array(LowCardinality(String))'), arrayMap(v -> ${EncodedText(v)}, values)) AS attributes,
    toLowCardinality(${StreamLevel(names, values)}) AS level, times, lines, metadata
FROM loki_sent
