"""What a learner sees: the same facts as text and as HTML, safe and legible."""

from __future__ import annotations

import json
import re
import threading
from html import unescape

import httpx
import pytest

from coursekit import display, identity
from coursekit.verdict import ItemResult, Outcome, Verdict

NASTY = "<script>alert(1)</script> & \"quoted\" 'single'"


def words_of(html: str) -> str:
    """The text that a reader of the HTML gets."""
    return unescape(re.sub(r"<[^>]+>", " ", html))


def no_tags_but_ours(html: str) -> bool:
    return "<script" not in html and "alert(1)</" not in html.replace("&lt;/", "")


def answer(
    status: int = 200, *, path: str = "/shows?title=a%20b", content: bytes = b"", kind: str = "",
    headers: dict[str, str] | None = None, asked: dict[str, object] | None = None,
) -> httpx.Response:  # fmt: skip
    request = httpx.Request("POST", f"http://127.0.0.1:8000{path}", json=asked)
    told = {"server": "uvicorn", **({"content-type": kind} if kind else {}), **(headers or {})}
    return httpx.Response(status, content=content, headers=told, request=request)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tone", ["pass", "fail", "info", "brass", "curtain", "ink"])
def test_badges_are_legible(tone: str) -> None:
    colours = re.search(r"background:(#\w+);color:(#\w+)", display.badge("x", tone))
    assert colours is not None
    white = colours[2] if len(colours[2]) == 7 else "#ffffff"
    assert contrast(colours[1], white) >= 4.5


@pytest.mark.parametrize("palette", [identity.LIGHT, identity.DARK])
def test_the_palette_is_legible_on_its_paper(palette: dict[str, str]) -> None:
    for tone in ("ink", "curtain", "brass", "pass", "fail", "info"):
        assert contrast(palette[tone], palette["paper"]) >= 4.5


def test_a_card_says_the_same_in_both() -> None:
    card = display.card(
        "✗", f"One gets in `{NASTY}`", "fail", parts=[("expected", "409"), ("got", NASTY)],
        footer="see `hint()`",
    )  # fmt: skip
    assert no_tags_but_ours(card.html)
    read = words_of(card.html)
    for fact in ("✗", "One gets in", "expected", "409", "got", "alert(1)", "hint()"):
        assert fact in card.text
        assert fact in read
    assert card._repr_mimebundle_() == {"text/plain": card.text, "text/html": card.html}


def test_text_in_cards_lines_up() -> None:
    card = display.card("✗", "t", "fail", parts=[("expected", "1\n2"), ("got", "3")])
    assert card.text.splitlines() == [
        "✗ t", "  expected  1", "            2", "  got       3",
    ]  # fmt: skip


def test_an_exchange_reads_as_http() -> None:
    shown = display.exchange(
        answer(
            409, content=json.dumps({"code": "seat_taken"}).encode(), kind="application/json",
            headers={"etag": '"7"', "retry-after": "3"}, asked={"seat": "A1"},
        )
    )  # fmt: skip
    assert shown.text.splitlines() == [
        "POST /shows?title=a b", '{"seat": "A1"}', "", "← 409 Conflict", 'etag: "7"',
        "retry-after: 3", '{"code": "seat_taken"}',
    ]  # fmt: skip
    read = words_of(shown.html)
    for line in shown.text.splitlines():
        assert line in read
    assert "uvicorn" not in shown.text


def test_an_exchange_escapes_what_comes_from_outside() -> None:
    shown = display.exchange(
        answer(
            400, path="/%3Cscript%3Ealert(1)%3C/script%3E", content=NASTY.encode(),
            kind="text/html", headers={"x-note": NASTY}, asked={"a": NASTY},
        )
    )  # fmt: skip
    assert no_tags_but_ours(shown.html)
    assert NASTY in shown.text
    assert words_of(shown.html).count("alert(1)") >= 4


def test_bodies_of_every_kind() -> None:
    for content, kind, seen in (
        (b'{"a": tr', "application/json", '{"a": tr'),
        (b"\x89PNG\x00\xff", "image/png", "(6 bytes of image/png)"),
        (b"\x00\x01", "", "(2 bytes of an unnamed kind)"),
        (b"caf\xe9", "text/plain", "caf\ufffd"),
        (b'{"type": "about:blank"}', "application/problem+json", '{"type": "about:blank"}'),
        (b"", "text/plain", "← 200 OK"),
    ):
        shown = display.exchange(answer(content=content, kind=kind))
        assert seen in shown.text
        assert seen in words_of(shown.html)


def test_long_bodies_are_shortened_and_say_so() -> None:
    rows = [{"number": number, "title": "A rather long title of a show"} for number in range(500)]
    shown = display.exchange(answer(content=json.dumps(rows).encode(), kind="application/json"))
    assert len(shown.text.splitlines()) < 50
    assert re.search(r"… \d+ more lines", shown.text)
    assert re.search(r"… \d+ more lines", shown.html)
    line = display.exchange(answer(content=b"x" * 100_000, kind="text/plain"))
    assert len(line.text) < 1000
    assert line.text.endswith(" …")


