"""Whether an answer is what OpenAPI says of it."""

from typing import Any

from pydantic import TypeAdapter


def described(model: Any, answer: Any) -> Any:
    """The answer, which has all that the model requires and nothing that it does not know."""
    adapter = TypeAdapter(model)
    assert adapter.dump_python(adapter.validate_python(answer), mode="json", exclude_unset=True) == answer
    return answer
