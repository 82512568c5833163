"""What the recent window makes possible after the fact: policies are tried out on what came (what-if), and traces are
kept that nobody knew would matter (rewind).

It brings `sampling` and `query` together, which do not know each other. It asks the store and knows no HTTP.
"""
