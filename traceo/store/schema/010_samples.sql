-- Points of gauges and sums. Sorted by hours, then by series, because every question asks for series over
-- time: the newest value of ten thousand series takes a tenth of the time that it takes where a whole day of a series lies
-- together, and does not grow with the day; one series over many hours takes no longer (ADR 28).
-- Most values are whole numbers: counts, bytes. `whole` is the value of those, exact to 64 bits, and 0 for all others, whose
-- value is `fractional`: neighbours of a series then differ in few bits, which T64 in bit order keeps and nothing else
-- (20 000 series over two hours: 0.76 bytes; the same as Float64 1.28 with Delta, 1.37 with Gorilla). The column of the
-- two that a series does not use is all zeros, and costs nothing. flags bit 0: no recorded value (the series became stale).
-- Times are kept as differences: DoubleDelta takes 1.7 times as much when they jitter, as those of real senders do.
-- cluster: sharded by series_id
CREATE TABLE IF NOT EXISTS samples${local}
(
    tenant LowCardinality(String),
    series_id UInt64 CODEC(ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(Delta, ZSTD(1)),
    whole Int64 CODEC(Delta, T64('bit'), ZSTD(1)),
    fractional Float64 CODEC(Delta, ZSTD(1)),
    value Float64 ALIAS if(whole = 0, fractional, toFloat64(whole)),
    start_time_ns UInt64 CODEC(ZSTD(1)),
    flags UInt32 CODEC(ZSTD(1)),
    received_at DateTime DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (tenant, intDiv(toUnixTimestamp64Nano(time), 3600000000000), series_id, time)
SETTINGS ratio_of_defaults_for_sparse_serialization = 0.9, non_replicated_deduplication_window = 1000, materialize_ttl_recalculate_only = 1, ttl_only_drop_parts = 1
