"""Where targets come from: one file a kind of service discovery, and `providers.py` with the list of them.

A provider calls `put` with all of its groups whenever they change; it never gives up, and keeps what it knew when its
source does not answer. It knows nothing of scraping.
"""
