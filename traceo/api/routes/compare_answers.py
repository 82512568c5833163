"""The answer of the comparison of a service, for OpenAPI."""

from typing import Literal

from pydantic import BaseModel, Field

from traceo.api.routes.analysis_answers import ErrorGroup
from traceo.api.routes.map_answers import Change, Red
from traceo.api.routes.trace_answers import OperationRow


class ChangedOperation(BaseModel):
    """One operation at both times."""

    before: OperationRow
    after: OperationRow
    changes: list[Change]


class OperationsDiff(BaseModel):
    """What became of the operations."""

    new: list[OperationRow]
    gone: list[OperationRow]
    changed: list[ChangedOperation]


class ServiceComparison(BaseModel):
    """A service at two times. Something has changed as on `/map/diff`: large enough, and no chance."""

    service: str
    before: Red
    after: Red
    changes: list[Change]
    operations: OperationsDiff
    new_errors: list[ErrorGroup] = Field(description="Groups that the time before did not have, most frequent first")
    verdict: Literal["worse", "better", "mixed", "same", "unknown"] = Field(
        description="unknown: nothing was found in fewer than 100 requests at either time"
    )
    reasons: list[str] = Field(description="Why, in words")
