"""Alembic's folder: `env.py` runs inside `traceo.state.database.upgrade`, `versions/` holds one file a change.

A new one is a copy of the newest with the next number, `down_revision` set to it, and only forward steps: there is no
downgrade, a backup is. Released ones never change. They work on SQLite and PostgreSQL alike.
"""
