"""All objects of one kind of Kubernetes' API, kept current by a list and then a watch."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx

from traceo.scraping.discovery.kube_targets import Key, Object

logger = logging.getLogger(__name__)
PAGE = 500
WATCH_S = 300  # the server ends a watch after this; a silent connection is given up a little later
RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
GONE = 410
PROBLEMS = (httpx.HTTPError, OSError, ValueError, KeyError)


class Expired(Exception):
    """The server no longer knows the version from which we want to watch."""


class Watch:
    """The objects under one path. `changed` is called after each change, first when all are known."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        path: str,
        params: dict[str, str],
        objects: dict[Key, Object],
        changed: Callable[[], None],
    ) -> None:
        """`objects` is filled; several watches may share one if their paths do not overlap."""
        self.complete = False
        self._client = client
        self._path = path
        self._params = params
        self._objects = objects
        self._mine: set[Key] = set()
        self._changed = changed

    async def run(self) -> None:
        """Until cancelled; what is known stays while the server does not answer."""
        failures, version = 0, ""
        while True:
            try:
                version = version or await self._list()
                failures = 0
                version = await self._watch(version)
                continue
            except Expired:
                version = ""
                continue
            except PROBLEMS as error:
                logger.warning("Kubernetes, %s: %s: %s", self._path, type(error).__name__, error)
            await asyncio.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _list(self) -> str:
        """Everything, page by page; the version to watch from."""
        found: dict[Key, Object] = {}
        params = {**self._params, "limit": str(PAGE)}
        while True:
            answer = await self._client.get(self._path, params=params, timeout=30)
            if answer.status_code == GONE:
                raise Expired
            answer.raise_for_status()
            page = answer.json()
            found |= {_key(item): item for item in page["items"] or []}
            more = page["metadata"].get("continue")
            if not more:
                break
            params["continue"] = more
        for key in self._mine - found.keys():
            self._objects.pop(key, None)
        self._objects.update(found)
        self._mine = set(found)
        self.complete = True
        self._changed()
        return str(page["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> str:
        """Follow changes until the server ends it; the last version that was seen."""
        params = {**self._params, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_S)}
        timeout = httpx.Timeout(30, read=WATCH_S + 30)
        call = self._client.stream("GET", self._path, params={**params, "resourceVersion": version}, timeout=timeout)
        async with call as answer:
            if answer.status_code == GONE:
                raise Expired
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line:
                    version = self._take(json.loads(line)) or version
        return version

    def _take(self, event: dict[str, Any]) -> str:
        """One change; the version after it."""
        kind, found = event["type"], event["object"]
        if kind == "ERROR":
            if found.get("code") == GONE:
                raise Expired
            raise ValueError(found.get("message", "the watch failed"))
        if kind != "BOOKMARK":
            key = _key(found)
            if kind == "DELETED":
                self._objects.pop(key, None)
                self._mine.discard(key)
            else:
                self._objects[key] = found
                self._mine.add(key)
            self._changed()
        return str(found["metadata"]["resourceVersion"])


def _key(found: Object) -> Key:
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]
