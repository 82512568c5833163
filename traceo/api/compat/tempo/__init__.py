"""Tempo's API: what Grafana's Tempo data source asks for.

Translates HTTP and Tempo's JSON; `query/traceql` and `query/otlp_trace.py` answer.
"""
