"""Pages that are made from other sources: the exercises with solutions, the finished backend."""

import copy
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

from coursekit import course, schema

LANGUAGES = {
    ".py": "python",
    ".json": "json",
    ".md": "markdown",
    ".sh": "bash",
    ".toml": "toml",
    ".yml": "yaml",
    ".yaml": "yaml",
    ".graphql": "graphql",
    ".sql": "sql",
    ".http": "http",
}
LONG = 250  # lines; a longer file is folded
Lessons = dict[str, tuple[str, str]]
"""Path of a file → number and page of the lesson that last wrote it."""
READING = """\
:::{{note}}
Here you read the exercises. To do them, press the button above, or run `make lab` and open
`{path}`: there `check` marks your answer and `hint` helps. Under each answer the solution is
folded away.
:::"""


class Incomplete(Exception):
    """Something that a page is made from is not there."""


# --- exercises ------------------------------------------------------------------------------


def exercises(solutions: Path, target: Path) -> None:
    """Write each exercise notebook as a page: starters in view, solutions folded away."""
    for path in sorted(solutions.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        name = path.relative_to(solutions)
        page = fold(nbformat.read(path, as_version=4), f"exercises/{name.as_posix()}")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(page, target / name)


def fold(solved: NotebookNode, path: str) -> NotebookNode:
    """One page from one solved notebook."""
    page = copy.deepcopy(solved)
    released, _ = ClearSolutions().preprocess(copy.deepcopy(solved), {})
    page.cells = list(_fold(solved.cells, released.cells))
    note = nbformat.v4.new_markdown_cell(READING.format(path=path), id="reading")
    first = next((i for i, cell in enumerate(page.cells) if cell.cell_type == "markdown"), 0)
    page.cells.insert(first + 1, note)
    return page


def _fold(solved: list[NotebookNode], released: list[NotebookNode]) -> Iterator[NotebookNode]:
    answered = False
    for number, (cell, starter) in enumerate(zip(solved, released, strict=True)):
        if cell.cell_type == "markdown":
            if re.match(r"#{1,2} ", cell.source):
                answered = False
            if cell.source == starter.source:
                yield cell
                continue
        if cell.source == starter.source:
            if answered and cell.cell_type == "code" and cell.outputs:
                _hide(cell, "hide-output", "Show what it prints with the solution")
            yield cell
            continue
        answered = True
        starter.outputs, starter.execution_count = [], None
        starter.id = f"starter-{number}"
        yield starter
        cell.source = _without_markers(cell.source)
        if cell.cell_type == "markdown":
            cell.source = f":::{{dropdown}} Show the solution\n{cell.source}\n:::"
        else:
            _hide(cell, "hide-cell", "Show the solution")
        yield cell


def _hide(cell: NotebookNode, tag: str, prompt: str) -> None:
    cell.metadata.tags = [*cell.metadata.get("tags", []), tag]
    cell.metadata.mystnb = {
        "code_prompt_show": prompt,
        "code_prompt_hide": prompt.replace("Show", "Hide", 1),
    }


def _without_markers(source: str) -> str:
    lines = source.splitlines()
    return "\n".join(
        line for line in lines if "BEGIN SOLUTION" not in line and "END SOLUTION" not in line
    )


# --- the finished backend -------------------------------------------------------------------


def backend(source: Path) -> None:
    """Write `book/backend.md` and a page for each folder of the finished backend."""
    folder = source / "book" / "backend"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        course.assemble("end", Path(temporary))
        box = next((path for path in Path(temporary).rglob("boxoffice") if path.is_dir()), None)
        if box is None:
            raise Incomplete("the lessons leave no boxoffice folder")
        drawing = _tables(box.parent)
        files = {
            path.relative_to(box).as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(box.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
    lessons = {path: (name, _lesson(source, name)) for path, name in course.origins().items()}
    groups: dict[str, list[str]] = {}
    for path in files:
        parent = path.rpartition("/")[0]
        groups.setdefault(parent, []).append(path)
    for parent, paths in sorted(groups.items()):
        page = _page(parent, paths, files, lessons)
        (folder / f"{_stem(parent)}.md").write_text(page, encoding="utf-8")
    index = source / "book" / "backend.md"
    text = index.read_text(encoding="utf-8")
    parts = [text, drawing, _tree(groups, files, lessons)]
    index.write_text("\n".join(part for part in parts if part), encoding="utf-8")


def _tables(folder: Path) -> str:
    """The tables of the models, drawn; nothing where there are none yet."""
    if not (folder / "boxoffice" / "models" / "base.py").exists():
        return ""
    html = schema.Diagram(schema.read(folder)).html
    return (
        "## The tables\n\nDrawn from the models: who has a key of whom.\n\n"
        f"```{{raw}} html\n{html}\n```\n\n## The files\n"
    )


def _stem(parent: str) -> str:
    return f"boxoffice/{parent}".rstrip("/").replace("/", "-")


def _label(path: str) -> str:
    return "file-" + re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")


def _lesson(source: Path, number: str) -> str:
    """The page of lesson "1.2", as a path from the source folder."""
    chapter, _, lesson = number.partition(".")
    pattern = f"ch{int(chapter):02}_*/{int(lesson):02}_*.ipynb" if lesson else "00_*.ipynb"
    for path in (source / "notebooks").glob(pattern):
        return "/" + path.relative_to(source).as_posix()
    raise Incomplete(f"there is no notebook for lesson {number}")


def _from(path: str, lessons: Lessons) -> str:
    if path not in lessons:
        return "made by the course"
    number, page = lessons[path]
    return f"lesson {number}, [](<{page}>)"


def _length(text: str) -> str:
    lines = len(text.splitlines())
    return "empty" if not lines else f"{lines} line{'' if lines == 1 else 's'}"


def _page(parent: str, paths: list[str], files: dict[str, str], lessons: Lessons) -> str:
    title = f"boxoffice/{parent}/" if parent else "boxoffice/"
    parts = [f"# {title}"]
    for path in paths:
        text = files[path]
        parts.append(f"({_label(path)})=\n## `{path.rpartition('/')[2]}`")
        parts.append(
            f"{{.bx-origin}}\n{_length(text).capitalize()} · last written in {_from(path, lessons)}"
        )
        if text.strip():
            fence = "~" * 8
            language = LANGUAGES.get(Path(path).suffix, "text")
            code = f"{fence}{{code-block}} {language}\n\n{text.rstrip()}\n{fence}"
            if len(text.splitlines()) > LONG:
                code = f"::::{{dropdown}} Show the {_length(text)}\n{code}\n::::"
            parts.append(code)
    return "\n\n".join(parts) + "\n"


def _tree(groups: dict[str, list[str]], files: dict[str, str], lessons: Lessons) -> str:
    rows = ["| File | Lines | Last written in |", "| :--- | ---: | :--- |"]
    for _, paths in sorted(groups.items()):
        for path in paths:
            lines = len(files[path].splitlines())
            rows.append(f"| [`{path}`](#{_label(path)}) | {lines} | {_from(path, lessons)} |")
    return "\n".join(rows) + "\n"
