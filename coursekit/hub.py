"""A cohort's JupyterHub: its settings, its passwords, its proxy, and a trial on this machine.

`deploy/hub/jupyterhub_config.py` is made from what stands here; `coursekit hub` runs it in a
folder that is deleted in the end.
"""

from __future__ import annotations

import contextlib
import csv
import getpass
import hashlib
import io
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coursekit import lab, places
from coursekit.errors import CourseError

FILES = places.checkout() / "deploy" / "hub"
STARTING_SECONDS = 60
ENDING_SECONDS = 90

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""Also the name of a system account, and of a folder of submissions."""


class HubProblem(CourseError):
    """The hub cannot be set up as it was asked for."""


class Settings(BaseModel):
    """What `hub.toml` says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    leads: list[Name] = Field(min_length=1)
    learners: list[Name] = []
    port: int = Field(default=8000, ge=1, le=65535)
    address: str = Field(default="", pattern=r"^(https?://[^/]+(/.*)?)?$")
    sign_in: Literal["passwords", "system", "company"] = "passwords"
    accounts: Literal["existing", "create", "shared"] = "existing"
    memory: str = Field(default="2G", pattern=r"^[0-9.]+[KMGT]$")
    cpu: float = Field(default=2.0, gt=0)
    idle_minutes: int = Field(default=60, ge=5)

    @property
    def local(self) -> str:
        """Where the hub listens; a path in the address is kept."""
        return f"http://127.0.0.1:{self.port}{urlsplit(self.address).path}"

    @property
    def public(self) -> str:
        """Where browsers find it."""
        return self.address or self.local

    @property
    def people(self) -> list[str]:
        return [*self.leads, *self.learners]

    def role(self, name: str) -> str:
        return "lead" if name in self.leads else "learner"


def read(path: Path) -> Settings:
    """The settings in a file. Every mistake has a sentence."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        settings = Settings(**data)
    except FileNotFoundError:
        raise HubProblem(
            f"There is no {path}. Copy {FILES / 'hub.toml'} there, and name your people in it."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HubProblem(f"{path} cannot be read: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise HubProblem(f"{path}: {place}: {first['msg']}.") from None
    twice = sorted({name for name in settings.people if settings.people.count(name) > 1})
    if twice:
        raise HubProblem(f"{path}: {twice[0]} stands there twice.")
    return settings


# --- passwords --------------------------------------------------------------------------------


def set_passwords(store: Path, names: Iterable[str], again: bool = False) -> dict[str, str]:
    """Give each person without one (`again`: each person) a new password; the new ones.

    Only their bcrypt hashes are kept, where FirstUseAuthenticator looks for them.
    """
    import dbm

    from firstuseauthenticator import FirstUseAuthenticator

    authenticator = FirstUseAuthenticator(dbm_path=str(store))
    with dbm.open(str(store), "c", 0o600) as found:
        known = {os.fsdecode(key) for key in found.keys()}  # noqa: SIM118  (dbm is no dict)
    given = {}
    for name in names:
        if again or name not in known:
            given[name] = secrets.token_hex(6)
            authenticator.reset_password(name, given[name])
    return given


def passwords(folder: Path, names: list[str]) -> int:
    """`coursekit hub --passwords`: hand out what is missing, or new ones for `names`."""
    settings = read(folder / "hub.toml")
    strangers = sorted(set(names) - set(settings.people))
    if strangers:
        raise HubProblem(f"{strangers[0]} is not in {folder / 'hub.toml'}.")
    given = set_passwords(folder / "passwords.dbm", names or settings.people, bool(names))
    table = io.StringIO()
    csv.writer(table).writerows([("name", "password"), *given.items()])
    print(table.getvalue(), end="")
    if not given:
        print("Everybody has a password. Name somebody to give them a new one.", file=sys.stderr)
    return 0


# --- the proxy --------------------------------------------------------------------------------


def proxy(folder: Path) -> Path:
    """configurable-http-proxy as its lock names it, installed below `folder` once; its program."""
    source = FILES / "proxy"
    mark = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()
    program = folder / "node_modules" / ".bin" / "configurable-http-proxy"
    stamp = folder / "stamp"
    if stamp.is_file() and stamp.read_text() == mark and program.exists():
        return program
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise HubProblem(
                f"The hub's proxy needs {tool}, which is not here. Install Node.js 20.19 or "
                "later, then run the same command again."
            )
    print("Fetching the hub's proxy, once …", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    for path in source.glob("package*.json"):
        shutil.copy(path, folder)
    done = subprocess.run(
        ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise HubProblem(f"npm could not fetch the hub's proxy: {last}")
    stamp.write_text(mark)
    return program


def prepare() -> None:
    """Write the settings of everybody's JupyterLab into the environment that all share."""
    try:
        lab.prepare()
    except PermissionError as error:
        if not (Path(sys.prefix) / "etc" / "ipython" / "ipython_kernel_config.py").exists():
            raise HubProblem(
                f"{error.filename} cannot be written. Let the owner of {sys.prefix} run "
                "`make hub` once."
            ) from None


def has_systemd() -> bool:
    """Whether systemd runs this machine, and can hold a server to its limits."""
    return Path("/run/systemd/system").is_dir()