def test_a_stream_is_not_read() -> None:
    def stream() -> object:
        yield b"x"

    request = httpx.Request("POST", "http://x/y", content=stream())
    response = httpx.Response(200, content=stream(), request=request)
    assert "(a stream)" in display.exchange(response).text


def test_the_error_behind_a_500_is_shown() -> None:
    response = answer(500)
    response.extensions["coursekit_crash"] = ["api/shows.py, line 3, in f:  <x>", "ValueError: no"]
    response.extensions["coursekit_printed"] = "hello\n"
    shown = display.exchange(response)
    for fact in (
        "api/shows.py, line 3, in f:  <x>",
        "ValueError: no",
        "printed by your API",
        "hello",
    ):
        assert fact in shown.text
        assert fact in words_of(shown.html)


def test_json_that_fits_stays_on_a_line() -> None:
    assert display.compact_json({"a": [1, 2], "b": None}) == '{"a": [1, 2], "b": null}'
    wide = {"items": [{"title": "x" * 50, "n": n} for n in range(3)], "empty": []}
    text = display.compact_json(wide)
    assert json.loads(text) == wide
    assert max(map(len, text.splitlines())) <= 88


def test_diffs() -> None:
    assert display.diff("a.py", None, "x\n").text == "created a.py · 1 line"
    assert display.diff("a.py", "x\n", "x\n").text == "unchanged a.py"
    shown = display.diff("a.py", "a\nb\nc\n", "a\n<b>\nc\n", "kept as `x`")
    assert shown.text.splitlines() == [
        "changed a.py · +1 −1 lines", " a", "-b", "+<b>", " c", "kept as `x`",
    ]  # fmt: skip
    assert "&lt;b&gt;" in shown.html
    assert "<b>" not in shown.html
    long = display.diff("a.py", "x\n", "\n".join(map(str, range(500))))
    assert "more lines" in long.text


def test_tables() -> None:
    shown = display.table(["id", "<t>"], [[1, None], ["<b>", {"k": "é"}]], caption="2 & 3")
    assert shown.text.splitlines() == ["2 & 3", "id   <t>", "───  ──────────", "1    ∅",
                                       '<b>  {"k": "é"}']  # fmt: skip
    assert "<b>" not in shown.html
    assert "2 &amp; 3" in shown.html
    many = display.table(["n"], [[n] for n in range(100)])
    assert "… 70 more rows" in many.text
    assert "… 70 more rows" in many.html
    assert display.table(["n"], []).text == "n\n─"


def test_the_card_of_a_verdict_says_the_same_in_both() -> None:
    items = [
        ItemResult("A page holds `limit` shows.", 2, 0, "3 shows", NASTY, "Slices end before."),
        ItemResult("It begins at the first.", 1, 1),
    ]
    verdict = Verdict("ch01.x", f"Pages {NASTY}", Outcome.NOT_YET, 3, items=items)
    shown = display.verdict_card(verdict)
    assert no_tags_but_ours(shown.html)
    read = words_of(shown.html)
    for fact in ("not yet", "1 of 3", "3 shows", "Slices end before.", "It begins at the first."):
        assert fact in read
        assert fact in shown.text
    assert 'hint("ch01.x")' in read


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_sign_and_its_words(outcome: Outcome) -> None:
    shown = display.verdict_card(Verdict("ch01.x", "Pages", outcome, 3, message="because"))
    assert str(outcome) in words_of(shown.html)
    assert str(outcome) in shown.text


def test_a_long_wait_is_told_and_then_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    done = threading.Event()

    class Handle:
        def update(self, shown: display.Shown) -> None:
            told.append(shown.text)
            if len(told) == 2:
                done.set()

    monkeypatch.delenv("COURSEKIT_ISOLATE", raising=False)
    monkeypatch.delenv("COURSEKIT_QUIET", raising=False)
    monkeypatch.setattr(display, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda *_, **__: Handle())
    with display.waiting("pytest is running"):
        assert done.wait(20)
    assert told[0].startswith("pytest is running … ")
    assert told[-1] == ""


def test_a_hint_shows_code_as_code_and_emphasis_as_emphasis() -> None:
    said = "Two *whole* lines, `a * b`:\n\n    if 1 < 2:\n        stop()\n\n3 * 4 * 5 stays."
    shown = display.card("→", "Hint", "info", parts=[("", said)])
    assert "<em>whole</em>" in shown.html
    assert ">if 1 &lt; 2:\n    stop()</pre>" in shown.html
    assert ">a * b</code>" in shown.html
    assert "3 * 4 * 5 stays." in shown.html
    assert said.split("\n")[2] in shown.text
