"""PromQL: text to tree (lexer, parser, checks, printer), and its evaluation over the engine.

The engine selects series and points; numpy works on (series x step) grids. It knows the tables of metrics, and neither
HTTP nor the shape of Prometheus' JSON. Formulas and texts of errors, warnings and infos are those of Prometheus 3.
"""
