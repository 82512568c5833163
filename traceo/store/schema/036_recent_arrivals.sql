-- When blocks with which arrival times came into the recent window: what is new there is found without a look at the rest.
CREATE TABLE IF NOT EXISTS recent_arrivals${local}
(
    tenant LowCardinality(String),
    inserted_at DateTime DEFAULT now(),
    received_at DateTime
)
ENGINE = ${Replicated}MergeTree
PARTITION BY toStartOfHour(inserted_at)
ORDER BY (tenant, inserted_at)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
