"""Versions of policies by tenant, what applies, and what is read from memory, on SQLite and PostgreSQL."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, update

from traceo.errors import InvalidRequest, NotFound, ParseError, StoreUnavailable
from traceo.policies.model import ALL_TENANTS, FOLLOW, MAX_DOCUMENT, OFF, Mode
from traceo.policies.service import CACHE_TTL_S, PolicyService
from traceo.sampling.budgets import Terms
from traceo.state.database import begin, connect, open_state
from traceo.state.tables import policy_versions

ALL = "policies: [{name: all, type: always_sample}]\n"
SLOW = "decision_wait: 5s\nnum_traces: 7\npolicies: [{name: slow, type: latency, latency: {threshold_ms: 500}}]\n"
UNKNOWN = "policies: [{name: a, type: latency, latency: {treshold_ms: 5}}]"
OTTL = "policies: [{name: a, type: ottl_condition, ottl_condition: {span: ['name ==']}}]"


class Clock:
    """A steady clock that stands still until it is told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def engine(state_url: str) -> Iterator[Engine]:
    engine = open_state(state_url)
    yield engine
    engine.dispose()


@pytest.fixture
def service(engine: Engine) -> PolicyService:
    return PolicyService(engine)


def test_versions_count_up_for_each_tenant(service: PolicyService) -> None:
    put = [service.put(tenant, ALL, False, "token ci", "why") for tenant in ("a", "a", "b", ALL_TENANTS)]
    assert [version.version for version in put] == [1, 2, 1, 1]
    assert len({version.id for version in put}) == 4
    assert service.versions("a") == [put[1], put[0]]
    assert service.get("a", 1) == put[0]
    assert (put[0].document, put[0].created_by, put[0].comment) == (ALL, "token ci", "why")


