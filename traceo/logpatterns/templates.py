"""From one line of each shape to templates: variables are masked, lines of the same build are merged.

In the way of Drain (He et al., ICWS 2017), with another first step: lines may be merged when what stands between their
words is the same, so that JSON, logfmt and access logs are told apart at once; then most of their words must be equal.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

ANY = "<_>"  # of Loki, too
MAX_TEMPLATES = 300  # of one service; lines beyond are those of the template ANY
OTHERS = 0  # the number of that one
SIMILAR = 0.6  # so many of the words that are no variables must be equal
UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
WORD_WITH_DIGIT = re.compile(r"[^\W\d]*\d\w*")
JOINED = re.compile(r"<_>(?:[-.:+,]<_>)+")  # addresses, times, versions, decimals
TOKEN = re.compile(r"<_>|\w+|\W", re.ASCII)


@dataclass(slots=True)
class Template:
    """`number`: 64 bits, the hash of the service and of the first text; it stays when the text becomes more general."""

    number: int
    tokens: list[str]

    @property
    def text(self) -> str:
        """With ANY for what varies."""
        return "".join(self.tokens)


class Templates:
    """Those of one service."""

    def __init__(self, service: str, known: Iterable[tuple[int, str]] = ()) -> None:
        self._service = service
        self._by_build: dict[tuple[str, ...], list[Template]] = {}
        self._size = 0
        for number, text in known:
            self._add(Template(number, split(text)))

    def place(self, line: str) -> tuple[Template | None, bool]:
        """The line's template (None: OTHERS), and whether it is new or has become more general."""
        tokens = split(mask(line))
        best = max(self._by_build.get(_build_of(tokens), ()), key=lambda found: _likeness(found, tokens), default=None)
        if best is not None and _likeness(best, tokens) >= SIMILAR:
            merged = [old if old == new else ANY for old, new in zip(best.tokens, tokens, strict=True)]
            changed = merged != best.tokens
            best.tokens = merged
            return best, changed
        if self._size >= MAX_TEMPLATES:
            return None, False
        text = f"{self._service}\0{''.join(tokens)}".encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(text, digest_size=8).digest()
        template = Template(int.from_bytes(digest, "big") or 1, tokens)
        self._add(template)
        return template, True

    def _add(self, template: Template) -> None:
        self._by_build.setdefault(_build_of(template.tokens), []).append(template)
        self._size += 1


def mask(line: str) -> str:
    """ANY for what is a variable by its looks: ids, numbers, addresses, times."""
    return JOINED.sub(ANY, WORD_WITH_DIGIT.sub(ANY, UUID.sub(ANY, line)))


def split(text: str) -> list[str]:
    """Words, ANY, and each character between them."""
    return TOKEN.findall(text)


def _is_word(token: str) -> bool:
    return token == ANY or token[0] == "_" or token[0].isalnum()


def _build_of(tokens: list[str]) -> tuple[str, ...]:
    """What stands between the words."""
    return tuple("" if _is_word(token) else token for token in tokens)


def _likeness(template: Template, tokens: list[str]) -> float:
    """The share of the template's fixed words that the line has, too; 1 for a line that it matches."""
    fixed = equal = 0
    for old, new in zip(template.tokens, tokens, strict=True):
        if old != ANY and _is_word(old):
            fixed += 1
            equal += old == new
    return equal / fixed if fixed else float(template.tokens == tokens)
