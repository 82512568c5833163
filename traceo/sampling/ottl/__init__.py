"""The comparison and boolean part of OTTL, the Collector's language: text to tokens, to a tree, to a condition in SQL.

`lexer` -> `parser` -> `compiler`, over the paths of `paths` and the values of `values`. It knows the columns of spans
and their side tables. What OTTL can say and Traceo cannot answer exactly is refused with its position.
"""
