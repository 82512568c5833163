"""Calls a running server's API; its errors become ours."""

from typing import Any

import httpx

from traceo.errors import InvalidRequest, NotFound, QueryError, StoreUnavailable, TraceoError, Unauthenticated

TIMEOUT_S = 120.0
KINDS: dict[int, type[TraceoError]] = {
    **dict.fromkeys((400, 413, 415), InvalidRequest),
    **dict.fromkeys((401, 403), Unauthenticated),
    404: NotFound,
}


def call(base: str, token: str, tenant: str, method: str, path: str, api: str = "/api/v1", **request: Any) -> Any:
    """The JSON of one call to `{api}{path}`. Raises TraceoError with what the server said."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if tenant:
        headers["X-Scope-OrgID"] = tenant
    url = f"{base.rstrip('/')}{api}{path}"
    try:
        response = httpx.request(method, url, headers=headers, timeout=TIMEOUT_S, **request)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StoreUnavailable(f"no answer from {base}: {error} (is `traceo serve` running? see --url)") from error
    if response.is_success:
        return response.json()
    raise _to_error(response)


def _to_error(response: httpx.Response) -> TraceoError:
    try:
        said = response.json()["error"]
        if isinstance(said, str):  # Prometheus' shape
            return KINDS.get(response.status_code, QueryError)(said)
        message, hint, position = said["message"], said.get("hint"), said.get("position")
    except (ValueError, KeyError, TypeError):
        if response.headers.get("content-type", "").startswith("text/plain"):  # Loki's and Tempo's shape
            return KINDS.get(response.status_code, QueryError)(response.text)
        return TraceoError(f"the server answered {response.status_code}, which is not Traceo's way")
    if hint or position is not None:
        where = f" (at character {position + 1})" if position is not None else ""
        return QueryError(f"{message}{where}", hint=hint)
    return KINDS.get(response.status_code, TraceoError)(message)
