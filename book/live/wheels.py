"""Python packages for a browser tab: `python book/live/wheels.py FOLDER` fills a folder.

`requirements.txt` beside this file pins each by version and checksum. `--lock` writes it anew
from `requirements.in` (needs `uv`); no package is built: a wheel for the tab, a wheel of plain
Python, or one whose compiled part only makes it faster, and is left out.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.metadata import Metadata
from packaging.utils import canonicalize_name, parse_wheel_filename

LIVE = Path(__file__).resolve().parent
ROOT = LIVE.parents[1]
BUILD = ROOT / "_build"
LOCK = LIVE / "requirements.txt"

sys.path[:0] = [str(ROOT), str(LIVE.parent), str(LIVE)]

import parcel  # noqa: E402
import vendor  # noqa: E402

PYTHON = "3.14"
TAB = ("--platform", "pyemscripten_2026_0_wasm32", "--platform", "pyodide_2025_0_wasm32")
COMPUTER = ("--platform", "manylinux_2_17_x86_64", "--platform", "manylinux_2_28_x86_64")
PLAIN = {"lazy-object-proxy", "markupsafe", "pyyaml"}
"""Packages whose compiled part only makes them faster."""
STANDINS = {"certifi", "matplotlib", "rpds-py"}
"""Packages that `standins/` replaces by a few lines of Python."""
NOT_IN_A_TAB = {
    "colorama",
    "jupyterlab-widgets",  # part of the page, not of Python
    "pexpect",
    "psutil",
    "ruff",
    "widgetsnbextension",
}
KERNEL = ("ipykernel", "piplite", "pyodide_kernel")
"""Wheels that JupyterLite's kernel brings along."""
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "package.json")
ALSO = {
    "coursekit": ["fastapi", "httpx", "httpx2", "ipywidgets", "ipython", "uvicorn"],
    "fastapi": ["httpx", "httpx2"],
}
"""What a package imports without saying so."""
MARKERS = {
    "extra": "",
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "platform_python_implementation": "CPython",
    "platform_system": "Emscripten",
    "python_full_version": "3.14.2",
    "python_version": PYTHON,
    "sys_platform": "emscripten",
}


class Unobtainable(Exception):
    """A package cannot be had as it is pinned."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a folder with Python for a browser tab.")
    parser.add_argument("folder", type=Path, nargs="?", default=BUILD / "live" / "pyodide")
    parser.add_argument("--lock", action="store_true", help="write requirements.txt anew")
    options = parser.parse_args()
    try:
        if options.lock:
            lock()
        else:
            vendor.fetch(BUILD / "vendor")
            fill(options.folder)
    except (Unobtainable, vendor.Missing) as problem:
        sys.exit(f"wheels: {problem}")


# --- the lock -------------------------------------------------------------------------------


def lock() -> None:
    """Resolve `requirements.in`; each package with the checksum of the one file that is used."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pins = _resolve(folder)
        wheels = _download(pins, folder / "wheels")
        lines = [
            "# Made by `python book/live/wheels.py --lock`: versions as on the computer.",
            *(f"{pin} --hash=sha256:{_sha256(wheels[_name(pin)])}" for pin in pins),
        ]
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _resolve(folder: Path) -> list[str]:
    computer = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text(computer.replace("-e .", ""), encoding="utf-8")
    command = ["uv", "pip", "compile", str(LIVE / "requirements.in"), "-c", str(constraints)]
    command += ["--python-platform", "wasm32-pyodide2025", "--python-version", PYTHON]
    command += ["--no-header", "--no-annotate", "--quiet", "-o", str(folder / "pins.txt")]
    _run(command)
    pins = (folder / "pins.txt").read_text(encoding="utf-8").split()
    return [pin for pin in pins if _name(pin) not in NOT_IN_A_TAB | STANDINS]


# --- the wheels -----------------------------------------------------------------------------


def fetch(folder: Path) -> dict[str, Path]:
    """The pinned wheels by name, fetched once for each state of the lock."""
    stamp = folder / "stamp"
    wanted = _sha256(LOCK)
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        lines = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line]
        _download(lines, folder, "--require-hashes")
        stamp.write_text(wanted)
    return _by_name(folder)


