"""A route of another product's API: errors in that product's shape, answers compressed where the client takes that."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from traceo.api.compress import compress_for
from traceo.errors import InvalidRequest, TraceoError

logger = logging.getLogger(__name__)


class CompatRoute(APIRoute):
    """Each product has a subclass, with its own `failed`."""

    failed: Callable[[TraceoError], Response]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See FastAPI."""
        handle, failed = super().get_route_handler(), type(self).failed

        async def answer(request: Request) -> Response:
            try:
                return compress_for(request, await handle(request))
            except TraceoError as error:
                return failed(error)
            except RequestValidationError as error:
                return failed(InvalidRequest(str(error.errors()[0]["msg"])))
            except Exception:
                logger.exception("request failed")
                return failed(TraceoError("something broke in Traceo; its log says what"))

        return answer
