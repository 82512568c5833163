"""The web UI: files that Vite built from `web/` into `traceo/api/static`, read once and served with strict headers."""

import mimetypes
import secrets
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parent / "static"
NONCE = b"__CSP_NONCE__"
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
# Paths of programs: what is not there is told in their way, not with a page.
APIS = ("/api", "/prometheus", "/loki", "/tempo", "/jaeger", "/v1", "/assets")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
FOR_EVER = "public, max-age=31536000, immutable"  # names of assets have a hash of their content
NOT_BUILT = b"""<!doctype html><meta charset="utf-8"><title>Traceo</title>
<h1>The UI was not built</h1><p>This Traceo runs from its source. Build its UI with <code>make web</code>, and start it
again. The API is there: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>"""

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
def get_page() -> Response:
    """The page; which of the UI's it is, the browser decides by the path."""
    nonce = secrets.token_urlsafe(16)
    content = _files().get("index.html", {}).get("", NOT_BUILT).replace(NONCE, nonce.encode())
    headers = {**HEADERS, "Content-Security-Policy": POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
    return Response(content, headers=headers, media_type="text/html; charset=utf-8")


@router.api_route("/assets/{name}", methods=["GET", "HEAD"])
def get_asset(name: str, request: Request) -> Response:
    """A file whose name changes with its content."""
    return _answer_file(f"assets/{name}", request, FOR_EVER)


@router.api_route("/favicon.svg", methods=["GET", "HEAD"])
@router.api_route("/theme.js", methods=["GET", "HEAD"])
def get_file(request: Request) -> Response:
    """A file with a fixed name."""
    return _answer_file(request.url.path.removeprefix("/"), request, "no-cache")


def answer_no_route(request: Request, error: HTTPException) -> Response | None:
    """The page, for a browser that asks for a path that no API has; None: it is not a browser's question."""
    path, wants = request.url.path, request.headers.get("accept", "")
    if error.status_code != 404 or request.method not in ("GET", "HEAD") or "text/html" not in wants:
        return None
    return None if any(path == api or path.startswith(f"{api}/") for api in APIS) else get_page()


@cache
def _files() -> dict[str, dict[str, bytes]]:
    """By name and encoding: all that may be asked for, so that no path is ever looked up on the disk."""
    found: dict[str, dict[str, bytes]] = {}
    for path in STATIC.rglob("*"):
        if path.is_file():
            name = path.relative_to(STATIC).as_posix()
            encoding = next((encoding for encoding, suffix in ENCODINGS if name.endswith(suffix)), "")
            found.setdefault(name.removesuffix(dict(ENCODINGS).get(encoding, "")), {})[encoding] = path.read_bytes()
    return found


def _answer_file(name: str, request: Request, caching: str) -> Response:
    forms = _files().get(name)
    if forms is None:
        raise HTTPException(404)
    accepted = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
    encoding = next((encoding for encoding, _ in ENCODINGS if encoding in forms and encoding in accepted), "")
    headers = {**HEADERS, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if encoding:
        headers["Content-Encoding"] = encoding
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(forms[encoding], headers=headers, media_type="text/javascript" if name.endswith(".js") else kind)
