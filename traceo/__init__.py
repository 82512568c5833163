"""Traceo, an observability platform: traces, metrics and logs in; answers out.

Reading order: `config.py` (what can be set), `app.py` (what is wired to what), then a folder at a time, downwards:
`api`, `receivers`, the domain folders, `query`, `store`, `state`. Imports point down; import-linter checks it.
"""

__version__ = "0.1.0"
