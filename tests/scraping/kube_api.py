"""Kubernetes' API as far as discovery speaks it: lists in pages and watches, with all of its strictness.

It refuses paths, parameters and versions that the API would refuse, and a caller without the token.
"""

import asyncio
import contextlib
import json
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

from tests.scraping.targets import answer, run_target

KINDS = {
    "nodes": "/api/v1", "namespaces": "/api/v1", "pods": "/api/v1", "services": "/api/v1", "endpoints": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1", "ingresses": "/apis/networking.k8s.io/v1",
}  # fmt: skip
TOKEN = "kube-token"
LIST = {"limit", "continue", "labelSelector", "fieldSelector"}
WATCH = {"watch", "allowWatchBookmarks", "timeoutSeconds", "resourceVersion", "labelSelector", "fieldSelector"}


class KubeApi:
    """Objects, their versions, and everybody who watches."""

    def __init__(self) -> None:
        self.version = 100
        self.oldest = 0
        self.address = ""
        self.requests: list[str] = []
        self.watches = 0
        self._objects: dict[tuple[str, str, str], Any] = {}
        self._watchers: list[tuple[str, str, asyncio.Queue[Any]]] = []

    def put(self, kind: str, found: dict[str, Any], event: str = "ADDED") -> None:
        """Create, change or (DELETED) remove an object."""
        self.version += 1
        metadata = found["metadata"] = {**found["metadata"], "resourceVersion": str(self.version)}
        namespace = metadata.get("namespace", "")
        self._objects[kind, namespace, metadata["name"]] = found
        if event == "DELETED":
            del self._objects[kind, namespace, metadata["name"]]
        for watched, space, queue in self._watchers:
            if watched == kind and space in ("", namespace):
                queue.put_nowait({"type": event, "object": found})

    def send(self, event: dict[str, Any] | None) -> None:
        """An event, or the end, to everybody who watches."""
        for _, _, queue in self._watchers:
            queue.put_nowait(event)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator["KubeApi"]:
        async with run_target(self._answer) as self.address:
            yield self
            self.send(None)

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        line, *headers = head.decode().split("\r\n")
        method, target, _ = line.split()
        url = urllib.parse.urlsplit(target)
        params = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query)))
        self.requests.append(target)
        if f"authorization: Bearer {TOKEN}" not in [
            f"{n.lower()}: {v}" for n, _, v in (h.partition(": ") for h in headers)
        ]:
            writer.write(answer("{}", "application/json", "401 Unauthorized"))
            return
        space, kind = _parse_path(url.path)
        known = WATCH if "watch" in params else LIST
        if method != "GET" or kind not in KINDS or not url.path.startswith(f"{KINDS[kind]}/") or params.keys() - known:
            writer.write(answer("{}", "application/json", "404 Not Found"))
        elif "watch" in params:
            await self._watch(kind, space, int(params["resourceVersion"]), writer)
        else:
            writer.write(answer(json.dumps(self._list(kind, space, params)), "application/json"))

    def _list(self, kind: str, space: str, params: dict[str, str]) -> dict[str, Any]:
        """Pages of two, so that paging is used."""
        keys = [key for key in sorted(self._objects) if key[0] == kind and space in ("", key[1])]
        start = int(params.get("continue", "0"))
        items = [self._objects[key] for key in keys[start : start + 2]]
        more = {"continue": str(start + 2)} if len(keys) > start + 2 else {}
        return {"kind": "List", "metadata": {"resourceVersion": str(self.version), **more}, "items": items}

    async def _watch(self, kind: str, space: str, version: int, writer: asyncio.StreamWriter) -> None:
        if version < self.oldest:
            writer.write(answer("{}", "application/json", "410 Gone"))
            return
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self._watchers.append((kind, space, queue))
        self.watches += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (event := await queue.get()) is not None:
            data = json.dumps(event).encode() + b"\n"
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
        self._watchers.remove((kind, space, queue))
        writer.write(b"0\r\n\r\n")


def _parse_path(path: str) -> tuple[str, str]:
    """Namespace and kind."""
    parts = path.rstrip("/").split("/")
    return (parts[-2], parts[-1]) if len(parts) > 3 and parts[-3] == "namespaces" else ("", parts[-1])
