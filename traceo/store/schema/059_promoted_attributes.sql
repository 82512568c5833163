-- Resource attributes that become labels of every series, as `metrics.promote_resource_attributes` says. Written at each
-- start.
CREATE TABLE IF NOT EXISTS promoted_attributes (name String) ENGINE = MergeTree ORDER BY name
