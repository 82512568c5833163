"""`sampling.policy_file`: loaded at start and when it changes; once for all replicas."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from traceo.errors import ConfigError
from traceo.policies import file
from traceo.policies.file import PolicyFile
from traceo.policies.model import ALL_TENANTS, Mode
from traceo.policies.service import PolicyService
from traceo.state.database import open_state

ALL = "policies: [{name: all, type: always_sample}]\n"
OTHER = "policies: [{name: other, type: always_sample}]\n"


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


@pytest.fixture
def service(engine: Engine) -> PolicyService:
    return PolicyService(engine)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policies.yaml"
    path.write_text(ALL)
    return path


def documents(service: PolicyService) -> list[str]:
    return [version.document for version in reversed(service.versions(ALL_TENANTS))]


def test_file_is_the_default_of_all_tenants(service: PolicyService, path: Path) -> None:
    PolicyFile(service, str(path)).load()
    current = service.current("anybody")
    assert current and (current.tenant, current.created_by, current.comment) == ("", "file", str(path))
    assert service.samples("anybody")


def test_recommended_policies_need_no_file(service: PolicyService) -> None:
    PolicyFile(service, "recommended").load()
    judging = service.judging("anybody", None)
    assert judging and judging.policies.guarantee
    assert [policy.name for policy in judging.policies.policies] == ["errors", "slow", "rest"]


def test_restart_and_second_replica_add_no_version(service: PolicyService, engine: Engine, path: Path) -> None:
    for each in (service, service, PolicyService(engine)):
        PolicyFile(each, str(path)).load()
    assert documents(service) == [ALL]


def test_changed_file_is_a_new_version(service: PolicyService, path: Path) -> None:
    policies = PolicyFile(service, str(path))
    policies.load()
    policies.look()
    path.write_text(OTHER)
    policies.look()
    assert documents(service) == [ALL, OTHER]


def test_unchanged_file_does_not_undo_what_another_replica_loaded(service: PolicyService, path: Path) -> None:
    policies = PolicyFile(service, str(path))
    policies.load()
    service.put(ALL_TENANTS, OTHER, False, "file")
    policies.look()
    assert documents(service) == [ALL, OTHER]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policies: [{name: a, type: latncy}]", r"policy_file .*policies\[0\]\.type: unknown type 'latncy'"),
        ("policies: [{name: a, type: ottl_condition, ottl_condition: {span: ['name ==']}}]", r"span\[0\]"),
        ("", "no policies"),
        ("default", "cannot follow itself"),
    ],
    ids=["unknown type", "ottl", "empty", "follow"],
)
def test_wrong_file_at_start_is_a_wrong_setting(service: PolicyService, path: Path, text: str, says: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        PolicyFile(service, str(path)).load()
    assert documents(service) == []


def test_unreadable_file_at_start_is_a_wrong_setting(service: PolicyService, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("none.yaml", "binary"):
        with pytest.raises(ConfigError, match=r"sampling\.policy_file"):
            PolicyFile(service, str(tmp_path / name)).load()


@pytest.mark.parametrize("damage", ["policies: 5", None, b"\xff"], ids=["wrong", "gone", "binary"])
def test_wrong_file_later_is_logged_once_and_the_old_version_goes_on(
    service: PolicyService, path: Path, damage: str | bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    policies = PolicyFile(service, str(path))
    policies.load()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            policies.look()
    assert service.samples("a") and documents(service) == [ALL]
    path.write_text(OTHER)
    policies.look()
    assert documents(service) == [ALL, OTHER]
    assert caplog.text.count("were not loaded") == 1


def test_setting_that_is_gone_ends_the_default(service: PolicyService, path: Path) -> None:
    PolicyFile(service, str(path)).load()
    PolicyFile(service, "").load()
    current = service.current("a")
    assert current and current.mode is Mode.OFF
    PolicyFile(service, "").load()
    assert len(documents(service)) == 2
    PolicyFile(service, str(path)).load()
    assert service.samples("a")


def test_watch_finds_changes_by_itself(service: PolicyService, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LOOK_EVERY_S", 0.01)

    async def work() -> None:
        policies = PolicyFile(service, str(path))
        policies.load()
        task = asyncio.create_task(policies.watch())
        path.write_text(OTHER)
        async with asyncio.timeout(10):
            while (await asyncio.to_thread(documents, service))[-1] != OTHER:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())
