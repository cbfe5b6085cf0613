"""What must not go wrong, each thing in a real Jupyter kernel."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import SHOUT, SHOWS, Kernel, Kernels, alive, eventually, variables

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the course runs inside WSL there")

BUILD_SHOUT = f"%%build services/shows.py::find_show\n{SHOUT}"
BUILD_OWN = BUILD_SHOUT.replace(".upper()", ".upper() + '!'")


def lesson(kernel: Kernel, number: str = "1.2") -> Path:
    """Start a lesson with a client `api`; the folder of Box Office."""
    assert "is ready" in kernel.good(f'start("{number}")\n')
    kernel.good("api = client(timeout=5)")
    return Path(kernel.env["COURSEKIT_WORKSPACE"]) / "backend" / "boxoffice"


def title(kernel: Kernel) -> str:
    return kernel.good('print(api.get("/shows/1").json()["title"])')


def server(kernel: Kernel) -> int:
    """The process id of the kernel's API."""
    return int(kernel.good('print(api.get("/pid").json())'))


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


ROUTE = "\n\nMORE = create_app\n\n\ndef create_app() -> FastAPI:\n    app = MORE()\n"


def route(path: Path, text: str) -> None:
    """Add a route to app.py."""
    body = "".join(f"    {line}\n" for line in text.splitlines())
    append(path / "app.py", f"{ROUTE}{body}    return app\n")


# --- what a learner types -----------------------------------------------------------------


