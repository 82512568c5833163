"""LogQL, Loki's language: text to a tree (`parser.py`), lines to SQL (`pipeline.py`), ranges to grids (`ranges.py`).

Pipelines run in the engine. What stands above a range aggregation is PromQL's: aggregations and operators on grids.
Which labels a stream has is `query/log_streams.py`'s to say. Knows nothing of HTTP.
"""
