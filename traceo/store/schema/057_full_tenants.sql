-- Hashes of tenant and day: who has as many series today as `limits.max_series` allows. Held in memory; see cardinality/limits.py.
CREATE TABLE IF NOT EXISTS full_tenants (key UInt64) ENGINE = Set SETTINGS persistent = 0
