-- Of full tenants, hashes of series and day: those that go on, by the id that their labels have. Not `seen`, which is each shard's own and may be emptied.
CREATE TABLE IF NOT EXISTS known_series (key UInt64) ENGINE = Set SETTINGS persistent = 0
