"""The warm parent: jobs in processes of their own, on a leash, and an end when unused."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import PASSING, ROOT, alive, end_all, eventually, processes_of, python, variables

from coursekit import warm
from coursekit.errors import ServiceDown


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="bx-", dir=PASSING))
    folder.chmod(0o711)
    yield folder
    assert not end_all(folder)


@pytest.fixture
def jobs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the module `work`, whose functions are the jobs."""
    monkeypatch.setenv("COURSEKIT_STATE", str(home))
    (tmp_path / "work.py").write_text(
        "import os, re, signal, subprocess, sys, time\n"
        "def tell(channel, **words):\n"
        "    channel.send(words=words, folder=os.getcwd(), group=os.getpgrp(),\n"
        "                 seat=os.environ.get('SEAT'), zone=time.tzname[0],\n"
        "                 stdin=sys.stdin.read())\n"
        "def sleep(channel):\n    channel.send(up=1)\n    time.sleep(600)\n"
        "def stuck(channel):\n    channel.send(up=1)\n    re.match('(a+)+$', 'a' * 40 + 'b')\n"
        "def fail(channel):\n    raise ValueError('seat')\n"
        "def leave(channel):\n    os._exit(3)\n"
        "def child(channel):\n"
        "    channel.send(child=subprocess.Popen(['sleep', '600']).pid)\n    time.sleep(600)\n"
        "def far(channel):\n"
        "    child = os.fork()\n    if not child:\n        os.setsid()\n        time.sleep(60)\n"
        "    channel.send(child=child)\n    time.sleep(600)\n"
        "def write(channel):\n    print('out ✓')\n    print('err', file=sys.stderr)\n"
        "def stubborn(channel):\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    channel.send(up=1)\n"
        "    time.sleep(600)\n"
        "def first(channel):\n"
        "    import asyncio, httpx\n    before = set(sys.modules)\n    import shop\n"
        "    async def ask():\n"
        "        transport = httpx.ASGITransport(shop.app)\n"
        "        async with httpx.AsyncClient(transport=transport, base_url='http://a') as web:\n"
        "            return (await web.get('/')).json()\n"
        "    said = asyncio.run(ask())\n"
        "    channel.send(said=said, new=sorted(set(sys.modules) - before))\n"
    )
    (tmp_path / "shop.py").write_text(
        "import strawberry\nfrom fastapi import FastAPI\nfrom pydantic import BaseModel\n"
        "from strawberry.fastapi import GraphQLRouter\n"
        "class Door(BaseModel):\n    open: bool\n"
        "@strawberry.type\nclass Query:\n    doors: int\n"
        "app = FastAPI()\n"
        "app.include_router(GraphQLRouter(strawberry.Schema(Query)), prefix='/graphql')\n"
        "@app.get('/')\nasync def read() -> Door:\n    return Door(open=True)\n"
    )
    return tmp_path


def parents(state: Path) -> set[int]:
    return {int(path.read_text()) for path in state.glob("warm-*.pid")}


def parent() -> int:
    return warm.running()[0]


def test_nothing_is_left_to_import_for_the_first_route_schema_and_request(jobs: Path) -> None:
    assert warm.Job("work:first", folder=jobs).receive(20) == {
        "said": {"open": True}, "new": ["shop"],
    }  # fmt: skip


def test_a_job_has_a_folder_variables_and_a_group_of_its_own(jobs: Path) -> None:
    job = warm.Job(
        "work:tell", {"title": "Späť\n"}, folder=jobs,
        environment={"SEAT": "A1", "TZ": "Asia/Kathmandu"},
    )  # fmt: skip
    assert job.receive(10) == {
        "words": {"title": "Späť\n"}, "folder": str(jobs), "group": job.pid, "seat": "A1",
        "zone": "+0545", "stdin": "",
    }  # fmt: skip
    assert job.receive(10) is None
    assert "SEAT" not in os.environ


def test_a_large_order_arrives_whole(jobs: Path) -> None:
    text = "seat " * 500_000
    with warm.Job("work:tell", {"text": text}, folder=jobs) as job:
        message = job.receive(20)
    assert message is not None
    assert message["words"] == {"text": text}


def test_a_job_writes_to_the_files_it_was_given(jobs: Path) -> None:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        job = warm.Job("work:write", folder=jobs, files=[out.fileno(), err.fileno()])
        assert job.receive(10) is None
        out.seek(0)
        err.seek(0)
        assert (out.read().decode(), err.read()) == ("out ✓\n", b"err\n")


