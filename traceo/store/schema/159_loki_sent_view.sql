-- Streams as protobuf has them. A time of zero, and one that 64 bits of nanoseconds cannot hold, is none.
CREATE MATERIALIZED VIEW IF NOT EXISTS loki_sent_view TO loki_sent AS
SELECT tenant, batch_id, recent, toUInt64(request_bytes * length(lines) / greatest(total, 1)) AS bytes, labels,
    arrayMap((s, n) -> if(s BETWEEN -9223372036 AND 9223372035, s * 1000000000 + n, 0), seconds, nanos) AS times, lines, metadata
FROM
(
    SELECT tenant, batch_id, recent, request_bytes, body.streams AS sent,
        arraySum(lines -> length(lines), sent.entries.line) AS total
    FROM loki WHERE notEmpty(body.streams)
)
ARRAY JOIN sent.labels AS labels, sent.entries.timestamp.seconds AS seconds, sent.entries.timestamp.nanos AS nanos,
    sent.entries.line AS lines, sent.entries.structured_metadata AS metadata
