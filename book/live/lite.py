"""The lessons that run in a browser tab: `build()` gives the folder of them.

JupyterLite draws the notebooks, Pyodide runs them, PGlite is their PostgreSQL. All of it is
fetched in packs by a page of ours, `open.html`, and kept by the browser.
"""

import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

LIVE = Path(__file__).resolve().parent
ROOT = LIVE.parents[1]
BUILD = ROOT / "_build"
WORK = BUILD / "live"

sys.path[:0] = [str(ROOT), str(LIVE.parent), str(LIVE)]

import packs  # noqa: E402
import wheels  # noqa: E402

from coursekit import identity  # noqa: E402

FOLDERS = ("notebooks", "exercises")
EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "@jupyterlite/pyodide-kernel-extension")
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "package.json")
POSTGRES = ("data", "postgres")
"""The packs of a lesson that has a database."""
TITLES = {
    "page": "this page",
    "shell": "the notebook",
    "parts": "rarer parts of the notebook",
    "pyodide": "Python",
    "coursekit": "the course",
    "python": "FastAPI and the tools of the notebook",
    "data": "SQLAlchemy and Alembic",
    "postgres": "PostgreSQL",
    "graphql": "GraphQL",
    "tests": "Hypothesis",
    "documents": "the tools of OpenAPI",
    "redis": "Redis's client",
    "more": "smaller packages",
}
"""What a reader is told while a pack arrives."""
ALWAYS = ("page", "shell", "pyodide", "coursekit", "python")
DEAD_WEIGHT = re.compile(
    r"\.(map|eot|ttf|txt)$|/fa-.*\.(svg|woff)$|third-party-licenses|^extensions/.*/static/pypi/"
    r"|^extensions/.*/(install|package)\.json$|^(doc|lab)/|rspack|\.schema\."
    r"|^(files|static|api/contents)/|^(package\.json|icon-.*)$"
)
"""Of what JupyterLite ships: what no page loads, and what stands elsewhere."""
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
ADDRESS = re.compile(r"https?://(?!127\.0\.0\.1|localhost)[\w.-]*(?:jsdelivr|unpkg|cdn)[\w./@-]*")

LACKS = """addEventListener("error", ({ target }) => {
  if (target instanceof HTMLScriptElement) window.lacks ??= target.src;
}, true);"""
"""Of the notebook's frame: notes a script that did not load, for `open.js`, which loads it anew."""


class Unbuildable(Exception):
    """The live site cannot be built as it is."""


def build() -> Path:
    """The folder of the live site, built anew where something it is made from has changed."""
    fresh, stamp = WORK / "site", WORK / "site.stamp"
    wanted = _inputs()
    if stamp.is_file() and stamp.read_text() == wanted and fresh.is_dir():
        return fresh
    stamp.unlink(missing_ok=True)
    python = WORK / "pyodide"
    wheels.fill(python)
    lite = _jupyterlite()
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(lite / "files", fresh / "files")
    content = {"page": _page(lite, fresh), **_shell(lite), **_python(python)}
    content["postgres"] = _tree(BUILD / "vendor" / "live" / "pglite" / "dist", "static/pglite")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = dict(zip(content, pool.map(_Write(fresh / "packs"), content.items()), strict=True))
    _write_manifest(fresh, made, content, packs.importable(python))
    packs.forget(WORK / "bytecode")
    stamp.write_text(wanted)
    return fresh


def _inputs() -> str:
    total = hashlib.sha256()
    for folder in ("book/live", "coursekit", *FOLDERS):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
                total.update(f"{path.relative_to(ROOT)}\0".encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    for path in (LIVE.parent / "vendor.json", ROOT / "requirements.txt"):
        total.update(path.read_bytes())
    return total.hexdigest()


class _Write:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, named: tuple[str, packs.Files]) -> packs.Pack:
        name, files = named
        return packs.write(files, name, self.folder)


# --- what the packs hold ----------------------------------------------------------------------


def empty(site: Path) -> None:
    """A JupyterLite as it comes, with the same Pyodide and one cell: what ours is measured by."""
    lite = WORK / "empty"
    shutil.rmtree(lite, ignore_errors=True)
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "outputs": [], "source": "print(1)"}
    notebook = {"cells": [{**cell, "execution_count": None}], "nbformat": 4, "nbformat_minor": 5}
    notebook["metadata"] = {"kernelspec": {"name": "python", "display_name": "Python"}}
    (lite / "content").mkdir(parents=True)
    (lite / "content" / "one.ipynb").write_text(json.dumps(notebook))
    settings = json.loads((LIVE / "jupyter-lite.json").read_text(encoding="utf-8"))
    kernel = settings["jupyter-config-data"]["litePluginSettings"][KERNEL]
    kernel["pyodideUrl"] = "./static/pyodide/pyodide.mjs"
    (lite / "jupyter-lite.json").write_text(json.dumps(settings))
    _run_jupyterlite(lite)
    shutil.copytree(lite / "output", site, dirs_exist_ok=True)
    wheels.fill(site / "static" / "pyodide", bare=True)


