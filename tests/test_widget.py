"""The live widget: every choice is really called, and stands in the page without a kernel."""

from __future__ import annotations

from typing import Any

import httpx
import ipywidgets
import matplotlib.figure
import pytest

from coursekit import widget
from coursekit.errors import CourseError


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr(widget, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def parts(bundle: dict[str, Any], kind: type) -> list[Any]:
    from ipywidgets.widgets.widget import _instances

    whole = _instances[bundle["application/vnd.jupyter.widget-view+json"]["model_id"]]
    found, todo = [], [whole]
    while todo:
        one = todo.pop(0)
        found += [one] if isinstance(one, kind) else []
        todo += getattr(one, "children", ())
    return found


def test_every_choice_is_called_and_told_as_text(shown: list[dict[str, Any]]) -> None:
    calls: list[tuple[int, str]] = []

    def look(limit: int, sort_by: str) -> str:
        calls.append((limit, sort_by))
        return f"{limit} by {sort_by}"

    widget.play(look, limit=[1, 2], sort_by={"the title": "title", "the date": "date"})
    assert calls == [(1, "title"), (1, "date"), (2, "title"), (2, "date")]
    assert shown[0]["text/plain"].splitlines()[:2] == [
        "▸ limit: 1, sort by: the title",
        "  1 by title",
    ]
    screens = [s.value for s in parts(shown[0], ipywidgets.HTML)]
    assert [text for text in ("1 by title", "1 by date", "2 by title", "2 by date")
            if not any(text in s for s in screens)] == []  # fmt: skip


def test_a_change_calls_anew(shown: list[dict[str, Any]]) -> None:
    calls: list[int] = []
    widget.play(lambda limit: calls.append(limit) or f"call {len(calls)}", limit=[1, 2])
    menu = parts(shown[0], ipywidgets.Dropdown)[0]
    menu.index = 1
    assert calls == [1, 2, 2]
    parts(shown[0], ipywidgets.Button)[0].click()
    assert calls == [1, 2, 2, 2]
    assert any("call 4" in screen.value for screen in parts(shown[0], ipywidgets.HTML))


def test_an_error_is_a_result(shown: list[dict[str, Any]]) -> None:
    def fail(how: str) -> None:
        if how == "ours":
            raise CourseError("Your API did not start.")
        raise ValueError("<seat>")

    widget.play(fail, how=["ours", "theirs"])
    assert "✗ Your API did not start." in shown[0]["text/plain"]
    assert "✗ ValueError: <seat>" in shown[0]["text/plain"]
    assert not any("<seat>" in screen.value for screen in parts(shown[0], ipywidgets.HTML))


@pytest.mark.parametrize("choices", [{}, {"a": []}, {"a": range(5), "b": range(5)}])
def test_too_few_and_too_many(choices: dict[str, Any], shown: list[dict[str, Any]]) -> None:
    with pytest.raises(CourseError, match="1 to 24 combinations"):
        widget.play(lambda **_: "", **choices)
    assert shown == []


def test_every_kind_of_result() -> None:
    request = httpx.Request("GET", "http://x/shows")
    text, html = widget.render(httpx.Response(404, request=request))
    assert "404 Not Found" in text
    assert "404 Not Found" in html
    assert widget.render("<b>") == ("<b>", widget.pre("<b>"))
    assert widget.render({"a": 1})[0] == "{'a': 1}"
    figure = matplotlib.figure.Figure()
    figure.set_label('a "plot" of seats')
    text, html = widget.render(figure)
    assert text == 'a "plot" of seats'
    assert 'alt="a &quot;plot&quot; of seats"' in html
    assert "data:image/png;base64," in html
