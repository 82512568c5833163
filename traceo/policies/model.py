"""The data of policies: versions, and what the documents "" and `default` mean."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from traceo.errors import InvalidRequest
from traceo.sampling.parse import ParsedPolicies, parse_policies
from traceo.sampling.policies import statement_length

ALL_TENANTS = ""  # the tenant of the default
OFF = ""  # the document that switches sampling off
FOLLOW = "default"  # the document of a tenant that goes by the default again
MAX_DOCUMENT = 1 << 18  # characters
MAX_STATEMENT = 200_000  # characters; ClickHouse reads 262 144, with what surrounds it
MAX_COMMENT = 1000


class Mode(StrEnum):
    """What a version does. `DRY_RUN`: verdicts are made and counted, and everything is kept."""

    ON = "on"
    DRY_RUN = "dry_run"
    OFF = "off"
    DEFAULT = "default"


class Source(StrEnum):
    """Where the policies that apply to a tenant come from."""

    OWN = "own"
    DEFAULT = "default"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a tenant's policies. `id` is unique among all tenants, `version` counts 1, 2, ... in one."""

    id: int
    tenant: str
    version: int
    document: str
    dry_run: bool
    created_at: datetime
    created_by: str
    comment: str

    @property
    def mode(self) -> Mode:
        """What it does."""
        if self.document in (OFF, FOLLOW):
            return Mode.OFF if self.document == OFF else Mode.DEFAULT
        return Mode.DRY_RUN if self.dry_run else Mode.ON

    @property
    def samples(self) -> bool:
        """Whether traces are judged by it, be it in a dry run."""
        return self.mode in (Mode.ON, Mode.DRY_RUN)


@lru_cache(maxsize=1024)
def read_document(document: str) -> ParsedPolicies:
    """The policies of a document. Raises InvalidRequest, ParseError, UnsupportedQuery, each with the path."""
    if len(document) > MAX_DOCUMENT:
        raise InvalidRequest(f"the document has {len(document)} characters; {MAX_DOCUMENT} is the most")
    parsed = parse_policies(document)
    length = statement_length(parsed.policies)
    if length > MAX_STATEMENT:
        raise InvalidRequest(
            f"policies: they make a statement of {length} characters; {MAX_STATEMENT} is the most. Fewer policies, or "
            "one with several values in place of several with one, make it shorter"
        )
    return parsed


def check_document(tenant: str, document: str) -> str:
    """A document in the form in which it is stored. Raises as `read_document` does."""
    if document.strip() == FOLLOW:
        if tenant == ALL_TENANTS:
            raise InvalidRequest("the default cannot follow itself: expected policies")
        return FOLLOW
    budgets = read_document(document).policies.budgets
    for number, budget in enumerate(budgets):
        if budget.all_tenants and tenant != ALL_TENANTS:
            raise InvalidRequest(
                f"budgets[{number}].all_tenants: {tenant} cannot set it; it belongs in sampling.policy_file"
            )
    return document


def check_comment(comment: str) -> str:
    """The comment, if it is text of a moderate length; InvalidRequest otherwise."""
    if len(comment) > MAX_COMMENT or not comment.replace("\n", " ").isprintable():
        raise InvalidRequest(f"comment: expected up to {MAX_COMMENT} characters, all printable")
    return comment
