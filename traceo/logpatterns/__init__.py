"""Templates of log lines, mined as they arrive.

The engine counts lines by shape while it inserts them (`store/schema/175_log_shapes.sql`); `miner.py` gives each new
shape to a template of `templates.py`, a few a second at the most. Reads are in `query/log_patterns.py`.
"""
