"""One runnable file per claim: each starts a real `traceo serve`, loads it from outside, and reads /proc and the disk.

`generate.py` and `data/` make the load, `sender.py` sends it from a process of its own, `server.py` runs the server,
`report.py` prints and keeps the figures in RESULTS.md. Knows nothing of Traceo's inside: flags, ports, files.
"""