def test_a_job_that_fails_or_leaves(jobs: Path) -> None:
    message = warm.Job("work:fail", folder=jobs).receive(10)
    assert message is not None
    assert "ValueError: seat" in str(message["fault"])
    assert warm.Job("work:leave", folder=jobs).receive(10) is None
    message = warm.Job("work:none", folder=jobs).receive(10)
    assert message is not None
    assert "AttributeError" in str(message["fault"])
    message = warm.Job("work:tell", folder=jobs / "gone").receive(10)
    assert message is not None
    assert "FileNotFoundError" in str(message["fault"])


@pytest.mark.parametrize("name", ["sleep", "stuck", "stubborn"])
def test_a_job_ends_with_its_leash(jobs: Path, name: str) -> None:
    job = warm.Job(f"work:{name}", folder=jobs)
    assert job.receive(10) == {"up": 1}
    assert job.alive()
    job.close()
    job.close()
    eventually(lambda: not alive(job.pid), what="the job ends")


@pytest.mark.parametrize("name", ["sleep", "stuck", "stubborn"])
def test_a_job_that_was_ended_is_gone_already(jobs: Path, name: str) -> None:
    job = warm.Job(f"work:{name}", folder=jobs)
    assert job.receive(10) == {"up": 1}
    job.end()
    assert not alive(job.pid)
    job.end()


def test_nobody_waits_for_ever_for_a_job_that_left_its_group(jobs: Path) -> None:
    job = warm.Job("work:far", folder=jobs)
    message = job.receive(10)
    assert message is not None
    job.end(0.1)
    eventually(lambda: not alive(job.pid), what="the job ends")
    os.kill(int(str(message["child"])), signal.SIGKILL)


def test_what_a_job_began_ends_with_it(jobs: Path) -> None:
    job = warm.Job("work:child", folder=jobs)
    message = job.receive(10)
    assert message is not None
    child = int(str(message["child"]))
    assert alive(child)
    job.close()
    eventually(lambda: not alive(child) and not alive(job.pid), what="both end")


