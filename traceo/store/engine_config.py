"""The embedded engine's own configuration file: memory, background work and storage tiers, from Traceo's settings."""

from pathlib import Path
from xml.sax.saxutils import escape

from traceo.config import S3Tier
from traceo.config import Store as StoreSettings

MIB = 1 << 20


def write_engine_config(folder: Path, settings: StoreSettings) -> Path:
    """Write `config.xml` beside the data and return its path. Readable by its owner alone: it may hold a secret key."""
    path = folder / "config.xml"
    folder.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(engine_config(folder, settings))
    return path


def engine_config(folder: Path, settings: StoreSettings) -> str:
    """The XML text.

    Caches are small because the operating system's page cache serves a single machine well; one merge at a time keeps
    ingest and queries their cores, and is enough: large blocks need few merges. The cache of conditions is off: it
    takes `x IN (SELECT ...)` for the same condition whatever values are bound inside, so that a query gets the rows of
    the one before it (chDB 26.9).
    """
    return f"""<clickhouse>
    <max_server_memory_usage>{settings.max_memory}</max_server_memory_usage>
    <mark_cache_size>{32 * MIB}</mark_cache_size>
    <index_mark_cache_size>{16 * MIB}</index_mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <primary_index_cache_size>{32 * MIB}</primary_index_cache_size>
    <mmap_cache_size>0</mmap_cache_size>
    <query_condition_cache_size>0</query_condition_cache_size>
    <background_pool_size>2</background_pool_size>
    <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
    <background_schedule_pool_size>4</background_schedule_pool_size>
    <merge_tree>
        <number_of_free_entries_in_pool_to_execute_mutation>0</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>0</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>0</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
        <max_bytes_to_merge_at_max_space_in_pool>{8192 * MIB}</max_bytes_to_merge_at_max_space_in_pool>
    </merge_tree>
{_tiers(folder, settings)}</clickhouse>
"""


def _tiers(folder: Path, settings: StoreSettings) -> str:
    """A bucket behind the local disk. The local volume keeps its name: a table's policy may only gain volumes."""
    tier = settings.s3_tier
    if not tier.endpoint:
        return ""
    return f"""    <storage_configuration>
        <disks>
            <cold>
                <type>s3</type>
                <endpoint>{escape(tier.endpoint.rstrip("/"))}/</endpoint>
{_credentials(tier)}
                <metadata_path>{escape(str(folder))}/cold/</metadata_path>
            </cold>
        </disks>
        <policies>
            <tiered>
                <volumes>
                    <default><disk>default</disk></default>
                    <cold><disk>cold</disk></cold>
                </volumes>
            </tiered>
        </policies>
    </storage_configuration>
"""


def _credentials(tier: S3Tier) -> str:
    """The key, or the machine's own role."""
    if not tier.access_key_id:
        return "                <use_environment_credentials>true</use_environment_credentials>"
    return f"""                <access_key_id>{escape(tier.access_key_id)}</access_key_id>
                <secret_access_key>{escape(tier.secret_access_key)}</secret_access_key>"""
