"""Prometheus' messages that the scraper reads (`exposed.proto`) and writes (`written.proto`), and their generated code.

The packages' names are our own, so that no other code's copy of the same messages gets into their way.
"""
