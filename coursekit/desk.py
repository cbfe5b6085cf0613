"""A learner's or a lead's JupyterLab below a hub: `coursekit desk` is what a spawner starts.

It runs as the person who signed in, so every file it makes is theirs. Their folder holds their own
copies of the lessons, the exercises they fetch and their workspace; the course itself is read from
the shared checkout, which nobody here needs to write to.

Environment: `COURSEKIT_ROLE` is `learner` or `lead`, `COURSEKIT_DESK` the folder (`~/box-office`),
`COURSEKIT_EXCHANGE` nbgrader's exchange, `COURSEKIT_NGSHARE` the address of ngshare where there is
no folder that all share, `COURSEKIT_ACCOUNTS` is `shared` where all are one system user. The hub
sets `JUPYTERHUB_USER`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from coursekit import lab, places, workspace
from coursekit.errors import WorkspaceProblem

COURSE = "box-office"
ROLES = ("learner", "lead")
LAID = ".laid.json"
"""In a desk: path → hash of each file as the course laid it."""

LEARNER_FILES = ("notebooks/**/*.ipynb", "book/glossary.md")
LEAD_FILES = ("nbgrader_config.py", "solutions/**/*.ipynb", "exercises/**/*.ipynb")

PARTS = {"learner": {"assignment_list"}, "lead": {"assignment_list", "formgrader"}}
"""nbgrader's parts, by who has use for them."""

LAB_PARTS = {
    "assignment_list": ("assignment-list",),
    "course_list": ("course-list",),
    "formgrader": ("formgrader", "create-assignment"),
    "validate_assignment": ("validate-assignment",),
}
KERNEL_IDLE_SECONDS = 2 * 60 * 60

HEADERS = {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}
FRAMED = (f"--ServerApp.tornado_settings={HEADERS}",)
"""JupyterLab shows the formgrader in a frame, which a hub forbids. A lead opens nobody else's
server, so no learner's page can lay a frame around it."""

NBGRADER = """\
# Written anew at each start of this server by `coursekit desk`.
c = get_config()
c.CourseDirectory.course_id = {course!r}
c.Exchange.assignment_dir = {assignments!r}
"""
NAMED = """\
# All are one system user here, so the hub's name is who hands in.
c.CourseDirectory.student_id = {student!r}
"""
NBGRADER_LEAD = """\
# Written anew at each start of this server by `coursekit desk`.
c = get_config()
c.CourseDirectory.course_id = {course!r}
c.CourseDirectory.root = {root!r}
c.Exchange.assignment_dir = {assignments!r}
"""
NO_OWNERS = """\
# Everybody is one system user here, so who owns a submission says nothing.
c.ExchangeCollect.check_owner = False
"""
EXCHANGE = "c.Exchange.root = {exchange!r}\n"
NGSHARE = """\
from ngshare_exchange import configureExchange
configureExchange(c, {address!r})  # it knows who asks by the token of the hub
"""


def folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Where this person works. It is not created here."""
    chosen = variables.get("COURSEKIT_DESK")
    return Path(chosen).resolve() if chosen else Path.home() / COURSE


def role(variables: Mapping[str, str] = os.environ) -> str:
    """`learner` or `lead`."""
    said = variables.get("COURSEKIT_ROLE", "learner")
    if said not in ROLES:
        raise WorkspaceProblem(
            f"COURSEKIT_ROLE is {said!r}, and a hub knows only {' and '.join(ROLES)}. "
            "It is set in the hub's configuration."
        )
    return said


# --- files ------------------------------------------------------------------------------------


def lay(desk: Path, who: str) -> list[str]:
    """Copy the course's files to a desk, and return what was written.

    A file that the person changed, moved or deleted stays as they left it; one that they never
    touched follows the course.
    """
    known, _ = workspace.read_json(desk / LAID)
    written = []
    for source, name in _files(who):
        text = source.read_text(encoding="utf-8")
        mark = hashlib.sha256(text.encode()).hexdigest()
        if known.get(name) == mark or not _is_free(desk / name, known.get(name)):
            continue
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        workspace.replace(desk / name, text)
        known[name] = mark
        written.append(name)
    if written:
        workspace.replace(desk / LAID, json.dumps(known, indent=1))
    return written


def _files(who: str) -> Iterator[tuple[Path, str]]:
    """Each file of the course for that role, and where it goes on a desk."""
    root = places.checkout()
    for patterns, below in ((LEARNER_FILES, ""), (LEAD_FILES if who == "lead" else (), "course/")):
        for pattern in patterns:
            for path in sorted(root.glob(pattern)):
                inside = path.relative_to(root)
                if not any(part.startswith(".") for part in inside.parts):
                    yield path, f"{below}{inside.as_posix()}"


def _is_free(path: Path, mark: object) -> bool:
    """Whether the course may write there: nothing was laid yet, or it stands untouched."""
    if mark is None:
        return not os.path.lexists(path)
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == mark
    except OSError:
        return False


# --- settings ---------------------------------------------------------------------------------


def settings(who: str, desk: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The files of Jupyter's configuration for that role, by name."""
    words = {
        "course": COURSE, "student": variables.get("JUPYTERHUB_USER", "*"),
        "root": str(desk / "course"), "assignments": str(desk / "exercises"),
    }  # fmt: skip
    nbgrader = (NBGRADER_LEAD if who == "lead" else NBGRADER).format(**words)
    if address := variables.get("COURSEKIT_NGSHARE"):
        nbgrader += NGSHARE.format(address=address)
    else:
        if exchange := variables.get("COURSEKIT_EXCHANGE"):
            nbgrader += EXCHANGE.format(exchange=exchange)
        if variables.get("COURSEKIT_ACCOUNTS") == "shared":
            nbgrader += NO_OWNERS if who == "lead" else NAMED.format(**words)
    off = {
        f"@jupyter/nbgrader:{name}": part not in PARTS[who]
        for part, names in LAB_PARTS.items() for name in names
    }  # fmt: skip
    off |= dict.fromkeys(lab.SILENT_LAB_PARTS, False)  # `make lab` switches all of it off
    return {
        "nbgrader_config.py": nbgrader,
        "labconfig/page_config.json": json.dumps({"disabledExtensions": off}, indent=1),
    }