def free_port(wanted: int = 0) -> int:
    """A port of 127.0.0.1 that nobody listens on; `wanted`, where it is one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except (OSError, OverflowError):
            if not wanted:
                raise
            raise HubProblem(
                f"Port {wanted} cannot be used: something listens there already, or it needs "
                "more rights. Name another one: make hub HUB='--port 8010'."
            ) from None
        return int(probe.getsockname()[1])


# --- a trial ----------------------------------------------------------------------------------

TRIAL = Settings(leads=["lead"], learners=["ada", "grace"], accounts="shared", idle_minutes=60)


def write(settings: Settings, path: Path) -> None:
    """Settings as a file that `read` reads."""
    lines = [
        f"{key} = {value!r}" if isinstance(value, int | float | str) else f"{key} = {list(value)!r}"
        for key, value in settings.model_dump().items()
    ]
    path.write_text("\n".join(lines).replace("'", '"') + "\n", encoding="utf-8")


class Trial:
    """A hub in a folder of its own, for as long as a `with` block lasts."""

    def __init__(
        self,
        port: int,
        settings: Settings = TRIAL,
        config: Path = FILES / "jupyterhub_config.py",
        within: Sequence[str] = (),
    ) -> None:
        """`within` are words to put before the hub's own, as for a namespace."""
        hub = [sys.executable, "-m", "jupyterhub", "-f", str(config)]
        self._words = [*within, *hub]
        self.url = f"http://127.0.0.1:{port}"
        self.settings = settings.model_copy(update={"port": port})
        self.passwords: dict[str, str] = {}

    def __enter__(self) -> Trial:
        program = proxy(places.checkout() / "_build" / "hub")
        self.folder = Path(tempfile.mkdtemp(prefix="bxhub-"))
        try:
            self.folder.chmod(0o711)  # PostgreSQL passes through as another user
            write(self.settings, self.folder / "hub.toml")
            self.passwords = set_passwords(self.folder / "passwords.dbm", self.settings.people)
            prepare()
            with (self.folder / "hub.log").open("wb") as log:
                self._process = subprocess.Popen(
                    self._words, cwd=self.folder, env=self._environment(program),
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            self._await()
        except BaseException:
            self.end()
            raise
        return self

    def _environment(self, program: Path) -> dict[str, str]:
        clean = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("COURSEKIT_", "JUPYTER", "DATABASE_URL", "REDIS_"))
        }  # fmt: skip
        return {
            **clean,
            "BOXOFFICE_HUB": str(self.folder),
            "BOXOFFICE_PROXY": str(program),
            "BOXOFFICE_TRIAL": "1",
        }

    def _await(self) -> None:
        deadline = time.monotonic() + STARTING_SECONDS
        while not _answers(f"{self.url}/hub/health"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise HubProblem(f"JupyterHub did not start. Its last words:\n{self.log()}")
            time.sleep(0.05)

    def log(self, lines: int = 15) -> str:
        """The end of what the hub wrote."""
        text = (self.folder / "hub.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def wait(self) -> int:
        """Until the hub ends by itself; its exit code."""
        return self._process.wait()

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the hub, everybody's servers and databases, and delete the folder."""
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for state in self._states():
            subprocess.run(
                [sys.executable, "-m", "coursekit.cli", "stop"], check=False,
                env={**os.environ, "COURSEKIT_STATE": str(state)}, capture_output=True,
            )  # fmt: skip
        for left in self._left():
            with contextlib.suppress(psutil.Error):
                left.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self) -> Iterator[psutil.Process]:
        """What works in the folder still: of a hub that died, the proxy and people's servers."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if Path(process.cwd()).is_relative_to(self.folder):
                    yield process

    def _states(self) -> Iterator[Path]:
        with contextlib.suppress(OSError):
            yield from sorted((self.folder / "s").iterdir())


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


WELCOME = """\
A hub to try a cohort out is at {url}

  name     password       role
{people}

The lead releases and grades under Nbgrader › Formgrader; learners fetch and submit under
Nbgrader › Assignment List. Sign in with two browsers, or with one and a private window.
All of them run as {user} on this machine, in folders of their own: this shows the way, and keeps
nobody's files from the others. deploy/hub is for real accounts.
It is all in {folder}; the hub's log is hub.log there.
Ctrl-C ends the hub, and deletes all of it."""


def main(port: int) -> int:
    """`coursekit hub`: a trial until Ctrl-C."""
    port = free_port(port)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    print("Starting a hub …", flush=True)
    try:
        with Trial(port) as trial:
            people = "\n".join(
                f"  {name:<8} {word:<14} {trial.settings.role(name)}"
                for name, word in trial.passwords.items()
            )
            user = getpass.getuser()
            print(
                WELCOME.format(url=trial.url, people=people, folder=trial.folder, user=user),
                flush=True,
            )
            with contextlib.suppress(KeyboardInterrupt):
                trial.wait()
                raise HubProblem(f"The hub ended by itself. Its last words:\n{trial.log()}")
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would leave half of it
            print("\nEnding the hub and everybody's servers …", flush=True)
    except KeyboardInterrupt:
        pass
    print("The hub is ended, and its folder deleted.")
    return 0
