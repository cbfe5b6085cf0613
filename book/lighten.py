"""Make a built site light: styles without rules that no page uses, icons that are used, no maps."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont

WORD = re.compile(r"[\w-]+")
GROUP = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
NAME = re.compile(r"[.#]((?:[\w-]|\\.)+)")
ICON = re.compile("[\ue000-\uf8ff]")
FONTS = "vendor/fontawesome/webfonts"


def lighten(site: Path) -> None:
    static = site / "_static"
    for path in {*static.rglob("*.map"), *static.rglob("fontawesome.js*")}:
        path.unlink()
    shutil.rmtree(static / "locales", ignore_errors=True)
    words = set(_words(site))
    styles = [path for path in static.rglob("*.css") if "vendor" not in path.parts]
    for path in styles:
        path.write_text(used(path.read_text(encoding="utf-8"), words), encoding="utf-8")
    _icons(static, "".join(path.read_text(encoding="utf-8") for path in styles))


def _words(site: Path) -> Iterator[str]:
    """All that could be the name of a class: words of pages and scripts."""
    for path in [*site.rglob("*.html"), *(site / "_static").rglob("*.js")]:
        inside = path.relative_to(site).parts
        if inside[0] != "live" and "vendor" not in inside:
            yield from WORD.findall(path.read_text(encoding="utf-8"))


# --- styles -----------------------------------------------------------------------------------


def used(style: str, words: set[str]) -> str:
    """A stylesheet without comments and without rules for classes that stand nowhere."""
    rules = tinycss2.parse_stylesheet(style, skip_comments=True, skip_whitespace=True)
    return '@charset "UTF-8";\n' + "".join(_rules(rules, words))


def _rules(rules: list[Any], words: set[str]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "at-rule" and rule.lower_at_keyword in {"media", "supports", "layer"}:
            if rule.content is None:
                yield rule.serialize()
                continue
            inside = tinycss2.parse_rule_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            if text := "".join(_rules(inside, words)):
                prelude = tinycss2.serialize(rule.prelude).strip()
                yield f"@{rule.at_keyword} {prelude}{{{text}}}\n"
        elif rule.type == "qualified-rule":
            kept = [one for one in _selectors(rule.prelude) if _is_used(one, words)]
            if kept:
                yield f"{','.join(kept)}{{{_declarations(rule.content)}}}\n"
        elif not (rule.type == "at-rule" and rule.lower_at_keyword == "charset"):
            yield f"{rule.serialize()}\n"


def _selectors(prelude: list[Any]) -> list[str]:
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        elif token.type != "comment":
            parts[-1].append(token)
    return [tinycss2.serialize(part).strip() for part in parts]


def _is_used(selector: str, words: set[str]) -> bool:
    names = NAME.findall(re.sub(r"\[[^\]]*\]", "", GROUP.sub("", selector)))
    return all(word in words for name in names for word in WORD.findall(name.replace("\\", "")))


def _declarations(content: list[Any]) -> str:
    found = tinycss2.serialize([one for one in content if one.type != "comment"])
    return re.sub(r"\s*\n\s*", " ", found).strip()


# --- icons ------------------------------------------------------------------------------------


def _icons(static: Path, styles: str) -> None:
    """One font with the icons that styles name; it is small, so nothing is gained by packing it."""
    folder = static / FONTS
    font = TTFont(folder / "fa-solid-900.ttf")
    subsetter = subset.Subsetter(subset.Options(layout_features=[], notdef_outline=True))
    subsetter.populate(text="".join(ICON.findall(styles)))
    subsetter.subset(font)
    for path in folder.iterdir():
        path.unlink()
    font.flavor = "woff"
    font.save(folder / "icons.woff")
    for path in (static / "styles").glob("*.css"):
        text = path.read_text(encoding="utf-8")
        faces = re.sub(r"@font-face\s*\{[^}]*\}", _face, text)
        path.write_text(faces, encoding="utf-8")


def _face(found: re.Match[str]) -> str:
    if FONTS not in found[0]:
        return found[0]
    if "fa-solid" not in found[0]:
        return ""
    return re.sub(r"src:.*?(?=[;}])", f'src:url(../{FONTS}/icons.woff) format("woff")', found[0])
