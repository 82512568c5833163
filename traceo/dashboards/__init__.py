"""User-made dashboards: what one is made of, and its versions in the state database.

`model.py` says what a dashboard is, `reading.py` checks JSON against it, `service.py` stores and finds versions,
`grafana.py` and its neighbours translate what others export. Queries are asked by who shows a panel: nothing here knows
HTTP or the engine.
"""
