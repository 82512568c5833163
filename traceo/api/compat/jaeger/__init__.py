"""Jaeger's API: what its UI and Grafana's Jaeger data source ask for.

Translates HTTP and Jaeger's JSON; `query/` answers. Searches are TraceQL.
"""
