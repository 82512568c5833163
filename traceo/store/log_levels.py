"""Levels of log lines as Loki finds them, in SQL: `${Name(column)}` in schema/*.sql.

A level is one of Loki's words, or what the sender wrote where that is none of them. In a line without fields Loki sees
a few spellings only, so that `ERROR no space` has no level: the first such word in capitals counts here, too.
"""

from collections.abc import Callable

# Loki's words for each level; in its order, which decides for a line that has several.
WORDS = {
    "trace": ("trace", "trc"),
    "debug": ("debug", "dbg"),
    "info": ("info", "inf", "information"),
    "warn": ("warn", "wrn", "warning"),
    "error": ("error", "err"),
    "critical": ("critical",),
    "fatal": ("fatal",),
}
# OpenTelemetry's numbers: of Loki's levels, and of other words that senders use.
NUMBERS = {
    "trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "critical": 18, "fatal": 21,
    "notice": 10, "alert": 19, "panic": 21, "emerg": 21, "emergency": 21,
}  # fmt: skip
# Labels and structured metadata that say a level: the first of them that is there.
LEVEL_NAMES = (
    "level", "LEVEL", "Level", "log.level", "severity", "SEVERITY", "Severity", "SeverityText", "lvl", "LVL", "Lvl",
    "severity_text", "Severity_Text", "SEVERITY_TEXT", "log_level",
)  # fmt: skip
# Labels that say a stream's service: the first of them that is there.
SERVICE_NAMES = (
    "service_name", "service", "app", "application", "app_name", "name", "app_kubernetes_io_name", "container",
    "container_name", "k8s_container_name", "component", "workload", "job", "k8s_job_name",
)  # fmt: skip
LONGEST_LEVEL = 32  # bytes: anything longer is no level
# A line with none of these has no level. One search for all of them: most lines without a field `level` end here.
HINTS = (
    "evel", "EVEL", "lvl", "LVL", "Lvl", "everity", "EVERITY", "info", "INFO", "err", "ERR", "warn", "WARN", "critical",
    "CRITICAL", "debug", "DEBUG", "FATAL", "TRACE",
)  # fmt: skip
# In a line without fields: what Loki looks for, in its order, and then words in capitals.
SPELLINGS = (
    ("info", ("info", "INFO")),
    ("error", ("err:", "ERR:", "[err]", "[ERR]", "[error]", "[ERROR]")),
    ("warn", ("warn:", "WARN:", "[warn]", "[WARN]", "warning", "WARNING")),
    ("critical", ("critical:", "CRITICAL:", "[critical]", "[CRITICAL]")),
    ("debug", ("debug", "DEBUG")),
)
CAPITALS = "(?:^|[^A-Za-z])(FATAL|CRITICAL|ERROR|ERR|WARN|TRACE)(?:[^A-Za-z]|$$)"
FIELD = "[\\\\s,{\"\\'(]"
NAMES = "(?:log[._])?(?:level|lvl|severity(?:_?text)?)"
SAYS = '"?\\\\s*[=:]\\\\s*"?([a-zA-Z]+)'


def _array(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(repr(text) for text in texts)}]"


def level_of(text: str) -> str:
    """SQL: Loki's word for a level, or the text as it is."""
    words = tuple(word for found in WORDS.values() for word in found)
    levels = tuple(level for level, found in WORDS.items() for _ in found)
    return (
        f"if(length({text}) > {LONGEST_LEVEL}, '', transform(lower({text}), {_array(words)}, {_array(levels)}, {text}))"
    )


def level_number_of(level: str) -> str:
    """SQL: OpenTelemetry's number of a level; 0 for a word that nobody knows."""
    numbers = ", ".join(f"toInt8({number})" for number in NUMBERS.values())
    return f"transform(lower({level}), {_array(tuple(NUMBERS))}, [{numbers}], toInt8(0))"


def _known(text: str) -> str:
    """SQL: Loki's word for a level; empty for any other text."""
    words = tuple(word for found in WORDS.values() for word in found)
    levels = tuple(level for level, found in WORDS.items() for _ in found)
    return f"transform(lower({text}), {_array(words)}, {_array(levels)}, '')"


def line_level_of(line: str) -> str:
    """SQL: the level that a line says by a field or by a word; empty where it says none.

    A field `level` is looked for where the word first stands; only a line that has it elsewhere is searched as a whole.
    """
    start = f"greatest(position({line}, 'level'), 2) - 1"
    near = f"extract(substring({line}, {start}, 32), '^{FIELD}?level{SAYS}')"
    anywhere = f"extract({line}, '(?i)(?:^|{FIELD}){NAMES}{SAYS}')"
    capital = f"extract({line}, '{CAPITALS}')"
    spelled = ", ".join(f"multiSearchAny({line}, {_array(forms)}), '{level}'" for level, forms in SPELLINGS)
    return (
        f"multiIf(({_known(near)} AS near_level) != '', near_level, NOT multiSearchAny({line}, {_array(HINTS)}), '', "
        f"({_known(anywhere)} AS any_level) != '', any_level, {spelled}, {_known(capital)})"
    )


def first_of(names: str, values: str, wanted: tuple[str, ...]) -> str:
    """SQL: the value of the first wanted name that is among the names; empty where none is."""
    place = f"arrayFirst(i -> i > 0, arrayMap(name -> indexOf({names}, name), {_array(wanted)}))"
    return f"{values}[{place}]"


def metadata_level_of(metadata: str) -> str:
    """SQL: what a map says of the level; empty where it says nothing."""
    return f"{metadata}[arrayFirst(name -> mapContains({metadata}, name), {_array(LEVEL_NAMES)})]"


def encoded_text_of(text: str) -> str:
    """SQL: a text of less than 256 MiB as an encoded `AnyValue`."""
    size = f"length({text})"
    low, middle = f"char({size} % 128 + 128", f"intDiv({size}, 128) % 128 + 128"
    return (
        f"concat('\\n', multiIf({size} < 128, char({size}), {size} < 16384, {low}, intDiv({size}, 128)), "
        f"{size} < 2097152, {low}, {middle}, intDiv({size}, 16384)), "
        f"{low}, {middle}, intDiv({size}, 16384) % 128 + 128, intDiv({size}, 2097152))), {text})"
    )


MACROS: dict[str, Callable[..., str]] = {
    "Level": level_of,
    "LevelNumber": level_number_of,
    "LineLevel": line_level_of,
    "MetadataLevel": metadata_level_of,
    "EncodedText": encoded_text_of,
    "StreamLevel": lambda names, values: first_of(names, values, LEVEL_NAMES),
    "StreamService": lambda names, values: first_of(names, values, SERVICE_NAMES),
}
