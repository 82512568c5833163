"""logfmt as SQL. The engine's own function reads lines without mistakes; what is wrong in others is taken out first."""

BLANK = "[\\\\x00-\\\\x20]"
PLAIN = '[^\\\\x00-\\\\x20="]'
QUOTED = '"(?:[^"\\\\\\\\]|\\\\\\\\.)*"'
PAIRS = f"{BLANK}*(?:{PLAIN}+(?:={QUOTED}{BLANK}*|={PLAIN}*(?:{BLANK}+|$)|(?:{BLANK}+|$)))*"
# A key with a value in quotes or a plain one, or alone; else a value whose quotes do not close; else a word to skip.
TOKEN = f'({PLAIN}+)(?:=(?:({QUOTED})|({PLAIN}*)(?:{BLANK}|$))|{BLANK}|$)|{PLAIN}+="(?s:.*)$|[^\\\\x00-\\\\x20]+'


def well_formed(line: str) -> str:
    """SQL: the line is keys and pairs, with nothing wrong between them."""
    return f"match({line}, '(?s)^{PAIRS}$')"


def pairs_of(line: str, *, strict: bool) -> str:
    """SQL: the map of keys and values. `strict`: up to the first mistake; else mistakes are left out."""
    return f"extractKeyValuePairsWithEscaping({_clean(line, strict=strict)}, '=', ' \\t\\n\\r', '\"')"


def standalone_of(line: str, *, strict: bool) -> str:
    """SQL: the keys that stand alone, without a value."""
    tokens = f"extractAllGroupsVertical({_clean(line, strict=strict)}, '{TOKEN}')"
    return f"arrayMap(t -> t[1], arrayFilter(t -> t[1] != '' AND t[2] = '' AND t[3] = '', {tokens}))"


def _clean(line: str, *, strict: bool) -> str:
    if strict:
        kept = f"extract({line}, '(?s)^({PAIRS})')"
    else:
        tokens = f"arrayFilter(t -> t[1] != '', extractAllGroupsVertical({line}, '{TOKEN}'))"
        kept = f"arrayStringConcat(arrayMap(t -> concat(t[1], '=', t[2], t[3]), {tokens}), ' ')"
    return f"if({well_formed(line)}, {line}, {kept})"
