"""Opening JupyterLab on the welcome notebook."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from coursekit import places

WELCOME = "notebooks/00_welcome.ipynb"
SETTINGS = {
    # No question about news, no look for updates: nothing here needs the network.
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False, "doNotDisturbMode": True, "fetchNews": "false",
    },
    "@jupyterlab/notebook-extension:tracker": {"maxNumberOutputs": 0},
}  # fmt: skip


def command(arguments: list[str]) -> list[str]:
    """The words that start JupyterLab in this environment."""
    words = [sys.executable, "-m", "jupyter", "lab", WELCOME, *arguments]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words


def prepare(prefix: Path = Path(sys.prefix)) -> None:
    """Write the settings that a learner's JupyterLab starts with; their own choices still win."""
    folder = prefix / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overrides.json").write_text(json.dumps(SETTINGS, indent=1))


def main(arguments: list[str]) -> int:
    """Become JupyterLab."""
    if sys.platform == "win32":
        print("✗ On Windows, run this inside WSL: Redis has no server for Windows itself.")
        return 1
    prepare()
    os.chdir(places.checkout())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    print("Opening JupyterLab. If no browser appears, open the address that it prints.", flush=True)
    words = command(arguments)
    os.execve(words[0], words, {**os.environ, "PATH": path})
