"""The computer's side of the seam: real processes, real sockets, real servers."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx
import psycopg
from psycopg.conninfo import conninfo_to_dict

from coursekit import places, services, warm
from coursekit.errors import AppFailed, CourseError, WorkspaceProblem
from coursekit.runtime import Environment, Finished, Stage
from coursekit.warm import Job

if TYPE_CHECKING:
    from coursekit.checks import Exercise
    from coursekit.doctor import Finding
    from coursekit.judge import Order
    from coursekit.verdict import Verdict

T = TypeVar("T")

STARTUP_SECONDS = 10.0


class Computer:
    """See `runtime.Runtime`."""

    def __init__(self) -> None:
        self._presence: socket.socket | None = None
        self._foreseen: Job | None = None

    def prepare(self, name: str, number: int) -> Environment:
        starters = services.order()
        self._be_present()  # a parent that is used does not stop the servers
        postgres, redis = services.ensure(starters)
        services.remember_given()
        mark = ""
        if os.environ.get("COURSEKIT_ISOLATE") or os.environ.get("COURSEKIT_WORKSPACE"):
            mark = "_" + hashlib.sha256(os.fsencode(places.workspace())).hexdigest()[:6]
        return Environment(
            database_url=services.database(f"boxoffice_{name}{mark}"),
            redis_url=services.redis_url(number),
            redis_prefix=f"boxoffice:{name}{mark}:",
            postgres=postgres,
            redis=redis,
        )

    def _be_present(self) -> None:
        """Hold a connection to the warm parent while this process lives: the servers stay up."""
        if self._presence is None or not _is_open(self._presence):
            presence = warm.connect()
            with contextlib.suppress(OSError):
                presence.sendall(b'{"call": "presence"}\n')
                self._presence = presence

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        pool = ThreadPoolExecutor(1)
        future = pool.submit(work)
        pool.shutdown(wait=False)
        return future.result

    def revived(self) -> str:
        if services.postgres_version():
            return ""
        services.ensure()
        return (
            "PostgreSQL itself had ended. What was not committed is undone, what was committed "
            "stands. It is running again: run the cell again."
        )

    def blocked(self, database_url: str, program: str) -> str:
        from coursekit import stage

        name = str(conninfo_to_dict(database_url).get("dbname"))
        with contextlib.suppress(CourseError, psycopg.Error):
            found = (
                stage.holders(name, f"datname = '{name}' and application_name = '{program}'")
                if program
                else stage.sessions(name, stage.IDLE)
            )
            return "\n".join(f"Waiting for a lock: {one.how_to_end()}" for one in found)
        return ""

    def notes(self) -> list[str]:
        return services.notes()

    def set_stage(self, environment: Environment, folder: Path, files: Mapping[str, str]) -> Stage:
        from coursekit import stage

        def run(folder: Path, url: str) -> list[str]:
            variables = {**environment.variables(), "DATABASE_URL": url}
            said = self.call("coursekit.tables:set_up", {"url": url}, folder, 30, variables)
            lines = said.get("lines", [])
            return [str(line) for line in lines] if isinstance(lines, list) else []

        name = conninfo_to_dict(environment.database_url)["dbname"]
        return stage.prepare(str(name), folder, files, run)

    def foresee(self, lesson: str) -> None:
        with contextlib.suppress(CourseError, OSError):
            self._foreseen = Job("coursekit.hearing:ahead", {"lesson": lesson})

    def looks(self) -> Sequence[Callable[[], Finding]]:
        from coursekit import doctor

        return doctor.LOOKS

    def race(self, calls: Sequence[Callable[[], object]], in_one_loop: bool) -> list[object]:
        from coursekit import crowd

        return crowd.in_one_loop(calls) if in_one_loop else crowd.in_threads(calls)

    def judge(self, exercise: Exercise, order: Order, **how: bool) -> Verdict:
        from coursekit import hearing

        return hearing.verdict(exercise, order, **how)

    def settle(self, seconds: float) -> bool:
        from coursekit import hearing

        return hearing.settle(seconds)

    def leave_stage(self) -> None:
        from coursekit import stage

        stage.leave()

    def serve(
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> Process:
        return Process(folder, {**variables, "PGAPPNAME": "api"}, scratch)

    def call(
        self,
        function: str,
        arguments: Mapping[str, object],
        folder: Path,
        seconds: float = 30,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, object]:
        with Job(function, arguments, folder=folder, environment=variables) as job:
            try:
                message = job.receive(seconds)
            except TimeoutError:
                raise AppFailed(
                    f"No answer within {seconds:.0f} seconds. Is there a loop that never ends?"
                ) from None
        if message is None:
            raise AppFailed("The process ended before it answered.")
        _stand(folder, message)
        return message

    def run(
        self, command: list[str], folder: Path, variables: Mapping[str, str], seconds: float
    ) -> Finished:
        url = variables.get("DATABASE_URL", "")
        with tempfile.TemporaryFile() as output:
            job = Job(
                "coursekit.tool:run",
                {"command": command},
                folder=folder,
                environment={**variables, "PGAPPNAME": "run"},
                files=[output.fileno(), output.fileno()],
            )
            code = 1
            with job:
                try:
                    message = job.receive(seconds) or {}
                except TimeoutError:
                    why = self.blocked(url, "run") or "Is there a loop that never ends?"
                    output.seek(0, os.SEEK_END)
                    output.write(f"\nstopped: it did not come to an end. {why}\n".encode())
                else:
                    code = int(str(message.get("code", 1)))
                    _stand(folder, message)
            output.seek(0)
            told = output.read().decode("utf-8", "replace")
            words = self.revived() if code and url else ""
            if code and "due to lock timeout" in told:
                words = words or self.blocked(url, "")
            return Finished(code, f"{told}\n{words}\n" if words else told)


def _stand(folder: Path, message: Mapping[str, object]) -> None:
    """Raise where a job could not even begin: its folder is gone, or we are at fault."""
    if "fault" not in message:
        return
    if not folder.is_dir():
        raise WorkspaceProblem(
            f"The folder {folder} is gone. Run the lesson's first code cell, `start(…)`, again: "
            "it puts back what the course wrote."
        )
    raise CourseError(f"The course's own code failed:\n{message['fault']}")


def _is_open(connection: socket.socket) -> bool:
    """Whether the other end still holds the connection; drops what it said."""
    connection.setblocking(False)
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _listen(port: str) -> socket.socket:
    """A listening socket. A server that is just ending may hold the port for a moment yet."""
    deadline = time.monotonic() + 2
    while True:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", int(port)))
            listener.listen(1024)
        except (OSError, ValueError, OverflowError) as error:
            listener.close()
            taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            if taken and time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            reason = error.strerror if isinstance(error, OSError) else "it is not a port's number"
            raise AppFailed(
                f"Port {port} of COURSEKIT_PORT cannot be used ({reason}). Unset COURSEKIT_PORT, "
                "and the course takes a free port."
            ) from None
        return listener


def _turn_away(listener: socket.socket) -> None:
    """Close what still waits for an application that is gone: the next one shall not run it."""
    listener.setblocking(False)
    with contextlib.suppress(OSError):
        while True:
            listener.accept()[0].close()
    listener.setblocking(True)


class Process:
    """One application under uvicorn, on a port that stays the same over its restarts."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> None:
        self._folder = folder
        self._variables = dict(variables)
        self._scratch = scratch
        self._job: Job | None = None
        self._seen: object = None
        self._socket: socket.socket | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        self._read = 0
        self._one = threading.RLock()  # the callers of a race share this object
        self._closed = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener().getsockname()[1]}"

    def transport(self) -> httpx.BaseTransport:
        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=100)
        return httpx.HTTPTransport(limits=limits, retries=1)

    def _listener(self) -> socket.socket:
        if self._socket is None:
            port = "0" if self._scratch else os.environ.get("COURSEKIT_PORT", "0")
            self._socket = _listen(port)
        return self._socket

    def _files(self) -> object:
        root = self._scratch.parent if self._scratch else self._folder / "boxoffice"
        found = []
        for path in sorted(root.rglob("*")):
            if path.suffix in {".py", ".json", ".toml", ".env", ".graphql"}:
                with contextlib.suppress(OSError):
                    stat = path.stat()
                    found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return found

    def ensure(self) -> None:
        with self._one:
            self._ensure()

    def _ensure(self) -> None:
        if self._closed:
            raise CourseError(
                "This client belongs to a lesson that this kernel has left. Make a new one: "
                "`client()`."
            )
        now = self._files()
        if self._job is not None and now == self._seen and self._is_up():
            return
        self.stop()
        self._seen = now
        self._empty_log()
        _turn_away(self._listener())
        job = Job(
            "coursekit.server:serve",
            {"scratch": str(self._scratch) if self._scratch else None},
            folder=self._folder,
            environment=self._variables,
            files=[self._log.fileno(), self._log.fileno(), self._listener().fileno()],
        )
        try:
            message = job.receive(STARTUP_SECONDS)
        except TimeoutError:
            job.close()
            raise AppFailed(
                f"Your API did not start within {STARTUP_SECONDS:.0f} seconds. Something at the "
                "top of a file, or in the start-up, waits or loops."
            ) from None
        except BaseException:
            job.close()
            raise
        if message is None or message.get("event") != "ready":
            job.close()
            _stand(self._folder, message or {})
            lines = (message or {}).get("lines", [])
            shown = "\n  ".join(map(str, lines)) if isinstance(lines, list) else ""
            raise AppFailed(f"Your API did not start.\n  {shown or 'It ended without a word.'}")
        self._job = job

    def touch(self) -> None:
        self._seen = None

    def _is_up(self) -> bool:
        assert self._job is not None
        return self._job.alive()

    def recover(self) -> None:
        self.stop()

    def crash(self) -> list[str]:
        lines: list[str] = []
        with self._one:
            for message in self._job.waiting() if self._job else ():
                if message.get("event") == "crash" and isinstance(message["lines"], list):
                    lines = [str(line) for line in message["lines"]]
        return lines

    def printed(self) -> str:
        with self._one:
            if self._closed:
                return ""
            size = os.fstat(self._log.fileno()).st_size
            text = os.pread(self._log.fileno(), min(size - self._read, 20_000), self._read)
            self._read = size
        return text.decode("utf-8", "replace")

    def _empty_log(self) -> None:
        """An application that printed without end leaves no full disk behind."""
        if os.fstat(self._log.fileno()).st_size > 1_000_000:
            os.ftruncate(self._log.fileno(), 0)
            self._log.seek(0)
            self._read = 0

    def stop(self) -> None:
        with self._one:
            if self._job is not None:
                # It may not take a connection that is meant for the next one.
                self._job.end()
                self._job = None

    def close(self) -> None:
        with self._one:
            self.stop()
            self._closed = True
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            self._log.close()
