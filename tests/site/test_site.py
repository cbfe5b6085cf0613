"""Every page of the built site, seen in Chromium: nothing broken, nothing fetched from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from fontTools.ttLib import TTFont

from coursekit import course, identity

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
BYTES = 1_500_000  # all that one page loads, unpacked, with every picture of every widget
DRAWING = 2_600_000  # what draws a diagram, on no lesson's page


def cannot(reason: str) -> None:
    """What is missing is a failure where everything should be there, and said aloud elsewhere."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list]:
    """What the browser saw; the site is built first if it is missing or out of date."""
    for tool in ("npm", "node"):
        if shutil.which(tool) is None:
            cannot(f"the site was not tested: {tool} is missing (install Node.js 20 or later)")
    if not chromium():
        cannot("the site was not tested: Chromium is missing (Debian's package is chromium)")
    built = subprocess.run(
        [sys.executable, str(ROOT / "book" / "build.py")], capture_output=True, text=True
    )
    if built.returncode:
        pytest.fail(f"the site does not build:\n{built.stderr[-4000:]}", pytrace=False)
    script = Path(__file__).with_name("walk.mjs")
    seen = subprocess.run(
        ["node", str(script), str(SITE)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    if seen.returncode:
        pytest.fail(f"the browser stopped:\n{seen.stderr[-3000:]}", pytrace=False)
    return json.loads(seen.stdout)


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def collected(walk: dict[str, list], field: str) -> list[str]:
    pages = walk["pages"]
    return [f"{page['page']} ({page['asked']}): {one}" for page in pages for one in page[field]]


def test_every_page_of_the_contents_is_built(walk):
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    wanted = {f"{name}.html" for name in re.findall(r"(?:root|file): (\S+)", contents)}
    assert wanted <= set(walk["paths"])


def test_a_lesson_is_called_by_its_place(walk):
    titles = {page["page"]: page["title"] for page in walk["pages"]}
    for lesson in course.lessons():
        page = lesson.path.relative_to(ROOT).with_suffix(".html").as_posix()
        number = f"{lesson.id} · " if "." in lesson.id else ""
        assert titles[page].startswith(f"{number}{lesson.title}")


def test_no_page_prints_an_error(walk):
    assert not collected(walk, "errors")
    assert not collected(walk, "failed")


def test_no_request_leaves_the_site(walk):
    assert not collected(walk, "outside")


def test_no_link_is_dead(walk):
    base = walk["base"]
    ids = {unquote(page["url"]): set(page["ids"]) for page in walk["pages"]}
    dead = []
    for page in walk["pages"]:
        for link in page["links"]:
            address, anchor = urldefrag(unquote(link))
            if not address.startswith(base):
                continue
            file = SITE / address.removeprefix(base).partition("?")[0].lstrip("/")
            if not (file / "index.html" if file.is_dir() else file).is_file():
                dead.append(f"{page['page']}: {link}")
            elif anchor and address in ids and anchor not in ids[address]:
                dead.append(f"{page['page']}: {link} (no such place on the page)")
    assert not sorted(set(dead))


def test_every_page_can_be_used_by_everyone(walk):
    """axe-core finds nothing on any page; in the dark theme its rules on colour are enough."""
    assert all(page["theme"] == page["asked"] for page in walk["pages"])
    faults = [
        f"{page['page']} ({page['asked']}): {fault['id']}, {fault['help']}: {fault['where']}"
        for page in walk["pages"]
        for fault in page["faults"]
    ]
    assert not faults
    assert {page["lang"] for page in walk["pages"]} == {"en"}
    assert not [page["page"] for page in walk["pages"] if page["titles"] != 1]
    assert not collected(walk, "without_alt")


def test_the_first_stop_of_the_keyboard_skips_the_navigation(walk):
    assert {page["first_stop"] for page in walk["pages"]} == {"#main-content"}
    assert all("main-content" in page["ids"] for page in walk["pages"])


def test_the_theme_is_switched_by_keyboard(walk):
    assert sorted(walk["switched"]) == ["dark", "light", "light"]


def test_no_page_is_wider_than_its_window(walk):
    assert not [page["page"] for page in walk["pages"] if page["wider"] > 0]
    light = [page for page in walk["pages"] if page["asked"] == "light"]
    assert not [page["page"] for page in light if page["wider_on_phone"] > 0]


def test_every_diagram_is_drawn(walk):
    assert any(page["diagrams"] for page in walk["pages"])
    assert not [page["page"] for page in walk["pages"] if page["diagrams"] != page["drawn"]]


def test_every_lesson_has_a_widget_that_answers_without_a_kernel(walk):
    lessons = [
        page
        for page in walk["pages"]
        if re.match(r"notebooks/ch\d+_", page["page"]) and page["asked"] == "light"
    ]
    assert lessons
    for page in lessons:
        assert page["menus"], f"{page['page']} has no menu"
        for widget in page["menus"]:
            assert len(set(widget["texts"])) > 1, f"{page['page']}: {widget['options']} do nothing"


def test_the_site_wears_the_palette_of_the_course(walk):
    themes = {"light": dict(identity.LIGHT), "dark": dict(identity.DARK)}
    for page in walk["pages"]:
        assert page["palette"] == themes[page["asked"]], page["page"]


def test_no_page_is_too_heavy(walk):
    heavy = {
        page["page"]: page["bytes"]
        for page in walk["pages"]
        if page["bytes"] > BYTES + DRAWING * bool(page["diagrams"])
    }
    assert not heavy
    assert not [page for page in walk["pages"] if page["diagrams"] and is_lesson(page["page"])]


def is_lesson(page: str) -> bool:
    return page.startswith(("notebooks/", "exercises/"))


def test_nothing_holds_up_the_first_sight_of_a_page(walk):
    assert {one.split()[0] for one in collected(walk, "holding_up")} <= {"search.html"}
    assert max(page["scripts_in_head"] for page in walk["pages"]) < 1000


def test_a_lesson_reads_without_scripts(walk):
    """Text, code, outputs, every choice of its widgets, pictures, and the list of contents."""
    with_scripts = {page["page"]: page["read"] for page in walk["pages"] if "read" in page}
    assert len(walk["without"]) == len(with_scripts) >= 17
    for page in walk["without"]:
        name, same = page["page"], with_scripts[page["page"]]
        assert len(page["words"]) > 150, name
        assert not set(same["words"]) - set(page["words"]), name
        assert page["outputs"] == same["outputs"] > 0, name
        assert not page["empty"], name
        assert page["contents"] == same["contents"], name
        assert len(page["contents"]) > 15, name
        assert page["led_to"] in page["contents"], name


def test_the_choices_of_a_widget_stand_one_below_the_other_without_scripts(walk):
    for page in walk["pages"]:
        if "read" in page:
            assert page["read"]["screens"] == page["widgets"], page["page"]
    for page in walk["without"]:
        assert page["screens"] == page["all_screens"], page["page"]


def test_icons_are_letters_of_the_font(walk):
    styles = (SITE / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    font = TTFont(SITE / "_static/vendor/fontawesome/webfonts/icons.woff")
    classes = {one for page in walk["pages"] for one in page["icons"]}
    assert {"fa-bars", "fa-magnifying-glass", "fa-chevron-down"} <= classes
    for name in classes:
        letter = re.search(rf"\.{name}:before[^{{]*{{content:\"(.)\"", styles)
        assert letter, name
        assert ord(letter[1]) in font.getBestCmap(), name


# --- the identity ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", identity.drawings())
def test_drawings_are_the_identity(name):
    drawn = (ROOT / "book" / "_static" / name).read_text(encoding="utf-8")
    assert drawn == identity.drawings()[name]


def test_styles_name_no_colour_of_their_own():
    style = (ROOT / "book" / "_static" / "boxoffice.css").read_text(encoding="utf-8")
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-])", style)) <= {"#0000", "#000"}


def test_social_card_uses_the_dark_palette():
    card = (ROOT / "book" / "_static" / "social.svg").read_text(encoding="utf-8")
    assert set(re.findall(r'"(#[0-9a-fA-F]{6})"', card)) <= set(identity.DARK.values())


@cache
def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", [identity.LIGHT, identity.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "curtain", "brass", "pass", "fail", "info"])
def test_text_colours_stand_out(theme, name):
    """WCAG 2.2 AA, 1.4.3: 4.5 to 1 against the paper."""
    light, dark = sorted((luminance(theme[name]), luminance(theme["paper"])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5
