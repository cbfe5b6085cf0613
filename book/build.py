"""Build the site into `_build/html`: `python book/build.py`.

Nothing is built that is up to date already; `--force` builds all the same.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent
BUILD = ROOT / "_build"
SOURCE = BUILD / "source"
SITE = BUILD / "html"
STAMP = BUILD / "html.stamp"

sys.path[:0] = [str(ROOT), str(BOOK), str(BOOK / "live")]

import lighten  # noqa: E402
import lite  # noqa: E402
import menus  # noqa: E402
import packs  # noqa: E402
import pages  # noqa: E402
import vendor  # noqa: E402
import wheels  # noqa: E402

from coursekit import course, identity  # noqa: E402

LIVE_PROBLEMS = (lite.Unbuildable, packs.Uncompiled, wheels.Unobtainable)
SPHINX = "from jupyter_book.cli.main import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the site into _build/html.")
    parser.add_argument("--force", action="store_true", help="build even if nothing changed")
    force = parser.parse_args().force
    try:
        vendor.fetch(BUILD / "vendor")
        live = lite.build()
        gather(live)
        build(live, force=force)
    except (*LIVE_PROBLEMS, vendor.Missing, pages.Incomplete, menus.Unknown, Broken) as problem:
        sys.exit(f"book: {problem}")


class Broken(Exception):
    """The site cannot be published as it is."""


def gather(live: Path) -> None:
    """Lay everything that the site is made from into one folder."""
    fresh = BUILD / "source.new"
    shutil.rmtree(fresh, ignore_errors=True)
    litter = shutil.ignore_patterns(".*", "__pycache__", "*.sh")
    fresh.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, fresh / name)
    shutil.copytree(BOOK, fresh / "book", ignore=_not_pages)
    sizes = json.dumps(lite.megabytes(live), sort_keys=True)
    (fresh / "book" / "_ext" / "megabytes.json").write_text(sizes)
    if (ROOT / "notebooks").is_dir():
        shutil.copytree(ROOT / "notebooks", fresh / "notebooks", ignore=litter)
    static = fresh / "book" / "_static"
    shutil.copytree(BUILD / "vendor" / "site", static / "vendor")
    (static / "palette.css").write_text(identity.stylesheet(), encoding="utf-8")
    pages.exercises(ROOT / "solutions", fresh / "exercises")
    pages.backend(fresh)
    numbers = {lesson.path.relative_to(ROOT): lesson.id for lesson in course.lessons()}
    for path in [*fresh.rglob("*.ipynb")]:
        notebook = nbformat.read(path, as_version=4)
        _number(notebook, numbers.get(path.relative_to(fresh), ""))
        up = "../" * (len(path.relative_to(fresh).parts) - 1)
        menus.plain(notebook, static / "pictures", f"{up}_static/pictures/")
        nbformat.write(notebook, path)
    _lay_over(fresh, SOURCE)


def _number(notebook: nbformat.NotebookNode, number: str) -> None:
    """A lesson's place in the course before its title, as texts call it: "1.2"."""
    if "." in number:  # the welcome belongs to no chapter
        first = notebook.cells[0]
        first.source = re.sub(r"\A# ", f"# {number} · ", first.source)


def _not_pages(folder: str, names: list[str]) -> set[str]:
    aside = {"live"} if Path(folder) == BOOK else set()
    return aside | set(shutil.ignore_patterns(".*", "__pycache__", "*.sh")(folder, names))


def _lay_over(fresh: Path, folder: Path) -> None:
    """Make `folder` equal to `fresh`, leaving files that are the same untouched."""
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
    for path in list(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder) not in wanted:
            path.unlink()
    for name in wanted:
        new, old = fresh / name, folder / name
        if not old.is_file() or old.read_bytes() != new.read_bytes():
            old.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(new, old)
    shutil.rmtree(fresh)


def build(live: Path, *, force: bool) -> None:
    stamp = _digest(SOURCE)
    if not force and STAMP.is_file() and STAMP.read_text() == stamp and SITE.is_dir():
        _add(live)
        print(f"book: up to date in {SITE.relative_to(ROOT)}")
        return
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
    command = [sys.executable, "-c", SPHINX, "build", str(SOURCE)]
    command += ["--path-output", str(ROOT), "-W", "-n", "--keep-going", "-q"]
    done = subprocess.run(command, cwd=ROOT, check=False)
    if done.returncode:
        raise Broken("the build stopped at the warnings above")
    if outside := sorted(outside_files(SITE)):
        raise Broken("these pages load files from outside the site:\n  " + "\n  ".join(outside))
    lighten.lighten(SITE)
    (SITE / "index.html").write_text(_front_door(), encoding="utf-8")
    _add(live)
    STAMP.write_text(stamp)
    print(f"book: built, open {SITE.relative_to(ROOT)}/index.html")


def _add(live: Path) -> None:
    """Put the lessons that run beside the pages."""
    fresh = SITE / "live.new"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(live, fresh)
    shutil.rmtree(SITE / "live", ignore_errors=True)
    fresh.rename(SITE / "live")


def _front_door() -> str:
    """The page at the root, which leads to the landing page; it keeps the landing page's tags."""
    landing = (SITE / "book" / "index.html").read_text(encoding="utf-8")
    tags = re.findall(r'<meta (?:property|name)="(?:og|twitter|description)[^>]*>', landing)
    head = "\n".join(tags).replace("../_static/", "_static/")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Box Office</title>\n{head}\n"
        '<link rel="icon" href="_static/favicon.svg">\n'
        '<meta http-equiv="refresh" content="0; url=book/index.html">\n</head>\n'
        '<body><h1>Box Office</h1><p><a href="book/index.html">Enter</a></p></body>\n</html>\n'
    )


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"{path.relative_to(folder)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


class _Loads(HTMLParser):
    """Collects what a page loads by itself: scripts, styles, pictures, frames."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and values.get("rel") not in {"canonical", "next", "prev", "search"}:
            self.found.append(values.get("href", ""))
        elif tag in {"script", "img", "iframe", "source", "video", "audio", "embed"}:
            self.found.append(values.get("src", ""))


def outside_files(site: Path) -> set[str]:
    """Each file from elsewhere that some page of the site loads."""
    found = set()
    for page in site.rglob("*.html"):
        if "_static" in page.relative_to(site).parts:
            continue
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        found |= {
            f"{page.relative_to(site)}: {address}"
            for address in loads.found
            if address.startswith(("http:", "https:", "//"))
        }
    return found


if __name__ == "__main__":
    main()
