"""Tempo's API: what Grafana's Tempo data source asks for. Translates HTTP; `query/traceql` answers."""