def _jupyterlite() -> Path:
    """JupyterLite with the notebooks of the course, as it builds itself."""
    lite = WORK / "lite"
    shutil.rmtree(lite, ignore_errors=True)  # its own record of what is done misleads it
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, lite / "content" / folder, ignore=shutil.ignore_patterns(".*")
        )
    for name in ("jupyter-lite.json", "overrides.json"):
        shutil.copyfile(LIVE / name, lite / name)
    _run_jupyterlite(lite)
    return lite / "output"


def _run_jupyterlite(lite: Path) -> None:
    extensions = Path(sys.prefix, "share", "jupyter", "labextensions")
    config = {
        "apps": ["notebooks"],
        "contents": ["content"],
        "federated_extensions": [str(extensions / name) for name in EXTENSIONS],
        "ignore_sys_prefix": ["federated_extensions"],
        "no_sourcemaps": True,
        "no_unused_shared_packages": True,
        "output_dir": "output",
    }
    (lite / "jupyter_lite_config.json").write_text(json.dumps({"LiteBuildConfig": config}))
    done = subprocess.run(
        [sys.executable, "-m", "jupyterlite_core", "build"],
        cwd=lite, capture_output=True, text=True, check=False,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1767225600"},
    )  # fmt: skip
    if done.returncode:
        raise Unbuildable(f"JupyterLite does not build: {(done.stdout + done.stderr)[-1500:]}")


def _page(lite: Path, fresh: Path) -> packs.Files:
    """Our page and its parts, which stand on the site as files too: they come first."""
    files = {f"page/{path.name}": path.read_bytes() for path in (LIVE / "page").iterdir()}
    files = {name: data for name, data in files.items() if path_is_part(name)}
    files["open.html"] = (LIVE / "page" / "open.html").read_bytes()
    files["page/palette.css"] = _palette().encode()
    files["page/favicon.svg"] = identity.drawings()["favicon.svg"].encode()
    files["service-worker.js"] = (LIVE / "page" / "service-worker.js").read_bytes()
    files["jupyterlite-worker.js"] = (lite / "service-worker.js").read_bytes()
    for name, data in files.items():
        (fresh / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).write_bytes(data)
    workers = {"service-worker.js", "jupyterlite-worker.js"}
    listings = _tree(lite / "api" / "contents", "api/contents")
    return {**{name: data for name, data in files.items() if name not in workers}, **listings}


def path_is_part(name: str) -> bool:
    return name.endswith((".js", ".css")) and not name.endswith("service-worker.js")


def _palette() -> str:
    """The palette, by what the system prefers."""
    light, dark = (
        "".join(f" --bx-{name}: {colour};" for name, colour in palette.items())
        for palette in (identity.LIGHT, identity.DARK)
    )
    return f":root {{{light} }}\n@media (prefers-color-scheme: dark) {{ :root {{{dark} }} }}\n"


def _shell(lite: Path) -> dict[str, packs.Files]:
    """JupyterLite: the files that a lesson loads at its start, by `shell.txt`, and the others."""
    files = {name: data for name, data in _tree(lite).items() if not DEAD_WEIGHT.search(name)}
    page = files["notebooks/index.html"].decode()
    style = '<link rel="stylesheet" href="../page/palette.css">\n'
    style += '<link rel="stylesheet" href="../page/notebook.css">\n</head>'
    page = page.replace("<head>", f"<head>\n<script>{LACKS}</script>", 1)
    files["notebooks/index.html"] = page.replace("</head>", style, 1).encode()
    del files["service-worker.js"]
    first = set((LIVE / "shell.txt").read_text(encoding="utf-8").split())
    return {
        "shell": {name: data for name, data in files.items() if name in first},
        "parts": {name: data for name, data in files.items() if name not in first},
    }


