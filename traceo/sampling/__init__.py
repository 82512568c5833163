"""Tail sampling as a query: policies become one SQL verdict per trace, and the kept traces are copied.

It runs on the store alone and holds no span in Python; it knows no HTTP and no domain service.
"""
