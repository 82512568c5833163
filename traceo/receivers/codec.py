"""Content codings of request bodies, inflated no further than a limit.

A decompression bomb costs its limit in memory and no more: every decoder is asked for at most what is still allowed.
"""

import sys
import zlib
from collections.abc import Callable
from typing import Any, Protocol

import cramjam
from isal import isal_zlib

from traceo.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from traceo.receivers.scratch import borrow

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CORRUPT: Any = (isal_zlib.error, zlib.error, zstd.ZstdError, EOFError)
ENCODINGS = ("identity", "gzip", "deflate", "zstd")
GZIP_WBITS, ZLIB_WBITS, RAW_WBITS = 31, 15, -15
MAX_MEMBERS = 256  # of one body: each costs a copy of what follows it, and nobody sends many
ZSTD_WINDOW_LOG_MAX = 27  # 128 MiB: zstd's own default bound for a decoder's memory


class _Decoder(Protocol):
    """One member of a compressed stream: what zlib's and zstd's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def decompress(encoding: str, body: bytes, limit: int) -> bytes:
    """The body without its content coding; `limit` in bytes counts the result.

    Raises PayloadTooLarge beyond the limit, InvalidRequest for truncated or corrupt bytes, UnsupportedMediaType for a
    coding that is not in ENCODINGS.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    try:
        if encoding in ("gzip", "x-gzip"):
            return _inflate(body, limit, lambda: isal_zlib.decompressobj(GZIP_WBITS))
        if encoding == "deflate":
            wbits = ZLIB_WBITS if _has_zlib_header(body) else RAW_WBITS
            return _inflate(body, limit, lambda: isal_zlib.decompressobj(wbits), members=1)
        if encoding == "zstd":
            return _inflate(body, limit, _zstd_decoder)
    except CORRUPT as error:
        raise InvalidRequest(f"the body is not valid {encoding}: {error}") from error
    raise UnsupportedMediaType(f"content encoding {encoding[:40]!r} is not supported: use {', '.join(ENCODINGS)}")


def decompress_snappy(body: bytes, limit: int) -> bytes:
    """The body without snappy's block format, which says its size first. Raises PayloadTooLarge, InvalidRequest."""
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > limit:
            raise _too_large(limit)
        text = borrow(size)
        return bytes(text[: cramjam.snappy.decompress_raw_into(body, text)])
    except cramjam.DecompressionError as error:
        raise InvalidRequest(f"the body is not valid snappy: {error}") from error


def _inflate(body: bytes, limit: int, make: Callable[[], _Decoder], members: int = MAX_MEMBERS) -> bytes:
    """All members of the body, one after the other (RFC 1952 2.2, RFC 8878 3.1)."""
    parts: list[bytes] = []
    allowed = limit
    while body and members:
        decoder = make()
        part = decoder.decompress(body, allowed + 1)  # one more than allowed: enough to see that it is too much
        allowed -= len(part)
        if allowed < 0:
            raise _too_large(limit)
        if not decoder.eof:
            raise EOFError("it ends too early")
        parts.append(part)
        body = decoder.unused_data
        members -= 1
    if body or not parts:
        raise EOFError("bytes follow its end" if parts else "it is empty")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _zstd_decoder() -> _Decoder:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX})


def _has_zlib_header(body: bytes) -> bool:
    """Whether `deflate` is zlib as RFC 9110 8.4.1.2 has it, or the raw stream that some clients send."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the decompressed body is larger than {limit} bytes: send less at once", limit_bytes=limit)
