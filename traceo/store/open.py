"""Opens the store that the settings name, ready to use: tables migrated, retention applied."""

import logging
from pathlib import Path

from traceo.config import Config, Retention
from traceo.errors import ConfigError, SchemaChanged
from traceo.store.base import QueryLimits, Store
from traceo.store.migrate import apply_naming, apply_promotion, apply_retention, migrate

logger = logging.getLogger(__name__)

EMBEDDED = "chdb://"


def is_embedded(config: Config) -> bool:
    """Whether the engine runs in this process."""
    return config.store_url.startswith(EMBEDDED)


async def open_store(config: Config) -> Store:
    """Raises `ConfigError` for a URL of no known kind, `SchemaTooNew`, `SchemaChanged`, `StoreUnavailable`."""
    if is_embedded(config):
        return await _open_embedded(config)
    if config.store_url.startswith("clickhouse://"):
        from traceo.store.cluster import ClusterStore

        query = config.query
        limits = QueryLimits(query.timeout, query.max_result_rows, query.max_memory)
        store = ClusterStore(config.store_url, connections=config.store.connections, limits=limits)
        await prepare_store(store, config)
        return store
    raise ConfigError("store.url must start with chdb:// or clickhouse://")


async def _open_embedded(config: Config) -> Store:
    from traceo.store.embedded import open_embedded

    store = open_embedded(Path(config.store_url.removeprefix(EMBEDDED)), config.store)
    await prepare_store(store, config)
    return store


async def prepare_store(store: Store, config: Config) -> None:
    """Tables, retention and names as this Traceo and its settings have them. Raises `SchemaTooNew`, `SchemaChanged`."""
    try:
        applied = await migrate(store)
    except SchemaChanged as error:
        raise SchemaChanged(f"{error}. {_way_out(config)}") from error
    if applied:
        logger.info("schema migrated", extra={"fields": {"statements": len(applied)}})
    seconds = {name: float(getattr(config.retention, name)) for name in Retention.__slots__}
    tier = config.store.s3_tier
    await apply_retention(store, seconds, tier.move_after if tier.endpoint else 0)
    await apply_promotion(store, config.metrics.promote_resource_attributes)
    await apply_naming(store, config.metrics.translation_strategy)


def _way_out(config: Config) -> str:
    if not is_embedded(config):
        return "Go on with the Traceo that made them, or name a fresh database in store.url"
    folder = config.data_dir.absolute() if not config.store.url else config.store_url.removeprefix(EMBEDDED)
    return (
        f"Go on with the Traceo that wrote {folder}, or start with a fresh --data-dir; "
        f"if nothing in it is worth keeping, as in a demo: rm -r {folder}"
    )
