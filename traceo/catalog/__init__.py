"""The catalogue of services: what is known of them from their telemetry.

Asks the store, knows nothing of HTTP. Today: who calls whom (`edges.py`).
"""