def test_a_lesson_from_the_top(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    assert title(kernel) == "Macbeth"
    shown = kernel.good(BUILD_SHOUT)
    assert "changed services/shows.py" in shown
    assert "+    return TITLES[number % 3].upper()" in shown
    assert title(kernel) == "MACBETH"
    assert "1 caller" in kernel.good('race(1, lambda: api.get("/shows/1"))')
    assert "✓ it is loud" in kernel.good('%%check "it is loud"\nassert 1')
    assert "1 of 1 checks" in kernel.good("progress()")
    assert (folder / "app.py").exists()


def test_a_run_that_fails_is_shown_once(kernels: Kernels) -> None:
    kernel = kernels()
    assert "Lesson 1.2 is ready" in kernel.good('start("1.2")\nNUMBER = 1')
    fails = """run("python -c 'import sys; sys.exit(3)'")"""
    assert kernel.good(fails).count("exit code 3") == 1
    shown = kernel.good(f'print("before")\n{fails}\nprint("after")')
    assert shown.split("\n")[0] == "before"
    assert shown.split("\n")[-1] == "after"
    assert shown.count("exit code 3") == 1
    assert kernel.good(f"done = {fails}").count("exit code 3") == 1
    assert kernel.good("done").count("exit code 3") == 1
    assert kernel.good(f"done = {fails}\ndone").count("exit code 3") == 1
    shown = kernel.good(f'%%check "it runs"\ndone = {fails}\nassert done.code == 0')
    assert shown.count("exit code 3") == 1
    assert shown.index("exit code 3") < shown.index("✗ it runs")
    ran = kernel.run(f"done = {fails}\n1 / 0")
    assert "exit code 3" in ran.text
    assert ran.error.startswith("ZeroDivisionError")


def test_a_cell_with_a_syntax_error_leaves_the_file(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    before = (folder / "services/shows.py").read_text()
    said = kernel.bad("%%build services/shows.py::find_show\ndef find_show(number):\n    return (")
    assert "This is not Python yet" in said
    assert "line 2:      return (" in said
    assert "left as it was" in said
    assert (folder / "services/shows.py").read_text() == before
    shown = kernel.good('%%check "it counts"\nassert (1')
    assert "✗ it counts" in shown
    assert "line 1 is not Python" in shown
    assert title(kernel) == "Macbeth"


def test_a_build_outside_the_workspace_is_refused(kernels: Kernels, tmp_path: Path) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    for name in ("../x.py", "api/../../x.py", str(tmp_path / "x.py"), "~/x.py", "C:\\x.py"):
        said = kernel.bad(f"%%build {name}\nx = 1")
        assert "boxoffice" in said
        assert "%%build api/shows.py" in said
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "kept.py").write_text("precious = 1\n")
    (folder / "linked").symlink_to(outside)
    (folder / "one.py").symlink_to(outside / "kept.py")
    for name in ("linked/x.py", "linked/kept.py", "one.py"):
        assert "a link that leads out" in kernel.bad(f"%%build {name}\nx = 1")
    assert [path.name for path in outside.iterdir()] == ["kept.py"]
    assert (outside / "kept.py").read_text() == "precious = 1\n"
    lesson(kernel)


def test_unknown_names_name_the_nearest(kernels: Kernels) -> None:
    kernel = kernels()
    assert 'There is no lesson "1.22". Did you mean "1.2"?' in kernel.bad('start("1.22")')
    assert 'start("1.2")' in kernel.bad("start(1.2)")
    assert 'Run the first code cell, `start("…")`' in kernel.bad("client()")
    lesson(kernel, "1.1")
    kernel.good('start("1.1", exercises=True)')
    assert 'Did you mean "ch90.loud"?' in kernel.bad('check("ch90.lout")')
    assert 'Did you mean "ch90.loud"?' in kernel.bad('hint("ch90.laud")')


def test_cells_in_another_order_and_twice(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel, "1.1")
    kernel.good(f"%%build services/shows.py\n{SHOWS}")
    said = (
        kernel.good('api.get("/shows/1")')
        if (folder / "app.py").exists()
        else kernel.bad('api.get("/shows/1")')
    )
    assert "app.py" in said
    lesson(kernel)
    for _ in range(2):
        kernel.good(BUILD_OWN)
        assert title(kernel) == "MACBETH!"
    old = server(kernel)
    assert "is ready" in kernel.good('start("1.2")')
    assert title(kernel) == "MACBETH!"  # by the client that was made before
    eventually(lambda: not alive(old), what="the lesson begins with a fresh server")
    old = server(kernel)
    kernel.good('start("1.1")')
    assert "client()" in kernel.bad('api.get("/shows/1")')
    assert alive(kernel.pid)
    eventually(lambda: not alive(old), what="the left lesson's server ends")
    kernel.good('start("1.2", fresh=True)\napi = client()')
    assert title(kernel) == "Macbeth"


def test_a_changed_notebook_does_not_stop_the_lessons(kernels: Kernels, checkout: Path) -> None:
    """Learners save what they type: the notebooks are also what lessons begin from."""
    path = checkout / "notebooks/ch01_api/01_list_shows.ipynb"
    original = path.read_text(encoding="utf-8")
    try:
        path.write_text(original.replace("def count_shows()", "def count_shows("))
        kernel = kernels()
        shown = kernel.good('start("1.2")')
        assert "left out" in shown
        assert "services/shows.py, a cell of 01_list_shows.ipynb" in shown
        path.write_text(original.replace('%%check \\"', "%%check it's "))
        assert "left out" not in kernel.good('start("1.2")')
    finally:
        path.write_text(original, encoding="utf-8")


# --- an application that does not work ----------------------------------------------------


def test_an_app_that_fails_at_import(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    kernel.good("%%build services/shows.py::TITLES\nTITLES = [unknown_name]")
    said = kernel.bad('api.get("/shows/1")')
    assert "Your API did not start" in said
    assert "services/shows.py, line 3" in said
    assert "NameError: name 'unknown_name' is not defined" in said
    assert "coursekit" not in said
    assert "site-packages" not in said
    (folder / "app.py").unlink()
    assert "There is no app.py yet" in kernel.bad('api.get("/shows/1")')
    (folder / "app.py").write_text("def create_app():\n    pass\n")
    assert "returned no application" in kernel.bad('api.get("/shows/1")')
    (folder / "app.py").write_text("import sys\nsys.exit('bye')\n")
    assert "bye" in kernel.bad('api.get("/shows/1")')
    (folder / "app.py").write_text("import os\nos._exit(3)\n")
    assert "It ended without a word" in kernel.bad('api.get("/shows/1")')
    kernel.good('start("1.2", fresh=True)')
    assert title(kernel) == "Macbeth"


def test_an_app_that_fails_or_hangs_while_it_starts(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    kernel.good("import coursekit.computer\ncoursekit.computer.STARTUP_SECONDS = 1.5")
    good = (folder / "app.py").read_text()
    life = (
        "import asyncio, contextlib\n\n@contextlib.asynccontextmanager\n"
        "async def lifespan(app):\n    {}\n    yield\n\n"
    )
    for line, words in (
        ("raise RuntimeError('no seats')", ("app.py, line 5, in lifespan", "no seats")),
        ("await asyncio.sleep(600)", ("did not start within",)),
        ("while True: pass", ("did not start within",)),
    ):
        text = life.format(line) + good.replace("FastAPI()", "FastAPI(lifespan=lifespan)")
        (folder / "app.py").write_text(text)
        said = kernel.bad('api.get("/shows/1")')
        assert all(word in said for word in words), said
    (folder / "app.py").write_text("while True:\n    pass\n")
    assert "did not start within" in kernel.bad('api.get("/shows/1")')
    (folder / "app.py").write_text(good)
    assert title(kernel) == "Macbeth"


LOOPS = {
    "sync": "def loop() -> None:\n    while True:\n        pass",
    "async": "async def loop() -> None:\n    while True:\n        pass",
    # a regular expression that never ends holds the interpreter itself
    "in_c": 'def loop() -> None:\n    import re\n    re.match("(a+)+$", "a" * 40 + "b")',
}


@pytest.mark.parametrize("kind", LOOPS)
def test_an_endpoint_that_loops_for_ever(kernels: Kernels, kind: str) -> None:
    kernel = kernels()
    route(lesson(kernel), f'@app.get("/loop")\n{LOOPS[kind]}')
    kernel.good("api = client(timeout=1)")
    stuck = server(kernel)
    said = kernel.bad('api.get("/loop")')
    assert "no answer to GET /loop in time" in said
    assert "loop that never ends" in said
    eventually(lambda: not alive(stuck), what="the looping server is gone")
    assert title(kernel) == "Macbeth"


def test_a_race_against_a_loop_ends(kernels: Kernels) -> None:
    kernel = kernels()
    route(lesson(kernel), f'@app.get("/loop")\n{LOOPS["async"]}')
    kernel.good("api = client(timeout=3)")
    shown = kernel.good('race(20, lambda: api.get("/loop"))')
    assert shown.splitlines()[3].split()[:2] == ["AppFailed", "20"]
    assert title(kernel) == "Macbeth"


def test_an_application_that_dies_comes_back(kernels: Kernels) -> None:
    kernel = kernels()
    route(lesson(kernel), '@app.get("/exit")\ndef leave() -> None:\n    os._exit(1)')
    said = kernel.bad('api.get("/exit")')
    assert "went away during GET /exit" in said
    assert title(kernel) == "Macbeth"
    killed = server(kernel)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(killed))
    assert title(kernel) == "Macbeth"


def test_a_scratch_application(kernels: Kernels) -> None:
    kernel = kernels()
    lesson(kernel)
    kernel.good('rpc = client("scratch/httpx.py")')
    assert "no scratch/httpx.py yet" in kernel.bad('rpc.get("/")')
    body = (
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 204, 'headers': []})\n"
        "    await send({'type': 'http.response.body'})"
    )
    assert "created scratch/httpx.py" in kernel.good(f"%%build scratch/httpx.py\n{body}")
    assert "204 No Content" in kernel.good('rpc.get("/")')
    assert title(kernel) == "Macbeth"


