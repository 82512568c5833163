-- The verdicts of the sampler's running round, on their way to `decisions` and into the copying of kept spans. In memory.
-- `services` and `sizes` have an entry for each span.
CREATE TABLE IF NOT EXISTS verdicts
(
    trace_id FixedString(16), first_arrival DateTime, keep Bool, would_drop Bool, policy LowCardinality(String),
    votes Array(LowCardinality(String)), threshold UInt64, randomness UInt64, spans UInt32, bytes UInt64,
    keys Map(LowCardinality(String), String), last_arrival DateTime, services Array(LowCardinality(String)), sizes Array(UInt32)
)
ENGINE = Memory
