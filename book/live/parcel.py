"""Wheels that are made here, the same bytes each time: coursekit's own carries the course."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "1.0.0"
DATED = (1980, 1, 1, 0, 0, 0)
"""The time of every file, so that the same files give the same bytes."""
FOLDERS = ("notebooks", "exercises")
COMPUTER = "computer"
"""The tag of a cell that a tab cannot run: the output that is stored with it is shown instead."""


def coursekit(folder: Path) -> Path:
    """The wheel of coursekit, with the course beside it in `coursekit/_course`."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "coursekit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "_course" not in path.parts
    }
    for top in FOLDERS:
        for path in (ROOT / top).rglob("*.ipynb"):
            if ".ipynb_checkpoints" not in path.parts:
                name = path.relative_to(ROOT).as_posix()
                files[f"coursekit/_course/{name}"] = lean(path.read_bytes())
    for path in made():
        files[f"coursekit/_course/{path.parent.name}/{path.name}"] = path.read_bytes()
    metadata = f"Metadata-Version: 2.1\nName: coursekit\nVersion: {VERSION}\n"
    files[f"coursekit-{VERSION}.dist-info/METADATA"] = metadata.encode()
    return wheel(folder, "coursekit", VERSION, files)


def made() -> list[Path]:
    """What a tab need not make for itself (`coursekit.tab.dump`), made once for each course."""
    folder, stamp = ROOT / "_build" / "live" / "course", hashlib.sha256()
    for path in sorted(
        [*(ROOT / "notebooks").rglob("*.ipynb"), *(ROOT / "coursekit").glob("*.py")]
    ):
        stamp.update(path.read_bytes())
    stamp.update((ROOT / "coursekit" / "tab" / "dump.py").read_bytes())
    done = folder / f"{stamp.hexdigest()[:16]}.done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(
            [sys.executable, "-m", "coursekit.tab.dump", str(folder)], cwd=ROOT, check=True
        )
        done.touch()
    return sorted([*folder.glob("generated/*"), *folder.glob("seasons/*.sql")])


def lean(notebook: bytes) -> bytes:
    """A notebook without outputs, but for those of cells that a tab cannot run."""
    tree = json.loads(notebook)
    tree["metadata"].pop("widgets", None)
    for cell in tree["cells"]:
        if cell["cell_type"] == "code" and COMPUTER not in cell["metadata"].get("tags", []):
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def wheel(folder: Path, name: str, version: str, files: dict[str, bytes]) -> Path:
    """Write a wheel of plain Python; its list of files and its tag are added."""
    info = f"{name}-{version}.dist-info"
    tag = b"Wheel-Version: 1.0\nGenerator: boxoffice\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    content = {**files, f"{info}/WHEEL": tag}
    rows = [f"{one},sha256={_digest(data)},{len(data)}" for one, data in sorted(content.items())]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as box:
        for one in sorted(content):
            entry = zipfile.ZipInfo(one, DATED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            box.writestr(entry, content[one])
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
