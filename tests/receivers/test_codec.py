import gzip
import zlib

import pytest

from traceo.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType
from traceo.receivers.codec import decompress, zstd

DATA = b"spans and logs " * 1000


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


BODIES = {
    "identity": ("identity", DATA),
    "gzip": ("gzip", gzip.compress(DATA)),
    "gzip of two members": ("gzip", gzip.compress(DATA[:7]) + gzip.compress(DATA[7:])),
    "upper case": ("GZIP", gzip.compress(DATA)),
    "deflate as zlib": ("deflate", zlib.compress(DATA)),
    "raw deflate": ("deflate", raw_deflate(DATA)),
    "zstd": ("zstd", zstd.compress(DATA)),
    "zstd of two frames": ("zstd", zstd.compress(DATA[:7]) + zstd.compress(DATA[7:])),
}
COMPRESSED = [pytest.param(*body, id=name) for name, body in BODIES.items() if name != "identity"]


@pytest.mark.parametrize(("encoding", "body"), BODIES.values(), ids=BODIES.keys())
def test_body_comes_back_when_it_just_fits(encoding: str, body: bytes) -> None:
    assert decompress(encoding, body, len(DATA)) == DATA
    with pytest.raises(PayloadTooLarge):
        decompress(encoding, body, len(DATA) - 1)


@pytest.mark.parametrize(("encoding", "body"), COMPRESSED)
def test_truncated_body_is_invalid_wherever_it_ends(encoding: str, body: bytes) -> None:
    whole_members = {0}
    for end in range(len(body)):
        try:
            assert decompress(encoding, body[:end], len(DATA)) == DATA[:7]  # exactly the first of two members
            whole_members.add(end)
        except InvalidRequest:
            pass
    assert len(whole_members) <= 2


@pytest.mark.parametrize(("encoding", "body"), COMPRESSED)
def test_trailing_garbage_is_invalid(encoding: str, body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decompress(encoding, body + b"garbage", len(DATA) * 2)


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, zstd.compress])
def test_bomb_stops_at_the_limit(compress) -> None:
    encoding = {gzip.compress: "gzip", zlib.compress: "deflate", zstd.compress: "zstd"}[compress]
    with pytest.raises(PayloadTooLarge) as raised:
        decompress(encoding, compress(bytes(64 << 20)), 1 << 20)
    assert raised.value.limit_bytes == 1 << 20


def test_thousands_of_tiny_members_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        decompress("gzip", gzip.compress(b"") * 10_000, 1 << 20)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "snappy"])
def test_unknown_encoding_is_unsupported(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="gzip"):
        decompress(encoding, b"x", 10)
