"""The benches of the lessons in a browser tab: see README.md."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from figures import PYTHON, ROOT, Figure, last_line, state

SITE = ROOT / "_build" / "html"
SCRIPT = Path(__file__).with_name("tab.mjs")
CHECKED = {
    "tab-check": "notebooks/ch01_api/01_design_resources.ipynb",
    "tab-db-check": "notebooks/ch02_database/02_migrate_schema.ipynb",
}
MEGA = 1_000_000


@cache
def site() -> Path:
    subprocess.run([PYTHON, str(ROOT / "book" / "build.py")], check=True, capture_output=True)
    return SITE


def browse(what: str, *words: str) -> Any:
    done = subprocess.run(
        ["node", str(SCRIPT), what, str(site()), *words], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@cache
def openings(rounds: int) -> dict[str, list[dict[str, Any]]]:
    """The lesson, cold and warm, beside an empty JupyterLite, in turn."""
    sys.path.append(str(ROOT / "book" / "live"))
    import lite  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory(prefix="boxoffice-empty-") as empty:
        site()
        lite.empty(Path(empty))
        found: dict[str, list[dict[str, Any]]] = browse("open", empty, str(rounds))
    return found


def median(rows: list[dict[str, Any]], field: str = "seconds") -> float:
    return statistics.median(float(row[field]) for row in rows)


def bench_cold(rounds: int) -> Figure:
    found = openings(rounds)
    value, base = median(found["cold"]), median(found["empty"])
    note = f"{median(found['empty'], 'bytes') / MEGA:.1f} MB in the empty one"
    return Figure("tab-cold", value, base, "s", "≤ 1.25 ×", value <= 1.25 * base, note)


def bench_warm(rounds: int) -> Figure:
    found = openings(rounds)
    value, base = median(found["warm"]), median(found["cold"])
    sent = max(int(one["bytes"]) for one in found["warm"])
    met = value <= 0.9 * base and sent == 0
    note = f"{sent} bytes over the network"
    return Figure("tab-warm", value, base, "s", "≤ 0.9 ×, 0 bytes", met, note)


def bench_bytes(rounds: int) -> list[Figure]:
    cold = openings(rounds)["cold"]
    value = median(cold, "bytes") / MEGA
    asked = [name for one in cold for name, _ in one["requests"]]
    manifest = json.loads((site() / "live" / "manifest.json").read_text(encoding="utf-8"))
    postgres = manifest["packs"]["postgres"]["bytes"] / MEGA
    apart = not any("/postgres-" in name or "/data-" in name for name in asked)
    empty = median(openings(rounds)["empty"], "bytes") / MEGA
    used = sum("postgres" in lesson["packs"] for lesson in manifest["lessons"].values())
    return [
        Figure("tab-bytes", value, empty, "MB", "≤ 25 MB", value <= 25 and apart),
        Figure(
            "tab-postgres", postgres, value, "MB", "≤ 6 MB, where used", postgres <= 6 and apart,
            f"in {used} of {len(manifest['lessons'])} notebooks",
        ),
    ]  # fmt: skip


WATCH = """
from IPython import get_ipython as _shell
import json as _json, time as _time
_begun, _took = [0.0], []
_shell().events.register("pre_run_cell", lambda info: _begun.append(_time.perf_counter()))
_shell().events.register("post_run_cell", lambda result: result.info.raw_cell.startswith("%%check")
    and _took.append(1000 * (_time.perf_counter() - _begun[-1])))
"""
TELL = "\nprint('took', _json.dumps(_took))"
COMPUTER = """
import json, sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient
path, told = Path({path!r}), json.loads({told!r})
notebook = nbformat.read(path, as_version=4)
for one in told:
    notebook.cells[one["index"]].source = one["source"]
NotebookClient(notebook, timeout=300, kernel_name="python3",
               resources={{"metadata": {{"path": str(path.parent)}}}}).execute()
text = "".join(o.get("text", "") for o in notebook.cells[told[-1]["index"]].outputs)
print(text.split("took ")[-1].splitlines()[0])
"""


def watched(name: str) -> str:
    """The first and the last cell of code, so that they tell what each `%%check` between took."""
    cells = json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]
    code: list[dict[str, Any]] = [
        {"index": index, "source": "".join(cell["source"])}
        for index, cell in enumerate(cells)
        if cell["cell_type"] == "code"
    ]
    code[0]["source"] += WATCH
    code[-1]["source"] += TELL
    return json.dumps([code[0], code[-1]])


def bench_check(rounds: int) -> list[Figure]:
    """Each `%%check` of two lessons, run from their first cell to their last in either place."""
    found = []
    for bench, name in CHECKED.items():
        values: list[float] = []
        bases: list[float] = []
        seen: list[float] = []
        for _ in range(min(rounds, 3)):
            told = watched(name)
            with state() as variables, tempfile.TemporaryDirectory() as folder:
                code = COMPUTER.format(path=str(ROOT / name), told=told)
                bases += json.loads(last_line(code, {**variables, "COURSEKIT_ISOLATE": folder}))
            ran = browse("cells", name, told)
            values += ran["took"]
            seen += ran["seen"]
        if not len(values) == len(bases) == len(seen):
            raise RuntimeError(f"{values} in the tab, {bases} on the computer")
        value, base = statistics.median(values), statistics.median(bases)
        after = statistics.median(seen)
        note = f"slowest {max(values):.0f} and {max(bases):.0f}; seen after {after:.0f}"
        found.append(Figure(bench, value, base, "ms", "≤ 3 ×", value <= 3 * base, note))
    return found


def bench_page(rounds: int) -> Figure:
    found = browse("pages")
    name, heaviest = max(found.items(), key=lambda item: item[1]["unpacked"])
    value, packed = heaviest["unpacked"] / MEGA, heaviest["packed"] / MEGA
    return Figure("page-bytes", value, packed, "MB", "≤ 1.5 MB", value <= 1.5, name)


BENCHES = {
    "tab-cold": bench_cold,
    "tab-warm": bench_warm,
    "tab-bytes": bench_bytes,
    "tab-check": bench_check,
    "page-bytes": bench_page,
}
