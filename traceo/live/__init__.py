"""Live tails: rows as they arrive, for any number of clients with bounded buffers.

`follow.py` is the way in (`Live.follow`), `feed.py` finds the new rows of one filter, `watch.py` says what may be
followed. `changes.py` tells open pages that something arrived, and which services are not as healthy as they were.
Asks `query/`; knows nothing of HTTP or of the languages that make conditions.
"""
