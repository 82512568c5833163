"""Loki's HTTP API under `/loki`, for Grafana's data source, logcli and dashboards that ask it.

Parameters, answers and errors (plain text) are Loki's, its quirks included. Asks `query/` and `live/`; the language
itself is not known here. What Loki's push takes in is `receivers/loki.py`.
"""
