"""`dns_sd_configs`: targets from DNS records, of the types SRV, A, AAAA, MX and NS."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

from traceo.scraping.discovery.groups import ADDRESS, Group, Labels, Put, refresh_forever
from traceo.yamltree import TEXTS, Fields, read_choice, read_count

TYPES = ("SRV", "A", "AAAA", "MX", "NS")
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class DnsTargets:
    """Names, asked every `refresh_s` seconds. `port`: for the types that have none themselves."""

    names: tuple[str, ...]
    record_type: str
    port: int
    refresh_s: float

    async def run(self, put: Put) -> None:
        """A name that cannot be asked keeps the targets that it had; one that does not exist has none."""
        groups: dict[str, Group] = {}

        async def look() -> None:
            failed = None
            for name in self.names:
                try:
                    groups[name] = Group(name, tuple(await self._resolve(name)))
                except (dns.exception.DNSException, OSError) as error:
                    failed = error
            put(list(groups.values()))
            if failed:
                raise failed

        what = f"DNS, {self.record_type} of {', '.join(self.names)}"
        await refresh_forever(what, self.refresh_s, look, problems=(dns.exception.DNSException, OSError))

    async def _resolve(self, name: str) -> list[Labels]:
        resolver = dns.asyncresolver.get_default_resolver()
        try:
            answer = await resolver.resolve(name, self.record_type, lifetime=TIMEOUT_S, search=True)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        return [{**labels, "__meta_dns_name": name} for labels in self._labels(answer)]

    def _labels(self, records: Any) -> Iterator[Labels]:
        for record in records:
            match self.record_type:
                case "SRV":
                    host = record.target.to_text()
                    meta = {"__meta_dns_srv_record_target": host, "__meta_dns_srv_record_port": str(record.port)}
                    yield {ADDRESS: f"{host.rstrip('.')}:{record.port}", **meta}
                case "MX":
                    host = record.exchange.to_text()
                    yield {ADDRESS: f"{host.rstrip('.')}:{self.port}", "__meta_dns_mx_record_target": host}
                case "NS":
                    host = record.target.to_text()
                    yield {ADDRESS: f"{host.rstrip('.')}:{self.port}", "__meta_dns_ns_record_target": host}
                case "AAAA":
                    yield {ADDRESS: f"[{record.address}]:{self.port}"}
                case _:
                    yield {ADDRESS: f"{record.address}:{self.port}"}


def read_dns(fields: Fields) -> DnsTargets:
    """Raises ConfigError."""
    found = DnsTargets(
        fields.need("names", TEXTS),
        fields.take("type", lambda node, path: read_choice(*TYPES)(node, path), "SRV"),
        fields.take("port", read_count, 0),
        fields.duration("refresh_interval", 30.0),
    )
    fields.finish()
    if not found.names:
        fields.fail("names is empty")
    if found.record_type != "SRV" and not found.port:
        fields.fail(f"a port is required for records of type {found.record_type}")
    return found
