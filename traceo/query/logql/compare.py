"""Texts of labels read as numbers, durations and sizes, in SQL: NULL for what is none."""

# Seconds of `1h30m`, `-1.5s`; NULL for anything else.
SECONDS = (
    "if(match({x}, '^[-+]?(?:(?:[0-9]+\\\\.?[0-9]*|\\\\.[0-9]+)(?:ns|us|µs|ms|s|m|h))+$'), "
    "if(startsWith({x}, '-'), -1, 1) * arraySum(part -> toFloat64OrZero(part[1]) * transform(part[2], "
    "['ns', 'us', 'µs', 'ms', 's', 'm', 'h'], [1e-9, 1e-6, 1e-6, 1e-3, 1., 60., 3600.], 0.), "
    "extractAllGroupsVertical({x}, '([0-9.]+)(ns|us|µs|ms|s|m|h)')), NULL)"
)
# A number of bytes such as `10KB`, `5 MiB`, `12`; NULL for anything else.
BYTES = (
    "if(match({x}, '^[0-9.]+ ?(?i:[kmgtpe]?i?b?)$'), "
    "toFloat64OrNull(extract({x}, '^[0-9.]+')) * pow(if(match({x}, '(?i)ib?$'), 1024, 1000), "
    "position('kmgtpe', lower(extract({x}, '[kKmMgGtTpPeE]')) || '') * (extract({x}, '[kKmMgGtTpPeE]') != '')), NULL)"
)
UNWRAPPED = {
    "": "toFloat64OrNull({x})",
    "duration": SECONDS,
    "duration_seconds": SECONDS,
    "bytes": BYTES,
}
READ = {"number": "toFloat64OrNull({x})", "duration": SECONDS, "bytes": BYTES}
SQL_OPERATORS = {"==": "=", "=": "=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
