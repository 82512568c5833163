-- The traces that the sampler's running round judges. Lives in memory; filled anew by each round.
CREATE TABLE IF NOT EXISTS cohort (trace_id FixedString(16)) ENGINE = Set SETTINGS persistent = 0
