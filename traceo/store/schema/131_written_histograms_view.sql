-- A bucket's index is the sum of the offsets up to its span and of the buckets before it, because each offset counts from the
-- end of the span before. A series may have samples and histograms: the latter have an id of their own.
CREATE MATERIALIZED VIEW IF NOT EXISTS written_histograms_view TO native_histograms${local} AS
SELECT tenant, received_at, ${NativeId(series_id)} AS series_id, fromUnixTimestamp64Nano(1000000 * h.timestamp, 'UTC') AS time,
    1000000 * greatest(h.start_timestamp, created_ms, 0) AS start_time_ns,
    CAST(if(h.reset_hint IN (1, 2, 3), toInt8(h.reset_hint), 0) AS Enum8('unknown' = 0, 'yes' = 1, 'no' = 2, 'gauge' = 3)) AS reset_hint,
    h.count = 'count_float' AS is_float, h.schema AS schema, h.zero_threshold AS zero_threshold,
    if(is_float, h.zero_count_float, toFloat64(h.zero_count_int)) AS zero_count, if(is_float, h.count_float, toFloat64(h.count_int)) AS count, h.sum AS sum,
    arrayFlatten(arrayMap((first, size) -> range(first, first + size), arrayMap((offset, end, size) -> toInt64(offset) + toInt64(end) - toInt64(size), arrayCumSum(h.positive_spans.offset), arrayCumSum(h.positive_spans.length), h.positive_spans.length), arrayMap(size -> toInt64(size), h.positive_spans.length))) AS positive_indexes,
    if(is_float, h.positive_counts, arrayMap(n -> toFloat64(n), arrayCumSum(h.positive_deltas))) AS positive_counts,
    arrayFlatten(arrayMap((first, size) -> range(first, first + size), arrayMap((offset, end, size) -> toInt64(offset) + toInt64(end) - toInt64(size), arrayCumSum(h.negative_spans.offset), arrayCumSum(h.negative_spans.length), h.negative_spans.length), arrayMap(size -> toInt64(size), h.negative_spans.length))) AS negative_indexes,
    if(is_float, h.negative_counts, arrayMap(n -> toFloat64(n), arrayCumSum(h.negative_deltas))) AS negative_counts,
    h.custom_values AS custom_bounds
FROM written_series${local} ARRAY JOIN histograms AS h
