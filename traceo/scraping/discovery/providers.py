"""Every kind of discovery that there is, by its field in a scrape configuration."""

from collections.abc import Callable, Iterator

from traceo.scraping.discovery.dns import read_dns
from traceo.scraping.discovery.files import read_files
from traceo.scraping.discovery.groups import Provider
from traceo.scraping.discovery.http import read_http
from traceo.scraping.discovery.kubernetes import read_kubernetes
from traceo.scraping.discovery.static import read_static
from traceo.yamltree import Fields, Read, read_list

PROVIDERS: dict[str, Callable[[Fields], Provider]] = {
    "static_configs": read_static,
    "file_sd_configs": read_files,
    "http_sd_configs": read_http,
    "dns_sd_configs": read_dns,
    "kubernetes_sd_configs": read_kubernetes,
}
ELSEWHERE = "write its targets to a file for file_sd_configs, or serve them to http_sd_configs"
CLOUDS = (
    "azure consul digitalocean docker dockerswarm ec2 eureka gce hetzner ionos kuma lightsail linode marathon nerve "
    "nomad openstack ovhcloud puppetdb scaleway serverset stackit triton uyuni vultr"
)
UNSUPPORTED = {f"{name}_sd_configs": ELSEWHERE for name in CLOUDS.split()}


def take_providers(fields: Fields) -> tuple[Provider, ...]:
    """The discovery of one scrape configuration. Raises ConfigError."""
    return tuple(_each(fields))


def _each(fields: Fields) -> Iterator[Provider]:
    for name, read in PROVIDERS.items():
        found: tuple[Provider, ...] = fields.take(name, read_list(_reader(read, fields)), ())
        yield from found


def _reader(read: Callable[[Fields], Provider], parent: Fields) -> Read[Provider]:
    return lambda node, path: read(Fields(node, path, parent.base))


__all__ = ["PROVIDERS", "UNSUPPORTED", "Provider", "take_providers"]
