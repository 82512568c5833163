"""Queries that somebody saved for everybody of a tenant.

`queries.py` keeps them in the state database. It knows their texts and no language: a text that was saved is never run
here, and what is wrong with it is said by whoever runs it.
"""
