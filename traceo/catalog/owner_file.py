"""`catalog.owners_file`: owners that the operator states, loaded at start and again when the file changes."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

import yaml

from traceo.catalog.owner import FIELDS, Owner, problem_of, problem_of_service
from traceo.errors import ConfigError
from traceo.yamltree import Fields, Read, fail, parse_document, read_map, read_text

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
MAX_BYTES = 16 << 20
ALL_TENANTS = ""
Owners = Mapping[str, Owner]
NOBODY: Owners = {}


class OwnerFile:
    """`path`: the setting; "" when there is no file. Every replica reads its own copy."""

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser() if path else None
        self._owners: Mapping[str, Owners] = {}
        self._seen: tuple[int, int, int] | None = None
        self._problem = ""

    def of(self, tenant: str) -> Owners:
        """What the file says for this tenant alone; "": for all tenants."""
        return self._owners.get(tenant, {})

    def load(self) -> None:
        """Read the file if it has changed. Raises ConfigError, with line and field; what was known before goes on."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen == self._seen:
                return
            if found.st_size > MAX_BYTES:
                raise ConfigError(f"larger than {MAX_BYTES} bytes")
            text = self._path.read_text(encoding="utf-8")
            self._seen = seen
            self._owners = parse_owners(text)
        except (OSError, UnicodeDecodeError, ConfigError) as error:
            raise ConfigError(f"catalog.owners_file {self._path}: {error}") from error
        logger.info("owners were loaded", extra={"fields": {"file": str(self._path)}})

    async def watch(self) -> None:
        """Look until cancelled; a mistake is logged once."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """As `load`, with a mistake in the log."""
        problem = ""
        try:
            self.load()
        except ConfigError as error:
            problem = str(error)
        if problem and problem != self._problem:
            logger.error("owners were not loaded, the known ones go on", extra={"fields": {"error": problem}})
        self._problem = problem


def parse_owners(text: str) -> Mapping[str, Owners]:
    """Tenant ("": all) -> service -> what the file says. Raises ConfigError, with line and field."""
    try:
        root = parse_document(text)
    except RecursionError as error:
        raise ConfigError("not readable: nested too deeply") from error
    if root is None:
        return {}
    fields = Fields(root, "", Path())
    of_all = fields.take("services", _read_services, NOBODY)
    no_tenants: dict[str, Owners] = {}
    of_tenants = fields.take("tenants", read_map(_read_tenant), no_tenants)
    fields.finish()
    return {**of_tenants, ALL_TENANTS: of_all}


def _read_tenant(node: yaml.Node, path: str) -> Owners:
    fields = Fields(node, path, Path())
    owners = fields.take("services", _read_services, NOBODY)
    fields.finish()
    return owners


def _read_services(node: yaml.Node, path: str) -> Owners:
    owners = read_map(_read_owner)(node, path)
    for key, _ in node.value:
        if problem := problem_of_service(key.value):
            fail(key, path, problem)
    return owners


def _read_owner(node: yaml.Node, path: str) -> Owner:
    fields = Fields(node, path, Path())
    said = {name: fields.take(name, _reader(name), "") for name in FIELDS if name != "apdex_ms"}
    apdex_ms = fields.take("apdex_ms", _read_milliseconds, None)
    fields.finish()
    return Owner(**said, apdex_ms=apdex_ms)


def _reader(field: str) -> Read[str]:
    def read(node: yaml.Node, path: str) -> str:
        text = read_text(node, path)
        if problem := problem_of(field, text):
            fail(node, path, f"{problem}, got {text[:80]!r}")
        return text

    return read


def _read_milliseconds(node: yaml.Node, path: str) -> float | None:
    text = read_text(node, path)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if problem := problem_of("apdex_ms", value):
        fail(node, path, f"{problem}, got {text[:80]!r}")
    return value
