"""The telemetry engine: schema, inserts of wire bytes, queries; chDB in this process or a ClickHouse cluster.

The only package that imports chdb or clickhouse_connect. It knows tables and bytes: no protocol, no query language, and
nothing of the state database beside it.
"""
