"""Stacks of five languages, taken apart by the engine: what changes without a cause does not tell errors apart."""

import asyncio
from typing import Any

import pytest

from tests.query.engine import engine
from traceo.query.analysis.stacks import frames_of, language_of, own_frames, template_of, without_generated

PYTHON = """Traceback (most recent call last):
  File "/usr/lib/python3.11/site-packages/fastapi/routing.py", line 21, in app
    raw_response = await run(dependant)
  File "/srv/app/shop/cart.py", line 12, in add_item
    stock.take(item)
  File "/srv/app/.venv/lib/python3.11/site-packages/redis/client.py", line 99, in get
ValueError: bad 5
"""
JAVA = """java.lang.IllegalStateException: Bad
\tat com.shop.Cart$$EnhancerBySpringCGLIB$$ab12.add(<generated>)
\tat com.shop.Cart.lambda$add$3(Cart.java:12)
\tat jdk.internal.reflect.GeneratedMethodAccessor55.invoke(Unknown Source)
\tat org.springframework.aop.X.invoke(X.java:5)
Caused by: java.lang.NullPointerException
\tat com.shop.Db.get(Db.java:7)
\t... 12 more
"""
NODE = """TypeError: Cannot read properties of undefined (reading 'x')
    at Cart.add (/srv/app/dist/cart.js:12:5)
    at /srv/app/dist/index.js:5:9
    at async handler (file:///srv/app/api.mjs:1:2)
    at Layer.handle [as handle_request] (/srv/app/node_modules/express/lib/router/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
"""
GO = """goroutine 34 [running]:
main.(*Cart).Add(0xc000123, 0x5)
\t/app/cart.go:12 +0x1d
main.handler.func1()
\t/app/main.go:5 +0x99
net/http.HandlerFunc.ServeHTTP(0x1, {0x2, 0x3})
\t/usr/local/go/src/net/http/server.go:2136 +0x29
"""
DOTNET = """System.InvalidOperationException: Bad
   at Shop.Cart.<AddAsync>d__12.MoveNext() in /src/Cart.cs:line 12
--- End of stack trace from previous location ---
   at Shop.Api.<>c__DisplayClass3_0.<Map>b__1(String s) in /src/Api.cs:line 5
   at System.Runtime.CompilerServices.TaskAwaiter.ThrowForNonSuccess(Task task)
"""
STACKS = {
    "python": (PYTHON, ["/srv/app/shop/cart.py add_item"]),
    "java": (JAVA, ["com.shop.Cart$$generated.add", "com.shop.Cart.lambda$add", "com.shop.Db.get"]),
    "node": (NODE, ["Cart.add /srv/app/dist/cart.js", "/srv/app/dist/index.js", "handler file:///srv/app/api.mjs"]),
    "go": (GO, ["main.(*Cart).Add", "main.handler.func"]),
    "dotnet": (DOTNET, ["Shop.Cart.AddAsync", "Shop.Api.Map"]),
    "other": ("it broke at 0x12ab\n  in step 7", ["it broke at 0x", "in step 0"]),
}
# Language -> what another build or run has instead.
CHANGES = {
    "python": [("line 12", "line 14"), ("line 99, in get", "line 7, in put"), ("bad 5", "bad 6")],
    "java": [
        ("12)", "99)"),
        ("$$ab12", "$$99ff"),
        ("add$3", "add$4"),
        ("Accessor55", "Accessor7"),
        ("X.java:5", "X.java:6"),
    ],
    "node": [("cart.js:12:5", "cart.js:13:1"), ("task_queues:95", "task_queues:77")],
    "go": [("0xc000123", "0xc0ff123"), ("goroutine 34", "goroutine 5"), ("cart.go:12 +0x1d", "cart.go:13 +0x2d")],
    "dotnet": [("d__12", "d__13"), ("line 12", "line 15"), ("DisplayClass3_0", "DisplayClass4_1"), ("b__1", "b__2")],
}


def ask(sql: str, texts: list[str]) -> list[dict[str, Any]]:
    source = "SELECT unhex(arrayJoin(splitByChar(',', {texts:String}))) AS s"
    joined = ",".join(text.encode().hex() for text in texts)
    return asyncio.run(engine().query(f"SELECT {sql} FROM ({source})", {"texts": joined})).to_pylist()


FRAMES = (
    f"{language_of('s')} AS language, arrayMap(f -> {without_generated('f')}, {frames_of('s', 'language')}) AS frames, "
    f"{own_frames('frames')} AS own"
)


def test_frames_of_ones_own_code_by_language() -> None:
    rows = ask(FRAMES, [stack for stack, _ in STACKS.values()])
    assert [row["language"] for row in rows] == list(STACKS)
    assert [row["own"] for row in rows] == [frames for _, frames in STACKS.values()]


def test_another_build_or_run_makes_no_other_error() -> None:
    stacks, expected = [], []
    for language, changes in CHANGES.items():
        for old, new in changes:
            assert old in STACKS[language][0]
            stacks.append(STACKS[language][0].replace(old, new))
            expected.append(STACKS[language][1])
    assert [row["own"] for row in ask(FRAMES, stacks)] == expected


def test_libraries_decide_where_there_is_nothing_else() -> None:
    stack = 'File "/x/lib/python3.12/site-packages/redis/client.py", line 99, in get'
    assert ask(FRAMES, [stack])[0]["own"] == ["site-packages/redis/client.py get"]


MESSAGES = {
    "order 17 of user 'anna' not found": "order <n> of user <text> not found",
    "id 3b0c5f7e-0000-4a6b-9c1d-aaaaaaaaaaaa is gone": "id <id> is gone",
    "at 0x7f3a: mail to a.b@example.com": "at <hex>: mail to <address>",
    "timeout after 1.5 s\nmore": "timeout after <n> s",
    "": "",
}


def test_messages_become_templates() -> None:
    assert [row["t"] for row in ask(f"{template_of('s')} AS t", list(MESSAGES))] == list(MESSAGES.values())


@pytest.mark.parametrize("text", ["\x00\xff" * 50, "a" * 200_000, "at (" * 5000], ids=["binary", "long", "unclosed"])
def test_what_is_no_stack_does_no_harm(text: str) -> None:
    assert ask(FRAMES, [text])[0]["language"] == "other"