def test_an_error_behind_a_scratch_application_shows_the_line_of_box_office(
    kernels: Kernels,
) -> None:
    kernel = kernels()
    lesson(kernel)
    kernel.good("%%build scratch/late.py\nfrom boxoffice.app import create_app\napp = create_app()")
    said = kernel.good('client("scratch/late.py").get("/broken")')
    assert "in broken:  return str(1 / 0)" in said


def test_a_taken_port(kernels: Kernels) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        kernel = kernels(COURSEKIT_PORT=port)
        kernel.good('start("1.2")')
        said = kernel.bad("api = client()")
        assert f"Port {port} of COURSEKIT_PORT cannot be used" in said
        assert "Unset COURSEKIT_PORT" in said
    lesson(kernel)
    assert title(kernel) == "Macbeth"
    assert kernel.good("print(api.base_url)").startswith(f"http://127.0.0.1:{port}")
    kernel.good('start("1.1")\nstart("1.2")\napi = client()')  # gives it up and takes it again
    assert title(kernel) == "Macbeth"
    kernel.good("import os; os.environ['COURSEKIT_PORT'] = 'eighty'; start('1.1')")
    assert "Port eighty" in kernel.bad("client()")


# --- the learner's folder -----------------------------------------------------------------


def test_a_workspace_deleted_in_mid_lesson(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    assert title(kernel) == "Macbeth"
    shutil.rmtree(kernel.env["COURSEKIT_WORKSPACE"])
    for cell in (BUILD_SHOUT, 'api.get("/shows/1")', 'run("pytest")'):
        said = kernel.bad(cell)
        assert "is gone" in said
        assert "first code cell" in said
    assert not folder.exists()
    kernel.good('start("1.2")')
    assert title(kernel) == "Macbeth"
    shutil.rmtree(kernel.env["COURSEKIT_WORKSPACE"])
    assert "✓ it is loud" in kernel.good('%%check "it is loud"\nassert 1')
    assert "it is loud" in (folder.parent.parent / "progress.json").read_text()


def test_the_folder_that_the_kernel_stands_in_is_deleted(kernels: Kernels, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    kernel = kernels(cwd=here)
    here.rmdir()
    lesson(kernel)
    assert "changed" in kernel.good(BUILD_SHOUT)
    assert title(kernel) == "MACBETH"
    assert "one" in kernel.good('sql("select 1 as one")')
    assert "1 of 1 checks" in kernel.good('%%check "it is loud"\nassert 1') + kernel.good(
        "progress()"
    )


def test_half_written_files(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    shows = folder / "services/shows.py"
    half = shows.read_text().partition("(number")[0]
    shows.write_text(half)
    (folder / ".app.py.x7e2").write_text("half of a")
    shown = kernel.good('start("1.2")')
    assert "2 files of Box Office stand" in shown
    assert "services/shows.py" in shown.split("yours, kept")[1]
    assert "fresh=True" in shown
    said = kernel.bad(BUILD_SHOUT)
    assert "services/shows.py as it stands on the disk is not Python" in said
    assert "did not start" in kernel.bad('api.get("/shows/1")')
    assert shows.read_text() == half
    shown = kernel.good('start("1.2", fresh=True)')
    assert "set aside" in shown
    kept = list((folder.parent.parent / "kept").rglob("shows.py"))
    assert [path.read_text() for path in kept] == [half]
    assert title(kernel) == "Macbeth"


def test_a_folder_in_place_of_a_file(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    (folder / "app.py").unlink()
    (folder / "app.py").mkdir()
    assert "a folder stands where a file should be" in kernel.bad('start("1.2")')
    shutil.rmtree(folder / "services")
    (folder / "services").write_text("precious")
    assert "fresh=True" in kernel.bad('start("1.2")')
    kernel.good('start("1.2", fresh=True)')
    assert title(kernel) == "Macbeth"
    kept = list((folder.parent.parent / "kept").rglob("services"))
    assert kept[0].read_text() == "precious"


def test_a_workspace_that_cannot_be_made(kernels: Kernels) -> None:
    kernel = kernels(COURSEKIT_WORKSPACE="/proc/nowhere/workspace")
    said = kernel.bad('start("1.2")')
    assert "cannot be made" in said
    assert "COURSEKIT_WORKSPACE" in said
    assert "No lesson is running" in kernel.bad(BUILD_SHOUT)


def test_a_damaged_progress_file(kernels: Kernels) -> None:
    kernel = kernels()
    root = lesson(kernel).parent.parent
    for damaged in ('{"checks": {"1.2": ["it i', '{"checks": 7}', "[1]", '{"hints": {"a": 1e999}}'):
        (root / "progress.json").write_text(damaged)
        shown = kernel.good("progress()")
        assert "could not be read. It was set aside as progress.broken-" in shown
        assert "0 of 1 checks" in shown
        (root / "progress.json").write_text(damaged)
        shown = kernel.good('%%check "it is loud"\nassert 1')
        assert "✓ it is loud" in shown
        assert "could not be read. It was set aside" in shown
        assert json.loads((root / "progress.json").read_text())["checks"]["1.2"] == ["it is loud"]
        aside = [path.read_text() for path in root.glob("progress.broken*")]
        assert damaged in aside
    (root / "progress.json").unlink()
    (root / "progress.json").mkdir()
    shown = kernel.run('%%check "it is loud"\nassert 1')
    assert "✓ it is loud" in shown.text
    assert shown.traceback.startswith("✗ progress.json cannot be read")
    kernel.good('start("1.2")')


def test_answers_that_were_damaged(kernels: Kernels) -> None:
    kernel = kernels()
    kernel.good('start("1.1", exercises=True)')
    kernel.good(BUILD_SHOUT)
    answers = Path(kernel.env["COURSEKIT_WORKSPACE"]) / "exercises/1.1/answers.json"
    answers.write_text(answers.read_text()[:20])
    assert "run your answer cells again" in kernel.good('check("ch90.loud")')
    kernel.good(BUILD_SHOUT)
    assert "✓" in kernel.good('check("ch90.loud")')


def test_two_kernels_on_one_lesson(kernels: Kernels) -> None:
    one, two = kernels(), kernels()
    for kernel in (one, two):
        kernel.begin_cell('print(start("1.2"))\napi = client()')
    for kernel in (one, two):
        assert "is ready" in kernel.finish().text
    one.good(BUILD_SHOUT)
    assert [title(one), title(two)] == ["MACBETH", "MACBETH"]
    assert server(one) != server(two)
    for kernel, number in ((one, 1), (two, 2)):
        checks = "\n".join(
            f"    logbook.record_check(home, '1.2', f'{number} {{n}}', True)" for _ in range(1)
        )
        kernel.begin_cell(
            "from coursekit import logbook, session\nhome = session.current().home\n"
            f"for n in range(50):\n{checks}\nprint('done')"
        )
    for kernel in (one, two):
        assert kernel.finish().text.strip() == "done"
    root = Path(one.env["COURSEKIT_WORKSPACE"])
    assert len(json.loads((root / "progress.json").read_text())["checks"]["1.2"]) == 100


# --- Interrupt, restart, kill -------------------------------------------------------------


def interrupted(kernel: Kernel, cell: str, after: float) -> str:
    """Send a cell, press Interrupt so many seconds after it began, and what came of it."""
    kernel.begin_cell(cell)
    kernel.running()
    time.sleep(after)  # the moment is the point here
    kernel.interrupt()
    ran = kernel.finish()
    if ran.error:
        assert "Interrupted. Nothing is lost" in ran.error or "KeyboardInterrupt" in ran.error
    return ran.error or ran.text


def test_interrupt_in_start(kernels: Kernels, state: Path) -> None:
    """At several moments, the first with the servers still down."""
    kernel = kernels(servers=state)
    for number, after in enumerate((0.3, 0.8, 0.0, 0.02, 0.05, 0.01)):
        interrupted(kernel, f'start("1.2", fresh={bool(number % 2)})', after)
    folder = lesson(kernel)
    assert title(kernel) == "Macbeth"
    assert sorted(p.name for p in folder.rglob("*.py")) == ["app.py", "shows.py"]
    assert "one" in kernel.good('sql("select 1 as one")')


def test_interrupt_in_a_request_a_race_and_a_tool(kernels: Kernels) -> None:
    kernel = kernels()
    folder = lesson(kernel)
    for cell in (
        'api.get("/slow?seconds=4")',
        'race(20, lambda: api.get("/slow?seconds=4"))',
        'run("python -c 1")\nrun("python loop.py")',
    ):
        (folder.parent / "loop.py").write_text("while True: pass\n")
        said = interrupted(kernel, cell, 0.7)
        assert "Interrupted. Nothing is lost: run the cell again." in said
        assert title(kernel) == "Macbeth"
    loops = [p for p in psutil.process_iter(["cmdline"]) if "loop.py" in (p.info["cmdline"] or [])]
    assert not loops


def test_interrupt_in_check(kernels: Kernels) -> None:
    kernel = kernels()
    kernel.good('start("1.1", exercises=True)')
    kernel.good(
        "%%build services/shows.py::find_show\n"
        "def find_show(number: int) -> str:\n    while True: pass"
    )
    for after in (0.05, 0.3, 1.0):
        assert "Interrupted" in interrupted(kernel, 'check("ch90.loud")', after)
    kernel.good(BUILD_SHOUT)
    assert "✓" in kernel.good('check("ch90.loud")')
    assert "1 of 1 exercises" in kernel.good("progress()")


def test_a_restarted_kernel(kernels: Kernels) -> None:
    kernel = kernels()
    lesson(kernel)
    kernel.good(BUILD_OWN)
    old = server(kernel)
    kernel.restart()
    eventually(lambda: not alive(old), what="the old kernel's server ends")
    kernel.good("from coursekit import client, sql, start")
    assert "No lesson is running in this kernel" in kernel.bad(BUILD_SHOUT)
    assert "No lesson is running in this kernel" in kernel.bad('sql("select 1")')
    lesson(kernel)
    assert title(kernel) == "MACBETH!"


def test_kill_9_of_a_kernel(kernels: Kernels, state: Path) -> None:
    kernel = kernels(servers=state)
    route(lesson(kernel), f'@app.get("/loop")\n{LOOPS["in_c"]}')
    old = server(kernel)
    kernel.good("import threading")
    kernel.good('threading.Thread(target=lambda: api.get("/loop"), daemon=True).start()')
    kernel.kill()
    eventually(lambda: not alive(old), what="the server ends, though it is stuck in C")
    postgres = int((state / "postgres/postmaster.pid").read_text().split()[0])
    redis = int((state / "redis.pid").read_text())
    assert alive(postgres)
    assert alive(redis)
    following = kernels(servers=state)
    lesson(following)
    assert title(following) == "Macbeth"
    assert postgres == int((state / "postgres/postmaster.pid").read_text().split()[0])


def test_servers_killed_in_mid_lesson_come_back(kernels: Kernels, state: Path) -> None:
    kernel = kernels(servers=state)
    lesson(kernel)
    kernel.good('sql("create table seat (id int)")\nsql("insert into seat values (7)")')
    numbers = {"postgres": state / "postgres/postmaster.pid", "redis": state / "redis.pid"}

    def kill(name: str) -> None:
        process = psutil.Process(int(numbers[name].read_text().split()[0]))
        process.kill()
        eventually(lambda: not alive(process.pid))

    kill("postgres")
    assert kernel.good('sql("select id from seat")').split()[-1] == "7"
    kill("redis")
    assert "Valkey" in kernel.good('start("1.2")')
    assert (
        kernel.good("import os, redis; print(redis.from_url(os.environ['REDIS_URL']).ping())")
        == "True"
    )
    kill("postgres")
    kill("redis")
    assert "is ready" in kernel.good('start("1.1")')  # with DATABASE_URL of lesson 1.2 set
    kernel.good('start("1.2")\napi = client()')
    assert kernel.good('sql("select id from seat")').split()[-1] == "7"
    assert title(kernel) == "Macbeth"


def test_the_helper_process_killed_in_mid_lesson(kernels: Kernels, state: Path) -> None:
    kernel = kernels(servers=state)
    lesson(kernel)
    assert title(kernel) == "Macbeth"
    parent = int(next(state.glob("warm-*.pid")).read_text())
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: not alive(parent))
    kernel.good(BUILD_SHOUT)
    assert title(kernel) == "MACBETH"
    assert int(next(state.glob("warm-*.pid")).read_text()) != parent


# --- the machine --------------------------------------------------------------------------

MACHINES = {
    "plain C and no home": {
        "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": "/proc/nobody",
        "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "XDG_RUNTIME_DIR": "",
    },
    "latin and another zone": {
        "LANG": "en_US.ISO-8859-1", "LC_ALL": "", "PYTHONUTF8": "0", "TZ": "Asia/Kathmandu",
    },
    "no variables": {"HOME": "", "LANG": "", "LC_ALL": "", "TERM": "", "TZ": "Not/AZone"},
}  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
def test_machines(kernels: Kernels, state: Path, machine: str) -> None:
    if machine.startswith("plain C") and not sys.prefix.isascii():
        pytest.skip("zmq cannot be imported from a path with accents under LC_ALL=C alone")
    kernel = kernels(servers=state, **MACHINES[machine])
    folder = lesson(kernel)
    kernel.good("%%build services/shows.py::TITLES\nTITLES = ['Früh', 'Späť', '夜']")
    assert kernel.good('print(ascii(api.get("/shows/2").json()["title"]))') == r"'\u591c'"
    assert "夜" in (folder / "services/shows.py").read_text(encoding="utf-8")
    assert "夜" in kernel.good("sql(\"select '夜' as night\")")
    assert kernel.good("sql('show timezone')").split()[-1] == "UTC"
    assert "夜" in kernel.good("%%build scratch/say.py\nprint('夜')") + kernel.good(
        'run("python ../scratch/say.py")'
    )
    assert "✓ näch夜" in kernel.good('%%check "näch夜"\nassert 1')
    assert "näch夜" in (folder.parent.parent / "progress.json").read_text(encoding="utf-8")
    kernel.good('start("1.2", fresh=True)')


def test_the_default_state_folder(checkout: Path, tmp_path: Path) -> None:
    """Named after the checkout, also where the locale cannot spell its path."""
    from conftest import python

    code = "from coursekit import places; print(ascii(str(places.state())))"
    found = []
    for more in ({}, MACHINES["plain C and no home"]):
        env = variables(checkout, tmp_path, tmp_path / "w", TMPDIR=str(tmp_path), **more)
        del env["COURSEKIT_STATE"]
        done = python(code, env)
        assert done.returncode == 0, done.stderr
        found.append(done.stdout)
    assert found[0] == found[1]


def test_many_threads_ask_one_client(kernels: Kernels) -> None:
    """Learners use threads too: a change is served once, and no answer is lost."""
    kernel = kernels()
    lesson(kernel)
    kernel.good(BUILD_SHOUT)
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(20) as pool:\n"
        '    answers = list(pool.map(lambda n: api.get("/shows/1"), range(60)))\n'
        "print({answer.json()['title'] for answer in answers})"
    )
    assert kernel.good(code) == "{'MACBETH'}"
