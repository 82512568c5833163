-- The shapes of each block. Measured: 0.34 CPU-s per million lines of 171 bytes; deleting the same characters by one regular
-- expression costs 0.75. A line's first 256 bytes are its shape's: what follows in longer ones is mostly data.
CREATE MATERIALIZED VIEW IF NOT EXISTS log_shapes_view TO log_shapes${local} AS
SELECT tenant, service, severity_number, minute, if(place > 500, 0, shape) AS shape, sum(counted) AS lines,
    if(place > 500, '', any(line)) AS example, max(came) AS arrived
FROM
(
    SELECT tenant, service, severity_number, minute, shape, counted, substring(found, 1, 512) AS line, came,
        row_number() OVER (PARTITION BY tenant ORDER BY counted DESC) AS place
    FROM
    (
        SELECT tenant, service, severity_number, toStartOfMinute(time) AS minute,
            cityHash64(translate(substring(body, 1, 256), '0123456789abcdefABCDEF', '')) AS shape, count() AS counted,
            any(body) AS found, max(received_at) AS came
        FROM logs_in${local}
        WHERE body != ''
        GROUP BY tenant, service, severity_number, minute, shape
    )
)
GROUP BY tenant, service, severity_number, minute, shape, place > 500
