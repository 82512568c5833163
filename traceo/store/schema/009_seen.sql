-- What was already written today of series, resources and scopes: held in memory by the engine, so that a known one costs
-- a look-up. Empty at the start, and emptied after a failed insert: writing one again does no harm.
CREATE TABLE IF NOT EXISTS seen (key UInt64) ENGINE = Set SETTINGS persistent = 0
