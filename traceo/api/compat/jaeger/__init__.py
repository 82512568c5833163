"""Jaeger's API: what its UI and Grafana's Jaeger data source ask for. Translates HTTP; `query/` answers."""
