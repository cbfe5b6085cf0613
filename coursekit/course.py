"""The course as its notebooks tell it: the lessons, and the Box Office that their cells write."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from coursekit import build, places
from coursekit.errors import BuildRefused, CourseError, UnknownName

MARK = "coursekit"
"""In a notebook's metadata: it is as the course published it, with the outputs of its own run."""
KEPT = ".course"
"""The folder of the copies that `keep_own_text` makes."""

Files = dict[str, str]
"""Path below boxoffice/ → text."""


@dataclass(frozen=True)
class Lesson:
    """One notebook: `id` is "0" for the welcome, "1.2" for the second lesson of chapter 1.

    `path` is the notebook that the learner works in, `source` the course's own text of it.
    """

    id: str
    path: Path
    source: Path
    title: str
    checks: tuple[str, ...]
    exercises: tuple[str, ...]

    @property
    def chapter(self) -> str:
        """The folder, "ch01_api"; empty for the welcome."""
        return self.path.parent.name if self.id != "0" else ""

    @property
    def stem(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class BuildCell:
    """A `%%build` cell: what it writes, and the text below the magic's line."""

    target: build.Target
    body: str


def read_cells(path: Path) -> list[dict[str, object]]:
    """The cells of a notebook. Raises CourseError with the reason where it cannot be read."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = notebook["cells"]
        if not isinstance(cells, list):
            raise TypeError
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise CourseError(f"{path.name} is not a notebook.") from None
    return [cell for cell in cells if isinstance(cell, dict)]


def source_of(cell: dict[str, object]) -> str:
    """A cell's text; notebooks store it as one string or as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def maker_of(path: Path, name: str) -> str:
    """The first line of a notebook's code that gives a name its value; "" where none does.

    Raises CourseError where the notebook cannot be read.
    """
    for cell in read_cells(path):
        source = source_of(cell).lstrip()
        if source.startswith(("%%check", "%%expect")):
            source = source.partition("\n")[2]
        if cell.get("cell_type") != "code" or source.startswith("%%"):
            continue
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            for statement in ast.parse(source).body:
                if name in _bound_by(statement):
                    text = ast.get_source_segment(source, statement) or ""
                    return text.partition("\n")[0]
    return ""


def _bound_by(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement gives a value."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(one.asname or one.name).partition(".")[0] for one in statement.names}
    return {
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def build_cells(path: Path, left_out: list[str] | None = None) -> list[BuildCell]:
    """The `%%build` cells of a notebook in order. BuildRefused for bad ones, as in `replay`."""
    found = []
    for cell in read_cells(path):
        first, _, body = source_of(cell).lstrip().partition("\n")
        if cell.get("cell_type") == "code" and first.split(" ")[0] == "%%build":
            for line, text in build.blocks(first[len("%%build") :], body):
                try:
                    found.append(BuildCell(build.parse_target(line), text))
                except BuildRefused as error:
                    if left_out is None:
                        raise BuildRefused(f"{path.name}: {error}") from None
                    left_out.append(f"{line.strip() or 'a file'}, a cell of {path.name}")
    return found


def is_published(path: Path) -> bool:
    """Whether a notebook is as the course published it; False where nobody can read it."""
    try:
        return MARK in json.loads(path.read_text(encoding="utf-8"))["metadata"]
    except (OSError, ValueError, KeyError, TypeError):
        return False


def own_text(path: Path) -> Path:
    """Where the course's own text of a lesson stands: in a copy, if a learner saved the lesson."""
    kept = _kept(path)
    return kept if kept.is_file() and not is_published(path) else path


def keep_own_text(path: Path) -> None:
    """Copy a lesson that is about to be saved, while it is still as published.

    A cell that a learner changed is then theirs alone: exercises and later lessons stand on the
    course's. To publish the notebook again makes its text the course's.
    """
    is_lesson = path.suffix == ".ipynb" and path.is_relative_to(places.checkout() / "notebooks")
    if is_lesson and is_published(path):
        kept = _kept(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        shutil.copyfile(path, partial)
        partial.replace(kept)


def _kept(path: Path) -> Path:
    return places.checkout() / KEPT / path.relative_to(places.checkout())


def posing() -> Path:
    """The folder of the notebooks that pose the exercises: `solutions/`, which no learner saves to.

    A browser tab has no solutions; there the `exercises/` are the course's own.
    """
    solutions = places.checkout() / "solutions"
    return solutions if solutions.is_dir() else places.checkout() / "exercises"


def handed_out(lesson: Lesson) -> list[BuildCell]:
    """The `%%build` cells of a lesson's exercises as they were handed out.

    Whatever a learner saved in `exercises/` since. Raises CourseError where they cannot be read.
    """
    path = posing() / lesson.path.relative_to(places.checkout() / "notebooks")
    try:
        return list(_handed_out(path, path.stat().st_mtime_ns))
    except OSError as error:
        raise CourseError(f"{path.name} cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=64)
def _handed_out(path: Path, changed: int) -> tuple[BuildCell, ...]:
    cells = build_cells(path)
    return tuple(replace(cell, body=without_solution(cell.body)) for cell in cells)


def without_solution(code: str) -> str:
    """What nbgrader's ClearSolutions leaves of a cell."""
    marked = r"^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION"
    stub = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"
    return re.sub(marked, stub, code, flags=re.M | re.S)


def check_titles(path: Path) -> tuple[str, ...]:
    """The titles of the `%%check` cells of a notebook."""
    titles = []
    for cell in read_cells(path):
        first = source_of(cell).lstrip().split("\n")[0]
        if cell.get("cell_type") == "code" and first.startswith("%%check"):
            with suppress(CourseError):
                titles.append(check_title(first[len("%%check") :]))
    return tuple(titles)


def check_title(line: str) -> str:
    """The words behind `%%check`, with or without quotes."""
    try:
        title = " ".join(shlex.split(line))
    except ValueError:
        title = line.strip().strip("\"'")
    if not title:
        raise CourseError('Say what is checked: `%%check "one buyer wins"`.')
    return title


def exercise_names(path: Path) -> tuple[str, ...]:
    """The exercises that a notebook's cells `check("…")`."""
    found: dict[str, None] = {}
    if not path.exists():
        return ()
    for cell in read_cells(path):
        if cell.get("cell_type") == "code":
            found.update(
                dict.fromkeys(re.findall(r"^check\(\"([\w.]+)\"\)", source_of(cell), re.M))
            )
    return tuple(found)


def _title(path: Path) -> str:
    for cell in read_cells(path):
        match = re.search(r"^# (.+)$", source_of(cell), re.M)
        if cell.get("cell_type") == "markdown" and match:
            return match[1].strip()
    return path.stem


def _stamp() -> tuple[tuple[str, int], ...]:
    """What changes when a notebook does."""
    root = places.checkout()
    paths = [*root.glob("notebooks/**/*.ipynb"), *posing().glob("**/*.ipynb")]
    return tuple(
        (str(path), path.stat().st_mtime_ns)
        for path in sorted(paths)
        if not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def lessons() -> tuple[Lesson, ...]:
    """All lessons in reading order, the welcome first."""
    return _lessons(_stamp())


@lru_cache(maxsize=4)
def _lessons(stamp: tuple[tuple[str, int], ...]) -> tuple[Lesson, ...]:
    root = places.checkout()
    found = []
    for name, _ in stamp:
        path = Path(name)
        if path.relative_to(root).parts[0] != "notebooks":
            continue
        # Not "01_list-Copy1.ipynb", which is the learner's
        number = re.match(r"(\d+)_[a-z0-9_]+\.ipynb$", path.name)
        chapter = re.match(r"ch(\d+)_", path.parent.name)
        if number and (chapter or path.parent.name == "notebooks"):
            lesson = f"{int(chapter[1])}.{int(number[1])}" if chapter else str(int(number[1]))
            exercises = posing() / path.relative_to(root / "notebooks")
            source = own_text(path)
            posed = exercise_names(exercises)
            found.append(Lesson(lesson, path, source, _title(source), check_titles(source), posed))
    return tuple(sorted(found, key=lambda lesson: [int(n) for n in lesson.id.split(".")]))


def find(lesson_id: str) -> Lesson:
    """The lesson of that number. Raises UnknownName with the nearest one."""
    known = {lesson.id: lesson for lesson in lessons()}
    if lesson_id in known:
        return known[lesson_id]
    raise UnknownName(unknown("lesson", lesson_id, known))


def unknown(kind: str, name: object, known: object) -> str:
    """A sentence for a name that does not exist, with the nearest that does."""
    names = [str(k) for k in known] if isinstance(known, dict | list | tuple) else []
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.3)
    listed = f' Did you mean "{near[0]}"?' if near else f" There are: {', '.join(names)}."
    return f'There is no {kind} "{name}".{listed if names else ""}'


# --- the Box Office that the cells write --------------------------------------------------


def replay(
    until: str, left_out: list[str] | None = None
) -> Iterator[tuple[Lesson, BuildCell, Files]]:
    """Every step of writing Box Office before lesson `until` ("end": all), and the files so far.

    A learner may have changed a lesson's cell so that it says nothing any more. Where `left_out`
    is given, it gets a sentence for each such cell; else BuildRefused is raised.
    """
    files: Files = {}
    known = lessons()
    if until != "end":
        find(until)
    for lesson in known:
        if lesson.id == until:
            return
        for cell in build_cells(lesson.source, left_out):
            if cell.target.is_scratch:
                continue
            path = cell.target.path
            try:
                if cell.target.source:
                    text = generate(files, cell.target.source)
                else:
                    text = build.apply(files.get(path), cell.target, cell.body, prune=True)
            except BuildRefused as error:
                if left_out is None:
                    raise BuildRefused(f"{lesson.path.name}: {error}") from None
                left_out.append(f"{cell.target}, a cell of {lesson.path.name}")
                continue
            files = {**files, path: text}
            yield lesson, cell, files


def files_at(lesson_id: str) -> Files:
    """Box Office as it stands at the START of a lesson; "end" is the finished one."""
    return dict(_states(_stamp(), lesson_id)[0])


def left_out(lesson_id: str) -> tuple[str, ...]:
    """The cells before a lesson that could not be used, as someone changed their notebook."""
    return _states(_stamp(), lesson_id)[2]


def files_after(lesson_id: str) -> Files:
    """Box Office as it stands at the END of a lesson."""
    ids = [lesson.id for lesson in lessons()]
    place = ids.index(find(lesson_id).id) + 1
    return files_at(ids[place] if place < len(ids) else "end")


def writes_whole(path: str) -> bool:
    """Whether some cell of the course writes this file as a whole."""
    return path in _whole(_stamp())


@lru_cache(maxsize=4)
def _whole(stamp: tuple[tuple[str, int], ...]) -> frozenset[str]:
    targets = [cell.target for lesson in lessons() for cell in build_cells(lesson.source, [])]
    return frozenset(target.path for target in targets if not target.name)


def origins() -> dict[str, str]:
    """Each file of the finished Box Office → the lesson that last wrote it."""
    return {cell.target.path: lesson.id for lesson, cell, _ in replay("end")}


@lru_cache(maxsize=64)
def _states(
    stamp: tuple[tuple[str, int], ...], until: str
) -> tuple[Files, frozenset[str], tuple[str, ...]]:
    files: Files = {}
    seen = set()
    missing: list[str] = []
    for _, cell, now in replay(until, missing):
        files = now
        seen.add(_mark(cell.target.path, now[cell.target.path]))
    for lesson in lessons():
        for cell in build_cells(lesson.source, []):
            if cell.target.is_scratch and not cell.target.name:
                with suppress(BuildRefused):
                    text = build.apply(None, cell.target, cell.body)
                    seen.add(_mark(cell.target.path, text))
    return files, frozenset(seen), tuple(missing)


def _mark(path: str, text: str) -> str:
    told = build.without_imports(text) if path.endswith(".py") else text.strip()
    return hashlib.sha256(f"{path}\0{told}".encode()).hexdigest()


def is_ours(path: str, text: str) -> bool:
    """Whether some step of the course writes this text to this path, imports aside."""
    return _mark(path, text) in _states(_stamp(), "end")[1]


def is_of_our_cells(path: str, text: str) -> bool:
    """Whether a Python file holds nothing but what cells of the course write to it, imports aside;
    in whatever order they were run."""
    known = {piece for cell in _cells_for(_stamp(), path) for piece in _pieces(cell)}
    return path.endswith(".py") and _pieces(text) <= known


@lru_cache(maxsize=64)
def _cells_for(stamp: tuple[tuple[str, int], ...], path: str) -> tuple[str, ...]:
    cells = [cell for lesson in lessons() for cell in build_cells(lesson.source, [])]
    return tuple(cell.body for cell in cells if cell.target.path == path)


def _pieces(text: str) -> set[str]:
    """The top-level statements of Python code but its imports, each in a form of its own."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {text}
    return {ast.dump(one) for one in tree.body if not isinstance(one, ast.Import | ast.ImportFrom)}


def assemble(lesson_id: str, folder: Path | str) -> list[Path]:
    """Write Box Office as of the start of a lesson ("end": finished) into `folder`/boxoffice.

    Uses the `%%build` cells alone. Returns the files written.
    """
    _need_all(lesson_id)
    return write_files(files_at(lesson_id), folder)


def assemble_end(lesson_id: str, folder: Path | str) -> list[Path]:
    """The same, as of the end of a lesson."""
    ids = [lesson.id for lesson in lessons()]
    following = ids.index(find(lesson_id).id) + 1
    return assemble(ids[following] if following < len(ids) else "end", folder)


def _need_all(lesson_id: str) -> None:
    """Raise BuildRefused with the first cell that cannot be used."""
    if left_out(lesson_id):
        list(replay(lesson_id))


def write_files(files: Files, folder: Path | str) -> list[Path]:
    written = []
    for name, text in sorted(files.items()):
        path = Path(folder) / "boxoffice" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def generate(files: Files, source: str) -> str:
    """The text that `module:function` of the given Box Office returns, from a process of its own.

    Kept below the servers' state, by what went in. Raises BuildRefused where the call fails.
    """
    mark = _generated_mark(files, source)
    kept = places.state() / "generated" / mark
    for known in (kept, places.checkout() / "generated" / mark):
        if known.exists():
            return known.read_text(encoding="utf-8")
    with TemporaryDirectory(prefix="boxoffice-") as folder:
        write_files(files, folder)
        text = generate_in(Path(folder), source)
    kept.parent.mkdir(exist_ok=True)
    half = kept.with_suffix(f".{os.getpid()}")
    half.write_text(text, encoding="utf-8")
    half.replace(kept)
    return text


def _generated_mark(files: Files, source: str) -> str:
    return hashlib.sha256(json.dumps([sorted(files.items()), source]).encode()).hexdigest()


def generated() -> dict[str, str]:
    """The texts that `generate` makes for the course's own files, by the mark it knows them by."""
    found, before = {}, Files()
    for _, cell, files in replay("end"):
        if cell.target.source:
            found[_generated_mark(before, cell.target.source)] = files[cell.target.path]
        before = files
    return found


def generate_in(folder: Path, source: str) -> str:
    """Call `module:function` of the Box Office in `folder`; it must return text."""
    from coursekit import runtime

    message = runtime.current().call("coursekit.generator:call", {"source": source}, folder)
    if "text" not in message:
        lines = message.get("lines", ["it gave no answer"])
        assert isinstance(lines, list)
        raise BuildRefused(f"{source} did not make a file:\n  " + "\n  ".join(map(str, lines)))
    return str(message["text"]).rstrip("\n") + "\n"
