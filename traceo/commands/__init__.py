"""The subcommands of `traceo`, one file each: arguments, and one function that runs.

Imports of anything heavy stay inside the functions, so that `traceo --help` answers at once.
"""
