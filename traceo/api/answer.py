"""JSON out: results are built by `traceo.query` from plain values, so that nothing needs to be converted again."""

from typing import Any

from fastapi.responses import JSONResponse


def answer(content: Any) -> JSONResponse:
    """A result as JSON. Numbers keep all 64 bits; what JSON cannot say was made text before."""
    return JSONResponse(content)
