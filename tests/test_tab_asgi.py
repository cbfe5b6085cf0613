"""The learner's application in this very interpreter: as uvicorn serves it, without a socket."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from inside import Loop

from coursekit import course
from coursekit.errors import AppFailed, CourseError
from coursekit.tab import asgi, clock, loop

APP = """
import asyncio
import time
from contextlib import asynccontextmanager
from contextvars import ContextVar

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.middleware.base import BaseHTTPMiddleware

number = ContextVar("number", default="none")
done = []


@asynccontextmanager
async def lifespan(app):
    print("up")
    app.state.ready = True
    yield
    print("down")


async def remember(request, call_next):
    number.set(request.headers.get("X-Request-ID", "-"))
    return await call_next(request)


def create_app():
    app = FastAPI(lifespan=lifespan)
    app.add_middleware(BaseHTTPMiddleware, dispatch=remember)

    @app.get("/async")
    async def waits(request: Request):
        await asyncio.sleep(0.001)
        return {"id": number.get(), "ready": request.app.state.ready}

    @app.get("/sync")
    def plain():
        time.sleep(0.001)
        print("in plain")
        return {"id": number.get(), "nested": asyncio.run(nested())}

    async def nested():
        await asyncio.sleep(0)
        return True

    @app.get("/broken")
    def broken():
        return 1 / 0

    @app.get("/loops")
    async def loops():
        while True:
            pass

    @app.get("/waits")
    async def waits_long():
        await asyncio.sleep(1000)

    @app.get("/sleeps")
    def sleeps():
        time.sleep(1000)

    @app.get("/never")
    async def never():
        await asyncio.Event().wait()

    @app.get("/leaves")
    def leaves():
        raise SystemExit(3)

    @app.get("/background")
    def background(tasks: BackgroundTasks):
        tasks.add_task(done.append, "sent")
        return done

    @app.get("/stream")
    async def stream(count: int = 3, wait: float = 0):
        async def parts():
            try:
                for part in range(count):
                    yield f"{part} "
                    await asyncio.sleep(wait)
            finally:
                print("closed")

        return StreamingResponse(parts())

    @app.post("/body")
    async def body(request: Request):
        return {"size": len(await request.body()), "query": str(request.url)}

    return app
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, APP)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "boxoffice").mkdir(exist_ok=True)
    (folder / "boxoffice/app.py").write_text(text)


@pytest.fixture
def app(folder: Path) -> Iterator[asgi.Application]:
    loop.install(Loop)
    asgi.route()
    application = asgi.Application(folder, {"DATABASE_URL": "none"})
    yield application
    application.close()


@pytest.fixture
def api(app: asgi.Application) -> httpx.Client:
    return httpx.Client(base_url=app.url, transport=app.transport(), timeout=5)


def test_endpoints_of_both_kinds_keep_their_context(api: httpx.Client) -> None:
    answer = api.get("/async", headers={"X-Request-ID": "till-7"})
    assert answer.json() == {"id": "till-7", "ready": True}
    answer = api.get("/sync", headers={"X-Request-ID": "till-8"})
    assert answer.json() == {"id": "till-8", "nested": True}
    assert (answer.headers["server"], "date" in answer.headers) == ("uvicorn", True)
    assert answer.headers["content-type"] == "application/json"


def test_what_is_printed_is_told_once(app: asgi.Application, api: httpx.Client) -> None:
    api.get("/sync")
    assert app.printed() == "up\nin plain\n"
    assert app.printed() == ""


def test_an_error_is_a_500_with_the_learners_lines(
    app: asgi.Application, api: httpx.Client
) -> None:
    assert api.get("/broken").status_code == 500
    lines = app.crash()
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "in broken:  return 1 / 0" in lines[-2]
    assert app.crash() == []


@pytest.mark.parametrize("path", ["/loops", "/waits", "/sleeps"])
def test_an_answer_that_never_comes_is_waited_for_in_vain(
    app: asgi.Application, api: httpx.Client, path: str
) -> None:
    api.get("/async")
    begun = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        api.get(path, timeout=0.2)
    assert time.monotonic() - begun < 5
    app.recover()
    assert api.get("/async").status_code == 200


def test_an_application_that_ends_itself_goes_away(
    app: asgi.Application, api: httpx.Client
) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        api.get("/leaves")
    assert app.crash()[-1] == "SystemExit: 3"
    assert api.get("/async").status_code == 200


def test_background_tasks_are_done_with_the_answer(api: httpx.Client) -> None:
    assert api.get("/background").json() == []
    assert api.get("/background").json() == ["sent"]


def test_a_stream_comes_part_by_part(app: asgi.Application, api: httpx.Client) -> None:
    assert api.get("/stream").text == "0 1 2 "
    with api.stream("GET", "/stream", params={"count": 10**9, "wait": 0.06}) as answer:
        parts = answer.iter_text()
        assert [next(parts) for _ in range(2)] == ["0 ", "1 "]
    assert app.printed().endswith("closed\n")
    assert api.head("/stream").text == ""


def test_a_body_and_a_query_arrive(api: httpx.Client) -> None:
    answer = api.post("/body", params={"q": "é &"}, content=b"x" * 10**6).json()
    assert answer["size"] == 10**6
    assert answer["query"].endswith("/body?q=%C3%A9+%26")


