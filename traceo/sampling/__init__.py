"""Tail sampling as a query: a policy set becomes one SELECT with a threshold and verdict for each trace of a cohort.

`model` and `parse` read the set, `outcomes` and `policies` compile it; `ottl` is a language of its own. It runs on the
store alone and holds no span in Python; it knows no HTTP and no domain service.
"""
