"""TraceQL, Tempo's language: text to a tree (`parser.py`), fields to SQL (`fields.py`), traces found (`search.py`).

What is asked of one span is a condition that the engine answers; what is asked of spans together (structure, groups,
aggregates: `structure.py`) is computed with numpy for all candidate traces at once. `metrics.py` has series over time.
Knows nothing of HTTP.
"""
