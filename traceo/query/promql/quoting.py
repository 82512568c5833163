"""Go's quoting of texts, which PromQL uses: read, and written as `%q` does."""

import re

ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
WRITTEN = {value: f"\\{name}" for name, value in ESCAPES.items()} | {'"': '\\"'}
PLAIN = {'"': re.compile(r'[^"\\\n]+'), "'": re.compile(r"[^'\\\n]+")}
LENGTHS = {"x": 2, "u": 4, "U": 8}


def quote(text: str) -> str:
    """In double quotes, as Go's `%q`."""
    return f'"{"".join(_escape(char) for char in text)}"'


def quote_char(char: str) -> str:
    """In single quotes, as Go's `%q` of a rune; U+FFFD at the end of the text."""
    if not char:
        return "'\ufffd'"
    written = {"'": "\\'", '"': '"'}.get(char) or _escape(char)
    return f"'{written}'"


def _escape(char: str) -> str:
    if char in WRITTEN:
        return WRITTEN[char]
    if "\udc80" <= char <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(char) - 0xDC00:02x}"
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def unquote(text: str, at: int) -> tuple[str, int, str]:
    """Of the quoted text that begins there, in bytes as Latin-1: its content, its end, and what is wrong with it."""
    mark = text[at]
    if mark == "`":
        end = text.find("`", at + 1)
        if end < 0:
            return "", len(text), "unterminated raw string"
        return _decode(text[at + 1 : end].replace("\r", "").encode("latin-1")), end + 1, ""
    content = bytearray()
    place = at + 1
    while place < len(text) and text[place] != mark:
        if text[place] == "\n":
            return "", place, "unterminated quoted string"
        if plain := PLAIN[mark].match(text, place):
            content += plain.group().encode("latin-1")
            place = plain.end()
            continue
        piece, place, problem = _unescape(text, place + 1, mark)
        if problem:
            return "", place, problem
        content += piece
    if place >= len(text):
        return "", place, "unterminated quoted string"
    return _decode(bytes(content)), place + 1, ""


def _unescape(text: str, at: int, mark: str) -> tuple[bytes, int, str]:
    char = text[at : at + 1]
    if not char:
        return b"", at, "escape sequence not terminated"
    if char == mark or char in ESCAPES:
        return ESCAPES.get(char, char).encode(), at + 1, ""
    if char in "01234567":
        start, length, base = at, 3, 8
    elif char in LENGTHS:
        start, length, base = at + 1, LENGTHS[char], 16
    else:
        return b"", at, f"unknown escape sequence U+{ord(char):04X} '{char}'"
    digits = text[start : start + length]
    try:
        number = int(digits, base) if len(digits) == length and digits.isalnum() else -1
    except ValueError:
        number = -1
    if number < 0:
        return (
            b"",
            at,
            "illegal character in escape sequence" if len(digits) == length else "escape sequence not terminated",
        )
    if char not in "uU":
        return (
            (bytes([number]), start + length, "")
            if number < 256
            else (b"", at, "escape sequence is an invalid Unicode code point")
        )
    if number > 0x10FFFF or 0xD800 <= number < 0xE000:
        return b"", at, "escape sequence is an invalid Unicode code point"
    return chr(number).encode(), start + length, ""


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")
