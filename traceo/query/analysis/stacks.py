"""Stack traces as SQL: what stays the same when a line moves, a process starts again, or a class is generated anew.

A stack becomes its frames, the innermost first, without line numbers, addresses and generated names. Frames of one's
own code decide, where there are any: the libraries below them change with every upgrade.
"""

# Language -> what only its stacks have.
MARKS = {
    "python": r'File "[^"]+", line \d+',
    "go": r"(?m)^\t\S+\.go:\d+",
    "java": (
        r"(?m)^\s*at [\w.$/@-]+\.[\w$<>]+\("
        r"(?:[\w$.-]+\.(?:java|kt|scala|groovy|clj):\d+|Native Method|Unknown Source|[\w$.]+|<generated>)\)"
    ),
    "node": r"(?m)^\s*at .*:\d+:\d+\)?$",
    "dotnet": r"(?m)^\s*at [^\n(]+\([^)\n]*\)(?: in .*:line \d+)?\s*$",
}
# Language -> a frame, whose groups are [place, function] or [function].
FRAMES = {
    "python": r'File "([^"]+)", line \d+, in ([^\n]+)',
    "go": r"(?m)^([\w./*()%-]+)\([^\n]*\)\n\t\S+\.go:\d+",
    "java": r"(?m)^\s*at ([^(\n]+)\(",
    "node": r"(?m)^\s*at (?:async )?(?:new )?(?:([^\n(]+) \()?((?:[^\n():]|:[\\/]|[a-z]:)+):\d+:\d+\)?$",
    "dotnet": r"(?m)^\s*at ([^\n(]+)\(",
}
# The order in which languages are looked for: a .NET frame looks like any of those before it.
ORDER = ("python", "go", "java", "node", "dotnet")
LIBRARIES = (
    r"site-packages/|dist-packages/|lib/python\d|<frozen |node_modules/|node:|internal/|"
    r"^(?:java|javax|jakarta|jdk|sun|com\.sun|kotlin|kotlinx|scala|org\.springframework|org\.apache|org\.hibernate|"
    r"org\.eclipse|io\.netty|io\.grpc|reactor|io\.opentelemetry|com\.fasterxml|okhttp3|com\.zaxxer)\.|"
    r"^(?:System|Microsoft|Npgsql|Grpc|OpenTelemetry)\.|"
    r"^(?:runtime|net/http|reflect|testing|sync|syscall|encoding/\w+|database/sql|panic|"
    r"google\.golang\.org/|golang\.org/x/|go\.opentelemetry\.io/)\b"
)
# What differs from build to build or from run to run, and what takes its place, in this order.
GENERATED = (
    (r"^.*?((?:site|dist)-packages/)", r"\1"),
    (r"^.*?(node_modules/)", r"\1"),
    (r"^.*/(lib/python)[\d.]+/", r"\1/"),
    (r"\$\$Lambda[$/\w.]*|\$\$(?:EnhancerBy|FastClassBy)\w*\$\$\w+|\$\$SpringCGLIB\$\$\w+", "$$generated"),
    (r"(GeneratedMethodAccessor|GeneratedConstructorAccessor|\$Proxy)\d+", r"\1"),
    (r"lambda\$(\w+)\$\d+", r"lambda$\1"),
    (r"\.func\d+(?:\.\d+)*", ".func"),
    (r"<(\w*)>[bd]__\d+(?:_\d+)?(?:\.MoveNext)?", r"\1"),
    (r"<>c(?:__DisplayClass[\d_]+)?\.?", ""),
    (r"0x[0-9a-fA-F]+", "0x"),
    (r"\b[0-9a-f]{8,}\b", "#"),
    (r"[$@]\d+\b", ""),
    (r"[.-][0-9a-f]{6,}(\.m?js)", r"\1"),
    (r"\d+", "0"),
)
# What a message says of one case only.
VARIABLES = (
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "<id>"),
    (r"\b[\w.+-]+@[\w-]+\.[\w.]+\b", "<address>"),
    (r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{12,}\b", "<hex>"),
    (r"'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"|`[^`\n]{1,200}`", "<text>"),
    (r"\d+(?:\.\d+)*", "<n>"),
)
MAX_FRAMES = 30
MAX_STACK = 20_000  # characters that are looked at
MAX_MESSAGE = 300
SEEN_FRAMES = 8


def literal(text: str) -> str:
    """SQL for a constant of this module."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def language_of(stack: str) -> str:
    """SQL: the language of a stack, `other` if it is none of those known."""
    cases = ", ".join(f"match({stack}, {literal(MARKS[name])}), '{name}'" for name in ORDER)
    return f"multiIf({cases}, 'other')"


def frames_of(stack: str, language: str) -> str:
    """SQL: the frames of a stack, innermost first, as `place function`."""
    cases = []
    for name in ORDER:
        found = f"extractAllGroupsVertical({stack}, {literal(FRAMES[name])})"
        ordered = f"arrayReverse({found})" if name == "python" else found
        cases.append(f"{language} = '{name}', arrayMap(g -> trimBoth(arrayStringConcat(g, ' ')), {ordered})")
    lines = f"arrayFilter(l -> l != '', arrayMap(l -> trimBoth(l), splitByChar('\\n', {stack})))"
    return f"arraySlice(multiIf({', '.join(cases)}, {lines}), 1, {MAX_FRAMES})"


def without_generated(frame: str) -> str:
    """SQL: a frame without what another build or run would have otherwise."""
    return _replace_all(frame, GENERATED)


def own_frames(frames: str) -> str:
    """SQL: the frames that are no library's; all, if none is."""
    own = f"arrayFilter(f -> NOT match(f, {literal(LIBRARIES)}), {frames})"
    return f"if(empty({own}), {frames}, {own})"


def template_of(message: str) -> str:
    """SQL: the first line of a message without ids, numbers and quoted texts."""
    first = f"substring(splitByChar('\\n', {message})[1], 1, {MAX_MESSAGE})"
    return _replace_all(first, VARIABLES)


def _replace_all(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for pattern, instead in pairs:
        text = f"replaceRegexpAll({text}, {literal(pattern)}, {literal(instead)})"
    return text
