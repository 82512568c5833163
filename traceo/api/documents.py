"""Bodies that are a document, YAML or JSON, of a limited size, and how OpenAPI describes them."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from traceo.errors import InvalidRequest, PayloadTooLarge, UnsupportedMediaType

Model = TypeVar("Model", bound=BaseModel)

MAX_BODY = 1 << 20
JSON_TYPE = "application/json"
YAML_TYPES = ("application/yaml", "text/plain", "application/x-yaml", "text/yaml")


class PolicyRequest(BaseModel):
    """Policies with what belongs to them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    document: str = Field(description="YAML of a policy set; `default`: go by the default of all tenants again")
    dry_run: bool = Field(default=False, description="Judge and count, but keep everything")
    comment: str = Field(default="", description="Why; up to 1000 characters")


# FastAPI would offer one content type only.
POLICY_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            **{kind: {"schema": {"type": "string", "description": "YAML of a policy set"}} for kind in YAML_TYPES[:2]},
            JSON_TYPE: {"schema": PolicyRequest.model_json_schema()},
        },
    }
}


async def read_policy_request(request: Request, dry_run: bool = False, comment: str = "") -> PolicyRequest:
    """The body of either kind; `dry_run` and `comment` are for YAML. Raises InvalidRequest and its children."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON_TYPE and kind not in YAML_TYPES:
        raise UnsupportedMediaType(f"content type {kind[:80]!r}: expected {JSON_TYPE} or {', '.join(YAML_TYPES)}")
    body = await _read_body(request)
    if kind != JSON_TYPE:
        return PolicyRequest(document=_decode(body), dry_run=dry_run, comment=comment)
    return _validate(PolicyRequest, body)


async def read_json(request: Request, model: type[Model]) -> Model:
    """A body of JSON of at most `MAX_BODY`, as this model has it. Raises InvalidRequest and its children."""
    return _validate(model, await _read_body(request))


def _validate(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidRequest(f"{place}: {first['msg']}" if place else str(first["msg"])) from error


async def _read_body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise PayloadTooLarge(f"the body is larger than {MAX_BODY} bytes", limit_bytes=MAX_BODY)
    return bytes(body)


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"the document is not UTF-8: {error}") from error