def test_kill_9_of_the_one_who_ordered(jobs: Path) -> None:
    code = (
        "import os, signal; from coursekit import warm\n"
        f"job = warm.Job('work:stuck', folder={str(jobs)!r}); job.receive(10)\n"
        "print(job.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = python(code, os.environ)
    pid = int(done.stdout)
    eventually(lambda: not alive(pid), what="the job ends, though it is stuck in C")


def test_those_who_go_at_once_do_no_harm(jobs: Path) -> None:
    """Interrupt can strike between any two lines: connections that say little or nothing."""
    before = (warm.Job("work:sleep", folder=jobs), parent())
    for words in (
        b"",
        b"{",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'{"call": 7}\n',
        b'{"call": "presence"}\n',
        b'{"call": "work:sleep", "folder": "/", "environment": {}, "arguments": {}}\n',
    ):
        for _ in range(5):
            connection = warm.connect()
            connection.sendall(words)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
    with warm.Job("work:tell", folder=jobs) as job:
        assert job.receive(10) is not None
    assert parent() == before[1]
    assert before[0].alive()
    before[0].close()


def test_the_parent_ignores_interrupt_and_comes_back_after_kill_9(jobs: Path) -> None:
    old = parent()
    os.kill(old, signal.SIGINT)
    running = warm.Job("work:sleep", folder=jobs)
    assert parent() == old
    os.kill(old, signal.SIGKILL)
    eventually(lambda: not alive(old))
    with warm.Job("work:tell", folder=jobs) as job:  # though a child of the old one still lives
        assert job.receive(10) is not None
    assert parent() != old
    running.close()
    eventually(lambda: not alive(running.pid))


def test_numbers_in_old_files_are_not_believed(jobs: Path, home: Path) -> None:
    path = home / "warm-0123456789ab.pid"
    for words in (str(os.getpid()), "1", "nonsense", "999999999"):
        path.write_text(words)
        assert warm.running() == [parent()]
    path.unlink()


def test_a_parent_that_cannot_start_is_told(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_STATE", str(state))
    monkeypatch.setattr(warm, "ensure", lambda: None)
    with pytest.raises(ServiceDown, match="coursekit doctor"):
        warm.connect(0.1)


def test_unused_it_stops_the_servers_and_itself(
    checkout: Path, tmp_path: Path, state: Path
) -> None:
    env = variables(checkout, state, tmp_path / "w", COURSEKIT_IDLE_SECONDS="0.5")
    code = (
        "from coursekit import session; print(session.start('1.2'))\n"
        "import sys; sys.stdout.flush(); sys.stdin.read()"
    )
    lesson = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        encoding="utf-8",
    )  # fmt: skip
    assert lesson.stdin is not None
    assert lesson.stdout is not None
    assert "is ready" in lesson.stdout.readline()
    postgres = int((state / "postgres/postmaster.pid").read_text().split()[0])
    helper = int(next(state.glob("warm-*.pid")).read_text())
    with contextlib.suppress(psutil.TimeoutExpired):
        psutil.Process(helper).wait(1.5)
    assert alive(helper), "it stays while a kernel is there"
    assert alive(postgres)
    lesson.stdin.close()
    assert lesson.wait(20) == 0
    eventually(lambda: not processes_of(state), seconds=25, what="all have ended")
    done = python("from coursekit import session; print(session.start('1.2'))", env)
    assert "is ready" in done.stdout, done.stderr
    eventually(lambda: not processes_of(state), seconds=25, what="all have ended again")


def test_unused_it_leaves_the_servers_to_the_parent_of_another_checkout(
    checkout: Path, tmp_path: Path, state: Path
) -> None:
    up = "from coursekit import runtime; runtime.current().prepare('x', 1)"
    stays = variables(ROOT, state, tmp_path / "w")
    used = subprocess.Popen(
        [sys.executable, "-c", f"{up}; import sys; print(1, flush=True); sys.stdin.read()"],
        env=stays, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    assert used.stdout is not None
    assert used.stdout.readline()
    postgres = int((state / "postgres/postmaster.pid").read_text().split()[0])
    [stays_on] = parents(state)
    env = variables(checkout, state, tmp_path / "w", COURSEKIT_IDLE_SECONDS="2")
    assert python(up, env).returncode == 0
    [unused] = parents(state) - {stays_on}
    eventually(lambda: not alive(unused), 25, "the unused one ends")
    assert alive(stays_on)
    assert alive(postgres)
    used.communicate("")


def test_after_a_change_of_the_package_a_new_parent_takes_over(
    checkout: Path, tmp_path: Path, state: Path
) -> None:
    """The old one ends without the servers, which the new one has now."""
    env = variables(checkout, state, tmp_path / "w")
    begin = "import coursekit.warm as w; w.SUPERSEDED_SECONDS = 1; w.main(w.address(), {lock})"
    up = "from coursekit import runtime; runtime.current().prepare('x', 1)"
    lock = (state / "old.lock").open("w")
    old = subprocess.Popen(
        [sys.executable, "-c", begin.format(lock=lock.fileno())], env=env, cwd=state,
        pass_fds=[lock.fileno()],
    )  # fmt: skip
    eventually(lambda: list(state.glob("warm-*.pid")))
    assert python(up, env).returncode == 0
    os.utime(checkout / "coursekit/errors.py")
    assert python(up, env).returncode == 0
    assert old.wait(20) == 0
    postgres = int((state / "postgres/postmaster.pid").read_text().split()[0])
    assert alive(postgres)
    assert len(list(state.glob("warm-*.sock"))) == 1
    lock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gathers memory in huge pages")
def test_memory_is_gathered_and_a_fork_still_has_all_of_it() -> None:
    """As many huge pages as it says: none where this kernel does not do it."""
    told = python(
        "import os\nfrom pathlib import Path\nfrom coursekit import warm\n"
        "words = [str(number) for number in range(400_000)]\nmade = warm.gather_memory()\n"
        "said = dict(line.split(':') for line in Path('/proc/self/smaps_rollup').read_text()"
        ".splitlines()[1:])\n"
        "child = os.fork()\nif not child:\n    words.append('a seat')\n"
        "    os._exit(words != [*map(str, range(400_000)), 'a seat'])\n"
        "code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "print(made, int(said['AnonHugePages'].split()[0]) // 2048, code, len(words))\n",
        dict(os.environ),
    )
    made, huge, code, length = map(int, told.stdout.split())
    assert (made, code, length) == (huge, 0, 400_000), told.stderr
    switch = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if switch.exists() and "[never]" not in switch.read_text():
        assert made > 0 or tuple(map(int, os.uname().release.split(".")[:2])) < (6, 1)
