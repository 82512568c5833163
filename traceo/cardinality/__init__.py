"""Cardinality: what series cost a tenant, and whether anybody asks for them.

`usage.py` counts in the state database which metrics queries select, `report.py` puts that beside what the engine
counts. It knows the query and state layers, and neither HTTP nor its sibling domains.
"""