def _python(python: Path) -> dict[str, packs.Files]:
    """Pyodide, and the packages in packs."""
    cache = WORK / "bytecode"
    cache.mkdir(parents=True, exist_ok=True)
    packs.census(python, cache)  # before two threads ask for it
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        library = pool.submit(packs.stdlib, python, cache)
        trees = {
            name: pool.submit(packs.packages, python, names, cache)
            for name, names in packs.groups(python).items()
        }
    core = {f"static/pyodide/{name}": (python / name).read_bytes() for name in CORE}
    core[f"static/pyodide/{packs.STDLIB}"] = library.result()
    core["static/pyodide/tab.mjs"] = (LIVE / "page" / "tab.mjs").read_bytes()
    core["static/pyodide/pyodide-lock.json"] = _no_packages(python)
    core["python/imports.json"] = json.dumps(packs.importable(python), sort_keys=True).encode()
    found = {"pyodide": core}
    for name, tree in trees.items():
        found[name] = {f"python/{name}.pack": packs.join(tree.result())}
    return found


def _no_packages(python: Path) -> bytes:
    """Pyodide's list, empty: the packs bring the packages."""
    listed = json.loads((python / "pyodide-lock.json").read_text(encoding="utf-8"))
    return json.dumps({**listed, "packages": {}}, sort_keys=True).encode()


def _tree(folder: Path, prefix: str = "") -> packs.Files:
    return {
        f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/"): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- the manifest -----------------------------------------------------------------------------


def _write_manifest(
    fresh: Path, made: dict[str, packs.Pack], content: dict[str, packs.Files], homes: dict[str, str]
) -> None:
    listed = {
        name: {**asdict(pack), "title": TITLES[name], "holds": _holds(name, content[name])}
        for name, pack in made.items()
    }
    lessons = _lessons(homes)
    manifest = {
        "lessons": lessons,
        "mark": re.sub(r"</?svg[^>]*>", "", identity.mark("", "")),
        "packs": listed,
    }
    text = json.dumps(manifest, sort_keys=True)
    manifest["version"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    (fresh / "manifest.json").write_text(json.dumps(manifest, sort_keys=True, indent=1))


def _holds(pack: str, files: packs.Files) -> list[str]:
    """How the addresses of a pack's files begin; the longest that fits an address counts."""
    depth = 1 if pack == "parts" else 2
    return sorted({"/".join(name.split("/")[:depth]) for name in files})


def _lessons(homes: dict[str, str]) -> dict[str, dict[str, object]]:
    """Each notebook: its title, its page, the packs it needs, and the mark of its cells."""
    found: dict[str, dict[str, object]] = {}
    needed: dict[str, None] = {}
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        notebook = json.loads(path.read_text(encoding="utf-8"))
        needed |= dict.fromkeys(_needed(notebook, homes, path.parent.name))
        for folder in FOLDERS:
            one = ROOT / folder / path.relative_to(ROOT / "notebooks")
            if one.is_file():
                name = one.relative_to(ROOT).as_posix()
                found[name] = _lesson(one, [*ALWAYS, *needed])
    return found


def _lesson(path: Path, names: list[str]) -> dict[str, object]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    heading = next(
        "".join(cell["source"]).splitlines()[0].lstrip("# ")
        for cell in notebook["cells"]
        if cell["cell_type"] == "markdown"
    )
    name = path.relative_to(ROOT).with_suffix(".html").as_posix()
    return {"title": heading, "page": f"../{name}", "packs": names, "mark": _mark(notebook)}


def _needed(
    notebook: dict[str, list[dict[str, str]]], homes: dict[str, str], chapter: str
) -> list[str]:
    """The packs of what the cells import. From chapter 2 on, the database."""
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names = re.findall(r"^\s*(?:from|import) (\w+)", "\n".join(code), re.MULTILINE)
    packs_named = [homes[name] for name in names if name in homes]
    if re.match(r"ch(?!01)", chapter):
        packs_named += POSTGRES
    return [name for name in dict.fromkeys(packs_named) if name not in ALWAYS]


def _mark(notebook: dict[str, list[dict[str, str]]]) -> str:
    """What tells two versions of a notebook apart; `open.js` makes it of a reader's copy too."""
    words = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    text = json.dumps(words, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def megabytes(site: Path) -> dict[str, int]:
    """For each notebook: how many megabytes a reader's first visit fetches."""
    manifest = json.loads((site / "manifest.json").read_text(encoding="utf-8"))
    sizes = {name: pack["bytes"] for name, pack in manifest["packs"].items()}
    return {
        path: math.ceil(sum(sizes[name] for name in lesson["packs"]) / 1e6)
        for path, lesson in manifest["lessons"].items()
    }


if __name__ == "__main__":
    shutil.rmtree(BUILD / "html" / "live", ignore_errors=True)
    shutil.copytree(build(), BUILD / "html" / "live")
