"""The migrations, in the order of their numbers. They spell types out and import nothing from Traceo.

A migration stands for the schema of its day: what `tables.py` says changes later, what a migration did does not.
"""
