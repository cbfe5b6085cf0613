"""Front-end files from npm, by the versions and checksums in `vendor.json`.

`npm pack` fetches each package alone: of their hundreds of dependencies the site needs none.
"""

import base64
import fnmatch
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

LIST = Path(__file__).with_name("vendor.json")


class Missing(Exception):
    """A package cannot be had."""


def fetch(folder: Path) -> None:
    """Fill `folder/site` and `folder/tools`, once for each state of `vendor.json`."""
    wanted = hashlib.sha256(LIST.read_bytes()).hexdigest()
    stamp = folder / "stamp"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Missing(f"{tool} is missing; install Node.js 20 or later, then try again")
    shutil.rmtree(folder, ignore_errors=True)
    groups = json.loads(LIST.read_text(encoding="utf-8"))
    packages = {name: entry for group in groups.values() for name, entry in group.items()}
    with tempfile.TemporaryDirectory() as temporary:
        archives = _pack(packages, Path(temporary))
        for group, entries in groups.items():
            for name, entry in entries.items():
                target = folder / group / name.rpartition("/")[2]
                _unpack(archives[name], target, entry["keep"])
    stamp.write_text(wanted)


def _pack(packages: dict[str, dict[str, str]], folder: Path) -> dict[str, Path]:
    names = [f"{name}@{entry['version']}" for name, entry in packages.items()]
    done = subprocess.run(
        ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", str(folder), *names],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Missing(f"npm could not fetch the front-end files: {last}")
    archives = {}
    for name, entry in packages.items():
        file = f"{name.removeprefix('@').replace('/', '-')}-{entry['version']}.tgz"
        archive = folder / file
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != entry["integrity"]:
            raise Missing(f"{name} {entry['version']} is not the file that vendor.json names")
        archives[name] = archive
    return archives


def _unpack(archive: Path, target: Path, keep: list[str]) -> None:
    kept = 0
    with tarfile.open(archive) as box:
        for member in box:
            name = member.name.partition("/")[2]
            licence = fnmatch.fnmatch(name, "LICENSE*")
            if member.isfile() and (licence or any(fnmatch.fnmatch(name, one) for one in keep)):
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(box.extractfile(member).read())  # type: ignore[union-attr]
                kept += not licence
    if not kept:
        raise Missing(f"{target.name} no longer holds {', '.join(keep)}")