@pytest.mark.parametrize(
    ("document", "error", "says"),
    [
        (UNKNOWN, InvalidRequest, r"policies\[0\]\.latency\.treshold_ms.*did you mean threshold_ms"),
        ("policies: [{name: a, type: latency, latency: {threshold_ms: x}}]", InvalidRequest, r"threshold_ms: 'x'"),
        (OTTL, ParseError, r"policies\[0\]\.ottl_condition\.span\[0\]"),
        ("{", InvalidRequest, "not YAML"),
        ("", InvalidRequest, "no policies"),
        ("a: \x00", InvalidRequest, "not YAML"),
        (ALL + "#" * MAX_DOCUMENT, InvalidRequest, "is the most"),
    ],
    ids=["unknown field", "wrong type", "ottl", "no yaml", "empty", "nul", "too long"],
)
def test_what_cannot_be_read_is_not_stored(
    service: PolicyService, document: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        service.put("a", document, False, "me")
    assert service.versions("a") == []


@pytest.mark.parametrize("comment", ["x" * 1001, "a\0b", "\ud800"], ids=["long", "nul", "surrogate"])
def test_comment_must_be_text(service: PolicyService, comment: str) -> None:
    with pytest.raises(InvalidRequest, match="comment"):
        service.put("a", ALL, False, "me", comment)
    assert service.versions("a") == []


def test_own_policies_go_before_the_default(service: PolicyService) -> None:
    assert service.current("a") is None and not service.samples("a")
    default = service.put(ALL_TENANTS, ALL, False, "file")
    assert service.current("a") == default and service.samples("a")
    own = service.put("a", SLOW, False, "me")
    assert (service.current("a"), service.current("b")) == (own, default)
    assert service.tenants_sampled() == [ALL_TENANTS, "a"]


def test_switched_off_is_off_even_under_a_default(service: PolicyService) -> None:
    service.put(ALL_TENANTS, ALL, False, "file")
    service.put("a", SLOW, False, "me")
    off = service.remove("a", "me")
    assert (off.version, off.document, off.mode) == (2, OFF, Mode.OFF)
    assert service.current("a") == off and not service.samples("a") and service.samples("b")
    assert service.judging("a", None) is None


def test_tenant_goes_by_the_default_again(service: PolicyService) -> None:
    default = service.put(ALL_TENANTS, ALL, False, "file")
    service.remove("a", "me")
    assert service.put("a", f" {FOLLOW}\n", True, "me").mode is Mode.DEFAULT
    assert service.current("a") == default and service.samples("a")
    with pytest.raises(InvalidRequest, match="cannot follow itself"):
        service.put(ALL_TENANTS, FOLLOW, False, "me")


def test_restored_version_is_a_new_one(service: PolicyService) -> None:
    service.put("a", SLOW, True, "me")
    service.put("a", ALL, False, "me")
    restored = service.restore("a", 1, "you")
    assert (restored.version, restored.document, restored.dry_run) == (3, SLOW, True)
    assert (restored.created_by, restored.comment) == ("you", "version 1 restored")
    service.remove("a", "me")
    assert service.restore("a", 4, "me").mode is Mode.OFF


@pytest.mark.parametrize("version", [0, 9, -1, 1 << 40])
def test_missing_version_is_not_found(service: PolicyService, version: int) -> None:
    service.put("b", ALL, False, "me")
    for call in (lambda: service.get("a", version), lambda: service.restore("a", version, "me")):
        with pytest.raises(NotFound, match="no version"):
            call()


def test_dry_run_is_sampled_too(service: PolicyService) -> None:
    dry = service.put("a", SLOW, True, "me")
    judging = service.judging("a", None)
    assert service.samples("a") and dry.mode is Mode.DRY_RUN
    assert judging and judging.dry_run and judging.version == dry.id and judging.policies.decision_wait == 5


def test_log_records_follow_while_policies_say_so_and_judge(service: PolicyService) -> None:
    thins = [service.thins_logs("a")]
    for document, dry_run in ((SLOW, False), (f"thin_logs: true\n{SLOW}", False), (f"thin_logs: true\n{SLOW}", True)):
        service.put("a", document, dry_run, "me")
        thins.append(service.thins_logs("a"))
    service.remove("a", "me")
    assert [*thins, service.thins_logs("a"), service.thins_logs("b")] == [False, False, True, True, False, False]


def test_round_is_repeated_with_the_policies_that_it_began_with(service: PolicyService) -> None:
    service.put("b", ALL, False, "me")
    default = service.put(ALL_TENANTS, SLOW, False, "file")
    own = service.put("a", ALL, False, "me")
    began = service.judging("a", default.id)
    assert began and (began.version, began.policies.decision_wait) == (default.id, 5)
    service.remove("a", "me")
    assert service.judging("a", None) is None
    began = service.judging("a", own.id)
    assert began and began.policies.policies[0].name == "all"
    assert service.judging("a", 99) is None


def test_stored_policies_that_this_version_cannot_read_keep_everything(
    service: PolicyService, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    service.put("a", ALL, False, "me")
    with begin(engine) as connection:
        connection.execute(update(policy_versions).values(document=UNKNOWN))
    with caplog.at_level(logging.ERROR):
        assert PolicyService(engine).judging("a", None) is None
    assert "everything is kept" in caplog.text


def test_ingest_reads_the_database_once_in_a_while(engine: Engine) -> None:
    clock = Clock()
    here, there = PolicyService(engine, clock), PolicyService(engine)
    assert not here.samples("a")
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    def selects() -> list[str]:
        return [text for text in statements if text.startswith("SELECT")]

    there.put("a", ALL, False, "me")
    statements.clear()
    assert not any(here.samples(f"tenant {number}") for number in range(1000)) and not here.samples("a")
    assert statements == []
    clock.now += CACHE_TTL_S
    assert here.samples("a") and len(selects()) == 2
    clock.now += CACHE_TTL_S
    assert here.samples("a") and len(selects()) == 3  # nothing new: the documents are not read again


def test_known_policies_go_on_when_the_database_does_not_answer(
    tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    engine = open_state(f"sqlite:///{tmp_path}/state.db")
    clock = Clock()
    service = PolicyService(engine, clock)
    service.put("a", ALL, False, "me")
    with begin(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE policy_versions RENAME TO gone")
    clock.now += CACHE_TTL_S
    assert service.samples("a")
    assert "not read again" in caplog.text
    with pytest.raises(StoreUnavailable):
        service.refresh()
    engine.dispose()


def test_first_read_of_a_silent_database_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        PolicyService(connect("postgresql://user:secret@127.0.0.1:1/none")).samples("a")


def test_replicas_that_put_at_once_get_versions_of_their_own(state_url: str) -> None:
    engines = [open_state(state_url) for _ in range(4)]
    services = [PolicyService(engine) for engine in engines]
    with ThreadPoolExecutor(4) as pool:
        put = list(pool.map(lambda service: [service.put("a", ALL, False, "me").version for _ in range(5)], services))
        same = list(pool.map(lambda service: service.put_if_new(ALL_TENANTS, ALL, "file"), services))
    assert sorted(version for versions in put for version in versions) == list(range(1, 21))
    assert sum(version is not None for version in same) == 1
    for engine in engines:
        engine.dispose()


def test_wait_longer_than_spans_rest_is_refused_and_not_stored(engine: Engine) -> None:
    service = PolicyService(engine, max_wait_s=60)
    document = "decision_wait: {}\npolicies: [{{name: all, type: always_sample}}]\n"
    with pytest.raises(InvalidRequest, match=r"decision_wait: 90s is too long.*at most 60s"):
        service.put("a", document.format("90s"), False, "me")
    assert service.versions("a") == []
    assert service.put("a", document.format("60s"), False, "me").version == 1


BUDGETS = ALL + "budgets: [{name: mine, spans_per_second: 5}]\n"
SHARED = ALL + "budgets: [{name: each, bytes_per_day: 9}, {name: ours, spans_per_second: 50, all_tenants: true}]\n"


def test_budgets_of_all_tenants_hold_for_those_with_policies_of_their_own(service: PolicyService) -> None:
    service.put("a", BUDGETS, False, "me")
    service.put(ALL_TENANTS, SHARED, False, "file")

    def names(tenant: str) -> list[str]:
        return [budget.name for budget in service.budgets(tenant)[0]]

    assert (names("a"), names("b")) == (["mine", "ours"], ["each", "ours"])
    service.put("a", BUDGETS, True, "me")
    assert service.budgets("a")[1] is True
    service.remove("a", "me")
    assert service.budgets("a") == ([], False)
    service.remove(ALL_TENANTS, "file")
    service.put("a", BUDGETS, False, "me")
    assert (names("a"), names("b"), service.steering("a")) == (["mine"], [], ())


def test_tenant_cannot_set_a_budget_of_all_tenants(service: PolicyService) -> None:
    with pytest.raises(InvalidRequest, match=r"budgets\[1\].all_tenants: a cannot set it.*sampling.policy_file"):
        service.put("a", SHARED, False, "me")


def test_budget_of_money_needs_a_price(engine: Engine) -> None:
    document = ALL + "budgets: [{name: m, money_per_month: 100}]\n"
    with pytest.raises(InvalidRequest, match=r"budgets\[0\].money_per_month: nothing has a price"):
        PolicyService(engine, terms=Terms()).put("a", document, False, "me")
    PolicyService(engine, terms=Terms(price_per_gib=0.1)).put("a", document, False, "me")
