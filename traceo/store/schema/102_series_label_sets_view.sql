-- OTLP's series as Prometheus names them ("Prometheus and OpenMetrics compatibility" of OpenTelemetry's specification); see
-- metric_naming.py. A histogram and a summary become several. Attributes whose names become the same are joined.
CREATE MATERIALIZED VIEW IF NOT EXISTS series_label_sets_view TO label_sets${local} AS
WITH
    extractAll(s.metric, '[a-zA-Z0-9:]+') AS tokens,
    splitByChar('/', s.unit, 2) AS units, trimBoth(units[1]) AS sent_unit, trimBoth(units[2]) AS sent_per,
    if(match(sent_unit, '[{}]'), '', transform(sent_unit,
        ['d', 'h', 'min', 's', 'ms', 'us', 'ns', 'By', 'KiBy', 'MiBy', 'GiBy', 'TiBy', 'KBy', 'MBy', 'GBy', 'TBy', 'm', 'V', 'A', 'J', 'W', 'g', 'Cel', 'Hz', '1', '%'],
        ['days', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds', 'nanoseconds', 'bytes', 'kibibytes', 'mebibytes', 'gibibytes', 'tibibytes', 'kilobytes', 'megabytes', 'gigabytes', 'terabytes', 'meters', 'volts', 'amperes', 'joules', 'watts', 'grams', 'celsius', 'hertz', '', 'percent'], sent_unit)) AS unit_word,
    if(match(sent_per, '[{}]'), '', transform(sent_per,
        ['s', 'm', 'h', 'd', 'w', 'mo', 'y'], ['second', 'minute', 'hour', 'day', 'week', 'month', 'year'], sent_per)) AS per_word,
    trim(BOTH '_' FROM replaceRegexpAll(unit_word, '[^a-zA-Z0-9:]+', '_')) AS unit_token,
    trim(BOTH '_' FROM replaceRegexpAll(per_word, '[^a-zA-Z0-9:]+', '_')) AS per_token,
    arrayConcat(tokens, if(unit_token = '' OR has(tokens, unit_token), [], [unit_token]), if(per_token = '', [], [concat('per_', per_token)])) AS with_unit,
    multiIf(type = 7 AND monotonic, 'total', type = 5 AND s.unit = '1', 'ratio', '') AS last,
    ${MetricName} AS base,
    arraySort(pair -> pair.1, arrayMap((key, value) -> (key, ${Label(key)}, ${Text(value)}), mapKeys(s.attributes), mapValues(s.attributes))) AS pairs,
    arrayDistinct(pairs.2) AS names,
    mapFromArrays(names, arrayMap(wanted -> arrayStringConcat(arrayMap(pair -> pair.3, arrayFilter(pair -> pair.2 = wanted, pairs)), ';'), names)) AS own,
    mapUpdate(own, mapApply((key, value) -> (${Label(key)}, value), JSONExtract(target, 'Map(String, String)'))) AS shared,
    arrayMap(bound -> multiIf(bound = inf, '+Inf', bound = -inf, '-Inf', toString(bound)), if(type = 9, arrayPushBack(arrayFilter(bound -> bound < inf, s.bounds), inf), s.bounds)) AS texts,
    multiIf(
        type = 9, arrayConcat(arrayMap(text -> ('_bucket', 'bucket', 'le', text), texts), [('_sum', 'bucket_sum', '', ''), ('_count', 'bucket_count', '', '')]),
        type = 10, [('', 'exponential', '', '')],
        type = 11, arrayConcat(arrayMap(text -> ('', 'summary_quantile', 'quantile', text), texts), [('_sum', 'summary_sum', '', ''), ('_count', 'summary_count', '', '')]),
        [('', if(temporality = 1, 'delta', 'samples'), '', '')]) AS parts
SELECT tenant, concat(base, part.1) AS metric, if(part.1 = '' AND part.3 = '', s.series_id, cityHash64(s.series_id, part.1, part.4)) AS series_id,
    s.series_id AS source_id, part.2 AS kind, mapFilter((label, value) -> notEmpty(value), mapUpdate(shared, if(part.3 = '', map(), map(part.3, part.4)))) AS labels
FROM series${local} AS s
ARRAY JOIN parts AS part
