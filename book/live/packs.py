"""Packs: what a tab fetches at once, each one file, named by its content.

A pack is, compressed, the length of a list (4 bytes), the list of its files as JSON, and the
files one after another. The packages of Python are packs as well (`python/NAME.pack`), compiled
by the Python that runs them, and unpacked where it looks for packages.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import struct
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import parcel

LIVE = Path(__file__).resolve().parent
PLACE = "/lib/python3.14/site-packages"
STDLIB = "python_stdlib.zip"
ROOTS = {
    "python": (
        *("coursekit", "pyodide-kernel", "piplite", "ipykernel"),
        *("email-validator", "pydantic-settings", "pytest", "tzdata"),
    ),
    "data": ("sqlalchemy", "alembic", "psycopg", "psycopg-pool"),
    "graphql": ("strawberry-graphql",),
    "tests": ("hypothesis",),
    "documents": ("openapi-python-client", "openapi-spec-validator"),
    "redis": ("redis", "fakeredis"),
}
"""Which packages travel together; what is left over goes into the last of them, `more`."""
MORE = "more"
LEFT_OUT = {"jedi", "micropip", "parso"}
"""IPython completes without Jedi, by looking at objects; nothing is installed in a tab."""
SOURCES = ("anyio", "coursekit")
"""These keep their sources beside the bytecode: anyio reads its own, and ours are to be read."""
SELDOM = {"dnspython", "httpcore", "uvicorn"}
"""Needed by what travels together, but not where nothing goes out to a network."""
COURSE = "coursekit"
"""This one changes with every release, and travels alone."""
UNSEEN = re.compile(
    r"/tests/|^(sqlalchemy|alembic)/testing/|^prompt_toolkit/contrib/|^httpx2?/_main\.py"
)
LEXERS = re.compile(
    r"pygments/lexers/(?!__init__|_mapping|_sql_builtins|configs|data|diff|graphql|html|javascript"
    r"|markup|python|shell|special|sql|textfmts)"
)
"""Four languages in five colour nothing in this course."""
UNUSED = (".c", ".h", ".pxd", ".pyi", ".pyx", "/RECORD", "/WHEEL", "/py.typed")
Files = dict[str, bytes]


@dataclass(frozen=True)
class Pack:
    """One pack on the site: its file, and how many bytes it has, compressed and as it is used."""

    file: str
    bytes: int
    size: int
    digest: str


class Uncompiled(Exception):
    """Python's sources could not be compiled."""


def write(files: Files, name: str, folder: Path) -> Pack:
    """Write `files` as the pack `name` into `folder`."""
    body = join(files)
    packed = gzip.compress(body, 9, mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{name}-{digest[:16]}.pack.gz"
    (folder / file).write_bytes(packed)
    return Pack(file, len(packed), len(body), digest)


def join(files: Files) -> bytes:
    listed = [[name, len(files[name])] for name in sorted(files)]
    head = json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(head)), head, *(files[name] for name in sorted(files))])


# --- Python's packages ----------------------------------------------------------------------


def groups(wheels: Path) -> dict[str, list[str]]:
    """The packages of each pack, by name; a package goes into the first pack that needs it."""
    listed = json.loads((wheels / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    taken = {COURSE}
    found = {COURSE: [COURSE]}
    for pack, roots in ROOTS.items():
        found[pack] = sorted(_needed(roots, listed) - taken)
        taken |= set(found[pack])
    found[MORE] = sorted(set(listed) - taken - LEFT_OUT)
    return found


def _needed(roots: tuple[str, ...], listed: dict[str, dict[str, list[str]]]) -> set[str]:
    needed: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in needed | LEFT_OUT | SELDOM:
            needed.add(name)
            waiting += listed[name]["depends"]
    return needed


def importable(wheels: Path) -> dict[str, str]:
    """For each name that can be imported: the pack that it comes with."""
    listed = json.loads((wheels / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    return {
        name: pack
        for pack, packages in groups(wheels).items()
        for package in packages
        for name in listed[package]["imports"]
    }


def census(wheels: Path, cache: Path) -> Path:
    """A list of the modules that lessons import: these alone are compiled."""
    total = hashlib.sha256((LIVE / "census.py").read_bytes())
    for one in sorted(wheels.glob("*.whl")):
        if not one.name.startswith(COURSE):
            total.update(one.read_bytes())
    listed = cache / f"census-{total.hexdigest()[:24]}.json"
    if not listed.is_file():
        found = json.loads(_node("census", str(wheels)))
        if found["problems"]:
            raise Uncompiled(f"an import fails in the tab: {found['problems'][0]}")
        listed.write_text(json.dumps(found["files"]), encoding="utf-8")
    listed.touch()
    return listed


def packages(wheels: Path, names: list[str], cache: Path) -> Files:
    """The files of some packages, compiled, as they stand where Python looks for packages."""
    listed = json.loads((wheels / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    archives = [wheels / listed[name]["file_name"] for name in names]
    tree = _compiled(archives, wheels, cache, keep=SOURCES)
    return _files(tree)


def stdlib(wheels: Path, cache: Path) -> bytes:
    """The archive of Python's own modules, compiled and not compressed: the pack is."""
    tree = _compiled([wheels / STDLIB], wheels, cache, place="/lib/python314.zip")
    return zipped(_files(tree))


def _files(tree: Path) -> Files:
    return {
        path.relative_to(tree).as_posix(): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file()
    }


def zipped(files: Files) -> bytes:
    """An archive without compression; the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as box:
        for name in sorted(files):
            box.writestr(zipfile.ZipInfo(name, parcel.DATED), files[name])
    return buffer.getvalue()


def _compiled(
    archives: list[Path],
    pyodide: Path,
    cache: Path,
    place: str = PLACE,
    keep: tuple[str, ...] = (),
) -> Path:
    """A folder with the compiled content of the archives, made once for each content."""
    wanted = census(pyodide, cache)
    total = hashlib.sha256((LIVE / "bytecode.mjs").read_bytes() + Path(__file__).read_bytes())
    for one in [*archives, pyodide / "pyodide.asm.wasm", wanted]:
        total.update(one.read_bytes())
    tree = cache / total.hexdigest()[:24]
    if tree.is_dir():
        tree.touch()
        return tree
    fresh = tree.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    for archive in archives:
        _unpack(archive, fresh)
    _node("compile", str(pyodide), str(fresh), place, str(wanted), *keep)
    fresh.rename(tree)
    return tree


def _node(*words: str) -> str:
    command = ["node", str(LIVE / "bytecode.mjs"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Uncompiled(f"the packages for the tab could not be compiled: {done.stderr[-600:]}")
    return done.stdout


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as box:
        for name in box.namelist():
            unseen = UNSEEN.search(name) or LEXERS.match(name)
            if not unseen and not name.endswith((*UNUSED, "/")):
                box.extract(name, folder)


def forget(cache: Path, most: int = 40) -> None:
    """Remove what was compiled and not used for the longest time."""
    trees = sorted(cache.iterdir(), key=lambda one: one.stat().st_mtime)
    for tree in trees[:-most]:
        if tree.is_dir():
            shutil.rmtree(tree, ignore_errors=True)
        else:
            tree.unlink()
