"""The routes under /api/v1, one file a noun, each with its `router`; `app.py` lists them.

A route reads its parameters, calls one function of `traceo.query` or of a domain service, and names what comes back. No
SQL, no decisions.
"""
