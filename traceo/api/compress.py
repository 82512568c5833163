"""gzip for clients that take it: JSON becomes a tenth, at a millisecond a megabyte."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from isal import isal_zlib

SMALLEST = 1024  # bytes that are worth it
LEVEL, GZIP = 1, 31


def compress_for(request: Request, response: Response) -> Response:
    """The response, compressed if the client takes it and it is worth it."""
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return response
    if isinstance(response, StreamingResponse):
        response.body_iterator = _compress(response.body_iterator)
    elif len(response.body) >= SMALLEST:
        response.body = isal_zlib.compress(response.body, LEVEL, GZIP)
        response.headers["content-length"] = str(len(response.body))
    else:
        return response
    response.headers["content-encoding"] = "gzip"
    response.headers["vary"] = "Accept-Encoding"
    return response


async def _compress(pieces: AsyncIterable[str | bytes | memoryview]) -> AsyncIterator[bytes]:
    """Large pieces in a thread."""
    compressor = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP)
    async for piece in pieces:
        content = piece.encode() if isinstance(piece, str) else piece
        work = compressor.compress
        yield await asyncio.to_thread(work, content) if len(content) > 1 << 16 else work(content)
    yield compressor.flush()
