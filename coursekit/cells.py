"""Running the body of a `%%check` or `%%expect` cell, and explaining what came of it."""

from __future__ import annotations

import ast
import builtins
import linecache
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursekit import session
from coursekit.display import Shown, card, explaining
from coursekit.errors import CourseError

if TYPE_CHECKING:
    import httpx

LONGEST = 300


@dataclass
class Comparison:
    """The comparison of an assert that did not hold."""

    operator: str
    left: object
    right: object


class _Compared:
    """Hears of each comparison that fails inside an assert (pytest's own hook for it)."""

    def __init__(self) -> None:
        self.last: Comparison | None = None

    def __call__(self, operator: str, left: object, right: object) -> None:
        self.last = Comparison(operator, left, right)


def execute(source: str, namespace: dict[str, Any], name: str = "<cell>") -> object:
    """Run code with explained asserts; the value of a last expression, or None.

    Raises whatever the code raises.
    """
    from _pytest.assertion.rewrite import rewrite_asserts

    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body.pop()
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    rewrite_asserts(tree, source.encode())
    exec(compile(tree, name, "exec"), namespace)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace)


def check(title: str, source: str, namespace: dict[str, Any]) -> tuple[bool, Shown]:
    """Run the asserts of a `%%check` cell: whether they hold, and the card that says so."""
    from _pytest.assertion import util

    from coursekit.caller import Client

    heard = _Compared()
    before, util._reprcompare = util._reprcompare, heard
    Client.latest = None
    try:
        with explaining():
            execute(source, namespace, f"<check: {title}>")
    except AssertionError as error:
        parts = _explain(error, source, title, heard.last)
    except CourseError as error:
        parts = [("got", str(error))]
    except SyntaxError as error:
        parts = [("got", f"line {error.lineno} is not Python: {error.msg}")]
    except Exception as error:
        line, text = _line(error, source, f"<check: {title}>")
        parts = [("got", _error(error)), ("where", f"`{text}`" if text else f"line {line}")]
        if isinstance(error, NameError) and (why := session.unknown_name(error.name or "")):
            parts.insert(1, ("why", why))
        elif Client.latest is not None:
            parts.insert(1, ("last answer", _told(Client.latest)))
    else:
        return True, card("✓", title, "pass")
    finally:
        util._reprcompare = before
    if Client.latest is not None:
        crash = Client.latest.extensions.get("coursekit_crash")
        if crash:
            parts.append(("the error", "behind it, in your files:\n" + "\n".join(crash)))
    return False, card("✗", title, "fail", parts=parts)


def _told(response: httpx.Response) -> str:
    """An answer in one line."""
    request = response.request
    return _clip(
        f"{request.method} {request.url.path} → {response.status_code} {response.reason_phrase}"
        f" {response.text}".strip()
    )


def expect(words: str, source: str, namespace: dict[str, Any]) -> Shown:
    """Run a cell that must raise `words`, an exception's name and perhaps a part of its text."""
    name, _, fragment = words.strip().partition(" ")
    fragment = fragment.strip().strip("\"'")
    if not name:
        raise CourseError("Say which error must come: `%%expect ValueError`.")
    goal = name + (f' with "{fragment}"' if fragment else "")
    wanted = _exception(name, namespace)
    try:
        execute(source, namespace)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        names = {cls.__name__ for cls in type(error).__mro__}
        fits = isinstance(error, wanted) if wanted else name.split(".")[-1] in names
        if fits and fragment in str(error):
            return card("✓", f"{name}, as expected", "pass", parts=[("it says", _clip(str(error)))])
        return card(
            "✗", f"This cell should fail with {goal}", "fail", parts=[("got", _error(error))]
        )
    return card(
        "✗", f"This cell should fail with {goal}", "fail",
        parts=[
            ("got", "nothing failed"), ("why", "Something above may have changed what it does."),
        ],
    )  # fmt: skip


def _exception(name: str, namespace: Mapping[str, Any]) -> type[BaseException] | None:
    value: object = namespace.get(name.split(".")[0], getattr(builtins, name, None))
    for part in name.split(".")[1:]:
        value = getattr(value, part, None)
    return value if isinstance(value, type) and issubclass(value, BaseException) else None


def _explain(
    error: AssertionError, source: str, title: str, compared: Comparison | None
) -> list[tuple[str, str]]:
    """Expected, got, why, where: from the assert that did not hold."""
    number, text = _line(error, source, f"<check: {title}>")
    node = _assert_at(source, number)
    why = ""
    said = str(error)
    if node is not None and node.msg is not None:
        why, _, said = said.partition("\nassert ")
    test = node.test if node is not None else None
    parts: list[tuple[str, str]] = []
    if (
        compared is not None
        and isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and compared.operator in {"==", "in", "<", "<=", ">", ">=", "!=", "not in", "is"}
    ):
        words = {"==": "", "is": "", "in": "something in ", "not in": "something that is not in "}
        prefix = words.get(compared.operator, f"{compared.operator} ")
        parts.append(("expected", prefix + _clip(_repr(compared.right))))
        parts.append(("got", _clip(_repr(compared.left))))
    else:
        shown = ast.unparse(test) if test is not None else text
        is_name = isinstance(test, ast.Name)
        parts.append(("expected", f"something in `{shown}`" if is_name else f"`{shown}`"))
        rest = [row.strip(" +") for row in said.splitlines()[1:] if row.strip()]
        empty = said.removeprefix("assert ") if is_name else "that it does not hold"
        parts.append(("got", _clip("\n".join(rest[:4])) if rest else empty))
    if why:
        parts.append(("why", why.removeprefix("AssertionError: ")))
    parts.append(("where", _code(text) if text else f"line {number}"))
    return parts


def _code(text: str) -> str:
    """A line as code; one with backticks of its own stands as it is."""
    return text if "`" in text else f"`{text}`"


def _assert_at(source: str, number: int) -> ast.Assert | None:
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:
        return None
    found = [
        node
        for node in nodes
        if isinstance(node, ast.Assert) and node.lineno <= number <= (node.end_lineno or 0)
    ]
    return found[-1] if found else None


def _line(error: BaseException, source: str, name: str) -> tuple[int, str]:
    """The last line of the cell that the error passed through, and its text."""
    numbers = [
        f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == name
    ]
    number = numbers[-1] if numbers else 0
    lines = source.splitlines()
    return number, lines[number - 1].strip() if 0 < number <= len(lines) else ""


def _error(error: BaseException) -> str:
    return f"{type(error).__name__}: {_clip(str(error))}" if str(error) else type(error).__name__


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # a learner's own __repr__ may fail
        return f"<{type(value).__name__}>"


def _clip(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
