-- Blocks of `service_edges_blocks` that every shard has computed: only these are read, all others from finer rows.
-- cluster: local
CREATE TABLE IF NOT EXISTS edge_blocks_done${local}
(
    span_s UInt32,
    minute DateTime('UTC'),
    done_at DateTime64(3, 'UTC')
)
ENGINE = ${Replicated}ReplacingMergeTree(done_at)
PARTITION BY toYYYYMM(minute)
ORDER BY (span_s, minute)