def prepare(who: str, desk: Path, variables: Mapping[str, str]) -> Path:
    """Make a desk ready; the folder of its Jupyter configuration."""
    try:
        (desk / "exercises").mkdir(parents=True, exist_ok=True)
        desk.chmod(0o700)  # a home may be open to others, what is worked on here is not
        lay(desk, who)
        configuration = desk / ".jupyter"
        for name, text in settings(who, desk, variables).items():
            (configuration / name).parent.mkdir(parents=True, exist_ok=True)
            workspace.replace(configuration / name, text)
    except OSError as error:
        raise WorkspaceProblem(
            f"{error.filename or desk} cannot be written ({error.strerror}). Is the folder {desk} "
            "yours, and is there space on its disk?"
        ) from None
    return configuration


def environment(who: str, desk: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of this person's server and of all that it starts."""
    first = str(desk / ".jupyter")
    paths = [first, *filter(None, [variables.get("JUPYTER_CONFIG_PATH")])]
    return {
        "COURSEKIT_WORKSPACE": str(desk / "workspace"),
        "JUPYTERHUB_DEFAULT_URL": f"/lab/tree/{lab.WELCOME}",
        **variables,
        "COURSEKIT_ROLE": who,
        "JUPYTER_CONFIG_PATH": os.pathsep.join(paths),
        "JUPYTERHUB_ROOT_DIR": str(desk),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), variables.get("PATH", "")]),
    }


def command(who: str, arguments: list[str]) -> list[str]:
    """The words that start the server."""
    parts = {f"nbgrader.server_extensions.{name}": name in PARTS[who] for name in LAB_PARTS}
    words = [
        sys.executable, "-m", "jupyterhub.singleuser",
        "--ServerApp.contents_manager_class=coursekit.contents.Contents",
        f"--ServerApp.jpserver_extensions={parts}",
        # No login shell: it would forget the PATH, and with it nbgrader and coursekit.
        f"--ServerApp.terminado_settings={{'shell_command': [{os.environ.get('SHELL', 'sh')!r}]}}",
        "--KernelManager.transport=ipc",  # a port of 127.0.0.1 could be listened to by others
        f"--MappingKernelManager.cull_idle_timeout={KERNEL_IDLE_SECONDS}",
        *(FRAMED if who == "lead" else ()),
        *arguments,
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--allow-root")
    return words


def main(arguments: list[str]) -> int:
    """Become the server of whoever signed in."""
    who, desk = role(), folder()
    if "JUPYTERHUB_SERVICE_URL" not in os.environ:
        print("✗ `coursekit desk` is started by a JupyterHub. To work alone: `make lab`.")
        return 1
    prepare(who, desk, os.environ)
    os.chdir(desk)
    runtime = places.state() / "run"  # a short path: sockets stand there
    runtime.mkdir(mode=0o700, exist_ok=True)
    variables = {"JUPYTER_RUNTIME_DIR": str(runtime), **environment(who, desk, os.environ)}
    words = command(who, arguments)
    os.execve(words[0], words, variables)
    return 1