def _download(pins: list[str], folder: Path, *options: str) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for platform, plain in ((TAB, False), (COMPUTER, True)):
        chosen = [pin for pin in pins if (_name(pin) in PLAIN) == plain]
        listed = folder / "wanted.txt"
        listed.write_text("\n".join(chosen) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--python-version", PYTHON.replace(".", "")]
        command += ["--implementation", "cp", "--abi", "cp314", *platform]
        command += ["--dest", str(folder), "-r", str(listed), *options]
        _run(command)
        listed.unlink()
    return _by_name(folder)


def _by_name(folder: Path) -> dict[str, Path]:
    return {_wheel_name(path): path for path in sorted(folder.glob("*.whl"))}


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unobtainable(f"{command[0]} is missing") from None
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise Unobtainable("; ".join(errors) or done.stderr.strip() or "pip said nothing")


def _wheel_name(path: Path) -> str:
    return str(canonicalize_name(parse_wheel_filename(path.name)[0]))


def _name(pin: str) -> str:
    return str(canonicalize_name(re.split(r"[=\s]", pin, maxsplit=1)[0]))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the folder -----------------------------------------------------------------------------


def fill(folder: Path, *, bare: bool = False) -> None:
    """Pyodide, the wheels, and the list of them that Pyodide reads, without an address outside.

    `bare`: as they come, without what is made here.
    """
    pyodide = BUILD / "vendor" / "live" / "pyodide"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in CORE:
        shutil.copyfile(pyodide / name, folder / name)
    for name, wheel in fetch(BUILD / "live" / "wheels").items():
        if name in PLAIN:
            _plain(wheel, folder)
        else:
            shutil.copyfile(wheel, folder / wheel.name)
    for wheel in _kernel_wheels():
        shutil.copyfile(wheel, folder / wheel.name)
    if not bare:
        for source in sorted((LIVE / "standins").glob("*.py")):
            _standin(source, folder)
        parcel.coursekit(folder)
    _write_list(pyodide / "pyodide-lock.json", folder)


def _kernel_wheels() -> Iterator[Path]:
    extension = Path(sys.prefix, "share", "jupyter", "labextensions", "@jupyterlite")
    folder = extension / "pyodide-kernel-extension" / "static" / "pypi"
    for name in KERNEL:
        found = sorted(folder.glob(f"{name}-*.whl"))
        if not found:
            raise Unobtainable(f"jupyterlite-pyodide-kernel brings no {name}")
        yield found[-1]


def _plain(wheel: Path, folder: Path) -> None:
    """The wheel without its compiled part."""
    name, version, *_ = wheel.name.split("-")
    with zipfile.ZipFile(wheel) as box:
        kept = {
            one: box.read(one)
            for one in box.namelist()
            if not one.endswith((".so", ".c", ".pyx", "/RECORD", "/WHEEL"))
        }
    parcel.wheel(folder, name, version, kept)


def _standin(source: Path, folder: Path) -> None:
    """A wheel of one module, under the name and the version in its first two comments."""
    text = source.read_text(encoding="utf-8")
    name, version = re.findall(r"^# (?:package|version): (\S+)$", text, re.MULTILINE)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    stem = name.replace("-", "_")
    files = {
        source.name: text.encode(),
        f"{stem}-{version}.dist-info/METADATA": metadata.encode(),
    }
    parcel.wheel(folder, stem, version, files)


def _write_list(model: Path, folder: Path) -> None:
    wheels = {_wheel_name(path): path for path in sorted(folder.glob("*.whl"))}
    listed = json.loads(model.read_text(encoding="utf-8"))
    listed["packages"] = {name: _entry(name, wheel, wheels) for name, wheel in wheels.items()}
    text = json.dumps(listed, indent=1, sort_keys=True)
    (folder / "pyodide-lock.json").write_text(text, encoding="utf-8")


def _entry(name: str, wheel: Path, wheels: dict[str, Path]) -> dict[str, object]:
    with zipfile.ZipFile(wheel) as box:
        files = box.namelist()
        place = next(one for one in files if re.fullmatch(r"[^/]+\.dist-info/METADATA", one))
        metadata = Metadata.from_email(box.read(place), validate=False)
    needs = set(ALSO.get(name, ()))
    for requirement in metadata.requires_dist or []:
        if requirement.marker is None or requirement.marker.evaluate(MARKERS):
            needs.add(str(canonicalize_name(requirement.name)))
    return {
        "name": name,
        "version": str(metadata.version),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": _sha256(wheel),
        "imports": sorted(_imports(files)),
        "depends": sorted(need for need in needs if need in wheels),
        "package_type": "package",
        "unvendored_tests": False,
    }


def _imports(files: list[str]) -> set[str]:
    """The names that the files of a wheel can be imported by."""
    found = set()
    for file in files:
        first, *rest = file.split("/")
        if first.endswith((".dist-info", ".data")) or not file.endswith((".py", ".so")):
            continue
        found.add(first if rest else first.partition(".")[0])
    return {one for one in found if one.isidentifier() and one not in {"docs", "test", "tests"}}


if __name__ == "__main__":
    main()
