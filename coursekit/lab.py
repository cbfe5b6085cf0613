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
}  # fmt: skip


KERNEL_SETTINGS = """\
# The magics and the helpful errors of the course are there from the first cell on, and
# `run("…")` before any import is an unknown name, not IPython's own %run.
c.InteractiveShellApp.extensions = ["coursekit"]
c.InteractiveShell.automagic = False
"""

# What a cohort's lead works with is no help to a learner, and takes its time to load.
SILENT_SERVER_PARTS = tuple(
    f"nbgrader.server_extensions.{part}"
    for part in ("assignment_list", "course_list", "formgrader", "validate_assignment")
)
SILENT_LAB_PARTS = ("@jupyter/nbgrader",)


def command(arguments: list[str]) -> list[str]:
    """The words that start JupyterLab in this environment."""
    parts = ", ".join(f"'{name}': False" for name in SILENT_SERVER_PARTS)
    words = [
        sys.executable, "-m", "jupyter", "lab",
        f"--ServerApp.root_dir={places.checkout()}",
        f"--LabApp.default_url=/lab/tree/{WELCOME}",
        "--ServerApp.contents_manager_class=coursekit.contents.Contents",
        f"--ServerApp.jpserver_extensions={{{parts}}}",
        *arguments,
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words


def prepare(prefix: Path = Path(sys.prefix)) -> None:
    """Write the settings that a learner's JupyterLab starts with; their own choices still win."""
    folder = prefix / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "overrides.json").write_text(json.dumps(SETTINGS, indent=1))
    kernels = prefix / "etc" / "ipython"
    kernels.mkdir(parents=True, exist_ok=True)
    (kernels / "ipython_kernel_config.py").write_text(KERNEL_SETTINGS)
    off = {"disabledExtensions": dict.fromkeys(SILENT_LAB_PARTS, True)}
    (folder / "page_config.json").write_text(json.dumps(off, indent=1))


def main(arguments: list[str]) -> int:
    """Become JupyterLab; returns only where it cannot."""
    if sys.platform == "win32":
        print("✗ On Windows, run this inside WSL: Redis has no server for Windows itself.")
        return 1
    prepare()
    os.chdir(places.checkout())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    print("Opening JupyterLab. If no browser appears, open the address that it prints.", flush=True)
    words = command(arguments)
    os.execve(words[0], words, {**os.environ, "PATH": path})
    return 1
