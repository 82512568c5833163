"""A bucket for tests: as much of S3's protocol as the engine's own disk needs (put, get, head, delete, list)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit


class Bucket(ThreadingHTTPServer):
    """Objects by path; `authorizations`: what callers sent as credentials."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, bytes] = {}
        self.authorizations: set[str] = set()

    def handle_error(self, request: object, client_address: object) -> None:
        """The engine cuts its idle connections off at its end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/bucket/traceo"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def do_PUT(self) -> None:
        self.server.authorizations.add(self.headers.get("authorization", ""))
        self.server.objects[self._key()] = self._body()
        self._answer(200, b"", ETag='"1"')

    def do_HEAD(self) -> None:
        content = self.server.objects.get(self._key())
        self._answer(404 if content is None else 200, content or b"", with_body=False)

    def do_GET(self) -> None:
        content = self.server.objects.get(self._key())
        if content is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", "")):
            first, last = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
            place = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
            self._answer(206, content[first : last + 1], **place)
        else:
            self._answer(200, content)

    def do_DELETE(self) -> None:
        self.server.objects.pop(self._key(), None)
        self._answer(204, b"")

    def do_POST(self) -> None:
        """The deletion of many."""
        for key in re.findall(r"<Key>(.*?)</Key>", self._body().decode()):
            self.server.objects.pop(f"/bucket/{key}", None)
        self._answer(200, b"<DeleteResult></DeleteResult>")

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "aws-chunked" in self.headers.get("content-encoding", ""):
            return b"".join(_unchunk(body))
        return body

    def _answer(self, status: int, content: bytes, with_body: bool = True, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), "ETag": '"1"', **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)


def _unchunk(body: bytes) -> Iterator[bytes]:
    while body:
        head, _, rest = body.partition(b"\r\n")
        size = int(head.split(b";")[0], 16)
        if not size:
            return
        yield rest[:size]
        body = rest[size + 2 :]


@contextmanager
def running_bucket() -> Iterator[Bucket]:
    """A bucket for a `with` block."""
    with Bucket() as bucket:
        thread = Thread(target=bucket.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield bucket
        finally:
            bucket.shutdown()
            thread.join()
