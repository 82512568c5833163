"""The error tree: drawn as it is, and readable."""

import inspect

from traceo import errors
from traceo.errors import DiskFull, LimitExceeded, Overloaded, ParseError, PayloadTooLarge, TraceoError


def test_drawn_tree_is_the_real_one() -> None:
    """In the drawing, a class stands four columns to the right of its parent."""
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip(" │├└─").split(" ")[0]
        depth = (len(line) - len(line.lstrip(" │├└─"))) // 4
        if depth and name:
            above[depth - 1 :] = [name]
            parents[name] = above[depth - 2] if depth > 1 else "Exception"
    classes = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, TraceoError)]
    assert parents == {item.__name__: item.__bases__[0].__name__ for item in classes}


def test_every_error_reads_as_its_message() -> None:
    assert str(PayloadTooLarge("too large", limit_bytes=5)) == "too large"
    assert DiskFull("full", code=243).message == "full"


def test_errors_carry_what_a_caller_needs() -> None:
    error = ParseError("unexpected )", position=4, hint="remove it")
    assert (error.position, error.hint) == (4, "remove it")
    assert LimitExceeded("quota").retry_after_s is None
    assert Overloaded("full").retry_after_s == 1.0
    assert DiskFull("full").code is None
