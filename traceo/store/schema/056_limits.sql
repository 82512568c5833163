-- `limits` of the configuration, for the views that judge what arrives: set at every start, in every node.
CREATE TABLE IF NOT EXISTS limits (name String, value UInt64) ENGINE = Join(ANY, LEFT, name) SETTINGS join_any_take_last_row = 1
