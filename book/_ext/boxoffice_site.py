"""What the site needs beyond Jupyter Book: diagrams, and the tags that a shared link shows."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from docutils.parsers.rst import directives
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, String, _TokenType
from pygments.util import ClassNotFound
from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from coursekit import identity

SUMMARY = (
    "Learn backend engineering by building one API that sells theatre tickets, "
    "and breaking it until no seat is ever sold twice."
)
_SIZES = Path(__file__).with_name("megabytes.json")
MEGABYTES = {
    name.removesuffix(".ipynb"): size
    for name, size in json.loads(_SIZES.read_text(encoding="utf-8")).items()
}
"""What a first visit to a notebook fetches, by its page; the build puts it beside this file."""
PLAIN_WORD = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')
"""Words of code in the colour of all code: a third of a lesson's page is spans."""
# Drawn in the colours of the theme, and named by the text beside it.
MARK = identity.mark("var(--bx-curtain)", "var(--bx-paper)").replace(
    'role="img" aria-label="Box Office"', 'aria-hidden="true"'
)


class diagram(nodes.General, nodes.Element):
    """A mermaid diagram, drawn in the browser from its text."""


class Mermaid(SphinxDirective):
    """A diagram; `alt` says in words what it shows."""

    has_content = True
    option_spec = {"alt": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        alt = self.options.get("alt", "A diagram")
        return [diagram(code="\n".join(self.content), alt=alt)]


def visit_diagram(self: Any, node: diagram) -> None:
    self.body.append(
        f'<figure class="bx-diagram" role="img" aria-label="{escape(node["alt"], quote=True)}">'
        f'<pre class="bx-mermaid" tabindex="0">{escape(node["code"])}</pre></figure>'
    )
    raise nodes.SkipNode


def add_page_parts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], tree: nodes.document | None
) -> None:
    """Load mermaid only where it draws, and give each page its tags."""
    if _holds(tree, diagram):
        app.add_js_file("vendor/tiny/dist/mermaid.tiny.js", priority=300)
    if not _holds(tree, nodes.math, nodes.math_block):  # Sphinx loads it above such pages too
        scripts = context["script_files"]
        context["script_files"] = [one for one in scripts if "mathjax" not in str(one.filename)]
    if page != "search":  # whose own scripts do not wait for these
        context["script_files"] = [_deferred(one) for one in context["script_files"]]
    context["bx_mark"] = MARK
    if "body" in context:
        context["body"] = PLAIN_WORD.sub(r"\1", context["body"])
    if page in MEGABYTES:
        context["body"] = context["body"].replace("</h1>", "</h1>\n" + launch(page), 1)
    base = os.environ.get("BOOK_URL", "").rstrip("/")
    picture = context["pathto"]("_static/social.png", 1)
    if base:
        picture = f"{base}/_static/social.png"
    title = unescape(re.sub(r"<[^>]+>", "", context.get("title") or "Box Office"))
    values = {
        "og:site_name": "Box Office",
        "og:type": "website",
        "og:title": title,
        "og:description": SUMMARY,
        "og:image": picture,
        "og:image:alt": "Box Office: build the API that never sells a seat twice",
        "twitter:card": "summary_large_image",
    }
    tags = [
        f'<meta property="{name}" content="{escape(value, quote=True)}" />'
        for name, value in values.items()
    ]
    tags.append(f'<meta name="description" content="{escape(SUMMARY, quote=True)}" />')
    tags.append('<meta name="color-scheme" content="light dark" />')
    context["metatags"] = context.get("metatags", "") + "\n    ".join(["", *tags])


def _deferred(script: Any) -> Any:
    """The script, run when the page stands; the list it is in is that of all pages."""
    if not isinstance(script, _JavaScript) or not script.filename:
        return script
    attributes = {"defer": "defer", **script.attributes}
    return _JavaScript(script.filename, priority=script.priority, **attributes)


def launch(page: str) -> str:
    """The button that opens the notebook of a page in the reader's browser."""
    what = "Do these exercises" if page.startswith("exercises/") else "Run this lesson"
    if page == "notebooks/00_welcome":
        what = "Run this notebook"
    address = f"{'../' * page.count('/')}live/open.html?path={quote(page)}.ipynb"
    return (
        f'<p class="bx-launch"><a href="{address}">{what} in your browser</a> '
        f"<span>{MEGABYTES[page]} MB the first time, nothing to install</span></p>"
    )


class CellLexer(Lexer):
    """A cell under a `%%` magic; what `%%build notes.md` writes is coloured as what it is."""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        place = 0
        for part in re.split(r"(?m)^(?=%%)", text):
            if part:
                for offset, token, value in self._part(part):
                    yield place + offset, token, value
                place += len(part)

    def _part(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        first, newline, body = text.partition("\n")
        magic, space, words = first.partition(" ")
        yield 0, Keyword, magic
        yield len(magic), String if words.startswith('"') else Comment, space + words + newline
        lexer: Lexer = PythonLexer()
        target = words.partition("::")[0].split(" ")[0]
        if magic == "%%build" and "." in target:
            with suppress(ClassNotFound):
                lexer = get_lexer_for_filename(target)
        for place, token, value in lexer.get_tokens_unprocessed(body):
            yield len(first) + 1 + place, token, value


def colour_cells(app: Sphinx, tree: nodes.document) -> None:
    for block in tree.findall(nodes.literal_block):
        if block.astext().startswith("%%"):
            block["language"] = "boxoffice-cell"
            block["force"] = True


def _holds(tree: nodes.document | None, *kinds: type[nodes.Node]) -> bool:
    return tree is not None and any(next(iter(tree.findall(kind)), None) for kind in kinds)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_node(diagram, html=(visit_diagram, None))
    app.add_directive("mermaid", Mermaid)
    app.add_lexer("boxoffice-cell", CellLexer)
    app.connect("doctree-read", colour_cells)
    app.connect("html-page-context", add_page_parts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
