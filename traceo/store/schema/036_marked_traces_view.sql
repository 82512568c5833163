-- Traces that their sender wants kept: the header X-Traceo-Keep of the OTLP request, an attribute that instrumentations make
-- of that header on the application's own request, or of a baggage entry, or a member of the W3C trace state. A value is
-- 1 or true as a text, the same in a list of one (captured headers are lists), the number 1, or true. Nearly no span has
-- any: `has` looks at a block's dictionary of keys, and no value is read.
CREATE MATERIALIZED VIEW IF NOT EXISTS marked_traces_view TO kept_traces${local} AS
WITH ['\n\x011', '\n\x04true', '\x10\x01', '\x18\x01', '*\x05\n\x03\n\x011', '*\b\n\x06\n\x04true'] AS yes
SELECT DISTINCT tenant, 'on demand: marked' AS source, trace_id
FROM spans_in${local}
WHERE recent = 1
    AND (keep = 1
        OR trace_state != '' AND match(trace_state, '(?:^|,)[ \t]*traceo=keep:1[ \t]*(?:,|$$)')
        OR has(mapKeys(attributes), 'traceo.keep') AND has(yes, attributes['traceo.keep'])
        OR has(mapKeys(attributes), 'http.request.header.x-traceo-keep')
            AND has(yes, attributes['http.request.header.x-traceo-keep'])
        OR has(mapKeys(attributes), 'http.request.header.x_traceo_keep')
            AND has(yes, attributes['http.request.header.x_traceo_keep']))
