"""The relational database for what is not telemetry: tenants, tokens, sampling policies, leases, and more later.

`database.py` opens it (SQLite or PostgreSQL) and brings its schema up to date, `tables.py` declares it, `migrations/`
holds one file a change, `leases.py` lets one replica of many do a job. The domain folders query it; it knows none of
them, and nothing about telemetry.
"""
