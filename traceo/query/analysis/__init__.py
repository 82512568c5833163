"""Analysis of traces: critical paths, sets of traces compared, heat maps of durations, groups of errors.

Spans are selected and counted in the engine; what hangs on the tree of a trace is computed in numpy, for all traces at
once, on columns. Statistics are here as formulas with their source. It knows no HTTP.
"""
