"""The relational database for what is not telemetry: tenants, tokens, rules, incidents, and leases later.

`database.py` opens it (SQLite or PostgreSQL) and brings its schema up to date, `tables.py` declares it, `migrations/`
holds one file a change. The domain folders query it; it knows none of them, and nothing about telemetry.
"""
