-- A histogram's spans say how many buckets follow: where there are more or fewer, its series is refused. Custom buckets
-- (schema -53) are as many as ascending bounds, and one more (Prometheus' `Validate`). Times are milliseconds; what nanoseconds in 64 bits cannot hold is refused.
CREATE MATERIALIZED VIEW IF NOT EXISTS judged_series_view TO judged_series AS
WITH
    arraySort(label -> label.1, arrayFilter(label -> notEmpty(label.2), arrayZip(sent_names, sent_values))) AS labels,
    arrayMap((name, value) -> concat(
        '\n', ${Varint(name)}, name, '\x12', ${Varint(value)}, value), names, values) AS inner_labels,
    arrayStringConcat(arrayMap(label -> concat('\n', ${Varint(label)}, label), inner_labels)) AS encoded,
    ${EncodedName(encoded)} AS name, cityHash64(tenant, encoded) AS hash,
    arrayConcat(samples.timestamp, histograms.timestamp, exemplars.timestamp) AS times,
    ifNull(nullIf(joinGet('limits', 'value', 'max_labels'), 0), 1000) AS max_labels,
    ifNull(nullIf(joinGet('limits', 'value', 'max_label_name'), 0), 1024) AS max_label_name,
    ifNull(nullIf(joinGet('limits', 'value', 'max_label_value'), 0), 65535) AS max_label_value
SELECT tenant, toDateTime(intDiv(bitShiftRight(batch_id, 22), 1000)) AS received_at, batch_id, request_index, bytes,
    values[indexOf(names, '__name__')] AS metric, ${SeriesId(name, hash)} AS series_id, labels.1 AS names, labels.2 AS values,
    samples, histograms, created_ms, exemplar_names, exemplar_values, exemplars,
    multiIf(
        bad_refs, 'it refers to symbols that the request does not have',
        arrayExists(name -> empty(name), sent_names), 'a label has no name',
        length(arrayDistinct(sent_names)) < length(sent_names), concat('the label ', toValidUTF8(arrayFirst((name, i) -> i > 1 AND name = arraySort(sent_names)[i - 1], arraySort(sent_names), arrayEnumerate(sent_names))), ' comes twice'),
        NOT isValidUTF8(encoded_texts), 'a label is no UTF-8',
        NOT has(names, '__name__'), 'it has no metric name (label __name__)',
        arrayExists(name -> length(name) > max_label_name, names), concat('a label\'s name is longer than ', toString(max_label_name), ' bytes (limits.max_label_name)'),
        arrayExists(value -> length(value) > max_label_value, values), concat('a label\'s value is longer than ', toString(max_label_value), ' bytes (limits.max_label_value)'),
        length(names) > max_labels, concat('it has more than ', toString(max_labels), ' labels (limits.max_labels)'),
        arrayExists(time -> abs(time) > 9223372036854, times), 'a timestamp is out of range',
        arrayExists(schema -> schema != -53 AND (schema < -4 OR schema > 8), histograms.schema), 'a histogram\'s schema is unknown',
        arrayExists((spans, deltas, counts) -> arraySum(spans.length) != length(deltas) + length(counts), histograms.positive_spans, histograms.positive_deltas, histograms.positive_counts)
            OR arrayExists((spans, deltas, counts) -> arraySum(spans.length) != length(deltas) + length(counts), histograms.negative_spans, histograms.negative_deltas, histograms.negative_counts),
        'a histogram\'s buckets do not match its spans',
        arrayExists((schema, bounds, spans, below_zero) -> schema = -53 AND (notEmpty(below_zero.length)
            OR arrayExists(offset -> offset < 0, spans.offset) OR arraySum(spans.offset) + arraySum(spans.length) > length(bounds) + 1
            OR arrayExists(bound -> NOT isFinite(bound), bounds) OR arraySort(arrayDistinct(bounds)) != bounds),
            histograms.schema, histograms.custom_values, histograms.positive_spans, histograms.negative_spans),
        'a histogram\'s custom buckets do not match its bounds',
        cityHash64(tenant, today()) IN full_tenants AND cityHash64(series_id, today()) NOT IN known_series
            AND cityHash64(${NativeId(series_id)}, today()) NOT IN known_series,
        concat('it is new, and the tenant has as many series today as it may: ', toString(joinGet('limits', 'value', 'max_series')), ' (limits.max_series)'),
        '') AS problem,
    metadata_type, help, unit
FROM (SELECT * EXCEPT (names, values), names AS sent_names, values AS sent_values, arrayStringConcat(arrayConcat(sent_names, sent_values), ' ') AS encoded_texts FROM sent_series)
