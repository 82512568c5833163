-- Only series that were not yet written today; `label_sets_seen_view` notes them in `seen` once they are. Here the labels of
-- a new series are taken apart: each is 0x0A, its length (a varint of one or two bytes), 0x0A, the name's length (one
-- byte), the name, 0x12, the value's length (as the label's), the value. `starts` are the places where labels begin; there
-- are no more of them than every second line feed.
CREATE MATERIALIZED VIEW IF NOT EXISTS plain_label_sets_view TO label_sets${local} AS
WITH
    arrayFold((found, i) -> arrayPushBack(found, toUInt32(found[-1] + if(ascii(substring(text, found[-1] + 1)) < 128,
        2 + ascii(substring(text, found[-1] + 1)),
        3 + ascii(substring(text, found[-1] + 1)) % 128 + 128 * ascii(substring(text, found[-1] + 2))))),
        range(intDiv(countSubstrings(text, '\n'), 2)), [toUInt32(1)]) AS folded,
    arrayFilter(start -> start <= length(text), folded) AS starts,
    arrayPushBack(arrayPopFront(starts), toUInt32(length(text) + 1)) AS ends,
    arrayMap((start, end) -> substring(text, start + if(ascii(substring(text, start + 1)) < 128, 2, 3), end - start - if(ascii(substring(text, start + 1)) < 128, 2, 3)), starts, ends) AS pairs,
    arrayMap(pair -> substring(pair, 3, ascii(substring(pair, 2))), pairs) AS names,
    arrayMap(pair -> substring(pair, 3 + ascii(substring(pair, 2))), pairs) AS rests,
    arrayMap(rest -> substring(rest, if(length(rest) < 130, 3, 4)), rests) AS values
SELECT tenant, values[indexOf(names, '__name__')] AS metric, series_id, series_id AS source_id,
    mapFilter((name, value) -> name != '__name__', mapFromArrays(names, values)) AS labels
FROM
(
    SELECT tenant, series_id, substring(encoded, 1, label_bytes) AS text
    FROM plain_samples_in${local} WHERE label_bytes > 0 AND cityHash64(series_id, today()) NOT IN seen LIMIT 1 BY series_id
)