def test_a_change_is_served_at_once(folder: Path, app: asgi.Application, api: httpx.Client) -> None:
    assert api.get("/async").status_code == 200
    write(folder, "from fastapi import FastAPI\n\napp = FastAPI(docs_url=None)\n")
    assert api.get("/docs").status_code == 404
    assert api.get("/async").status_code == 404
    assert app.printed() == "up\ndown\n"


FAULTS = {
    "def create_app(:\n": "SyntaxError",
    "import nothing_there\n": "No module named 'nothing_there'",
    "import boxoffice.shows\n": "There is no shows.py yet",
    "app = 3\n": "defines no `app`",
    "def create_app():\n    pass\n": "returned no application",
    "raise SystemExit(3)\n": "SystemExit: 3",
    "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\n"
    "@asynccontextmanager\nasync def life(app):\n    raise ValueError('no')\n    yield\n\n"
    "app = FastAPI(lifespan=life)\n": "ValueError: no",
}


@pytest.mark.parametrize("text", FAULTS)
def test_an_application_that_does_not_start(folder: Path, api: httpx.Client, text: str) -> None:
    write(folder, text)
    with pytest.raises(AppFailed) as caught:
        api.get("/")
    assert str(caught.value).startswith("Your API did not start.\n  ")
    assert FAULTS[text] in str(caught.value)
    assert "coursekit" not in str(caught.value)


def test_a_start_that_never_ends(
    folder: Path, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "STARTUP_SECONDS", 0.3)
    write(folder, "while True:\n    pass\n")
    with pytest.raises(AppFailed, match="did not start within"):
        api.get("/")


def test_a_client_of_a_closed_application(app: asgi.Application, api: httpx.Client) -> None:
    app.close()
    with pytest.raises(CourseError, match="this kernel has left"):
        api.get("/async")


def test_a_scratch_file_has_an_application_of_its_own(folder: Path, app: asgi.Application) -> None:
    scratch = folder / "scratch/httpx.py"
    scratch.parent.mkdir()
    scratch.write_text("from fastapi import FastAPI\n\napp = FastAPI(title='S')\n")
    other = asgi.Application(folder, {}, scratch)
    both = [httpx.get(one.url + "/openapi.json").json()["info"]["title"] for one in (app, other)]
    assert both == ["FastAPI", "S"]


def test_an_error_behind_a_scratch_file_shows_the_line_of_box_office(
    folder: Path, app: asgi.Application
) -> None:
    scratch = folder / "scratch/late.py"
    scratch.parent.mkdir()
    scratch.write_text("from boxoffice.app import create_app\n\napp = create_app()\n")
    other = asgi.Application(folder, {}, scratch)
    assert httpx.get(other.url + "/broken").status_code == 500
    line = other.crash()[-2]
    assert line.startswith("app.py, line ")
    assert line.endswith("in broken:  return 1 / 0")


def test_what_surrounds_it_stays_as_it_was(app: asgi.Application, api: httpx.Client) -> None:
    async def main() -> None:
        task, running = asyncio.current_task(), asyncio.get_running_loop()
        before = (os.getcwd(), dict(os.environ), [*sys.path], sys.stdout, time.sleep)
        assert api.get("/async").status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            api.get("/loops", timeout=0.2)
        assert (os.getcwd(), dict(os.environ), [*sys.path], sys.stdout, time.sleep) == before
        assert asyncio.current_task() is task
        assert asyncio.get_running_loop() is running
        await asyncio.sleep(0)
        assert not [name for name in sys.modules if name.startswith("boxoffice")]

    asyncio.run(main())


def test_a_task_that_nothing_can_wake_is_told_at_once() -> None:
    loop.install()  # without input and output: nobody can come and wake it
    with pytest.raises(loop.Stuck):
        loop.run_inline(asyncio.Event().wait())


def test_limits_may_be_nested() -> None:
    with clock.limit(30):
        with pytest.raises(clock.Expired), clock.limit(0.05) as inner:
            time.sleep(10)
        assert inner.is_over
        time.sleep(0.01)


def test_an_error_of_the_learners_cannot_catch_the_clock(tmp_path: Path) -> None:
    names: dict[str, object] = {}
    code = "def stubborn():\n  while True:\n    try:\n      while True: pass\n"
    code += "    except Exception: pass\n"
    exec(compile(code, str(tmp_path / "stubborn.py"), "exec"), names)
    with pytest.raises(clock.Expired), clock.limit(0.1):
        names["stubborn"]()  # type: ignore[operator]


def test_the_finished_box_office_of_chapter_1_answers(tmp_path: Path) -> None:
    loop.install(Loop)
    course.write_files(course.files_after("1.4"), tmp_path)
    application = asgi.Application(tmp_path, {})
    api = httpx.Client(base_url=application.url, transport=application.transport())
    assert api.get("/health").status_code == 200
    assert len(api.get("/v1/shows").json()["items"]) > 5
    query = "{ shows { title performances { startsAt venue { city } } } }"
    assert "errors" not in api.post("/graphql", json={"query": query}).json()
    assert api.post("/v1/shows", json={"title": ""}).status_code == 422
    application.close()
