"""A person before a browser, as far as HTTP goes: signs in to a hub, and works on their server."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import websocket

SETTINGS = 'id="jupyter-config-data"'
SPAWN_SECONDS = 90.0


class Visitor:
    """One person with cookies of their own. Close it when done."""

    def __init__(self, hub: str, name: str, password: str) -> None:
        self.name, self._password = name, password
        self._http = httpx.Client(base_url=hub, timeout=60, follow_redirects=True)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def sign_in(self, password: str | None = None) -> httpx.Response:
        """The form of the hub, filled in; the page that comes then."""
        self._http.get("/hub/login")
        form = {
            "username": self.name,
            "password": self._password if password is None else password,
            "_xsrf": self._xsrf("/hub/"),
        }
        return self._http.post("/hub/login", data=form, follow_redirects=False)

    def begin(self) -> None:
        """Ask for the server, as the page after the sign-in does."""
        self._http.get("/hub/spawn", follow_redirects=False)

    def wait(self) -> str:
        """Until the server answers; the page of JupyterLab."""
        deadline = time.monotonic() + SPAWN_SECONDS
        while True:
            answer = self._http.get(f"/user/{self.name}/lab")
            if answer.status_code == 200 and SETTINGS in answer.text:
                return answer.text
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}'s server: {answer.status_code} {answer.url}")
            time.sleep(0.05)

    def get(self, url: str) -> httpx.Response:
        """Any address, with this person's cookies."""
        return self._http.get(url)

    def _xsrf(self, path: str) -> str:
        found = [
            cookie.value or "" for cookie in self._http.cookies.jar
            if cookie.name == "_xsrf" and cookie.path == path
        ]  # fmt: skip
        return found[-1] if found else ""

    def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        """A request to this person's own server."""
        home = f"/user/{self.name}/"
        headers = {"X-XSRFToken": self._xsrf(home)}
        return self._http.request(method, f"{home}{path}", headers=headers, **how)

    def json(self, method: str, path: str, **how: Any) -> Any:
        answer = self.call(method, path, **how)
        if answer.status_code >= 400:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def lab_settings(self) -> dict[str, Any]:
        """What the page of JupyterLab tells its own code."""
        text = self.wait().partition(SETTINGS)[2].partition(">")[2].partition("</script>")[0]
        found: dict[str, Any] = json.loads(text)
        return found

    def names(self, path: str = "") -> list[str]:
        """What is in a folder of theirs."""
        listed = self.json("GET", f"api/contents/{quote(path)}")["content"]
        return [one["name"] for one in listed]

    def text(self, path: str) -> str:
        """A file of theirs, as text."""
        model = self.json("GET", f"api/contents/{quote(path)}", params={"format": "text"})
        return str(model["content"])

    def text_if_there(self, path: str) -> str:
        answer = self.call("GET", f"api/contents/{quote(path)}", params={"format": "text"})
        return str(answer.json()["content"]) if answer.status_code == 200 else ""

    def terminal(self, line: str) -> None:
        """Type a line into a terminal of theirs."""
        name = self.json("POST", "api/terminals")["name"]
        with self._socket(f"terminals/websocket/{name}") as open_socket:
            open_socket.send(json.dumps(["stdin", f"{line}\r"]))

    @contextlib.contextmanager
    def kernel(self, notebook: str) -> Iterator[Kernel]:
        """The kernel of a notebook, as opening it starts one."""
        model = self.json(
            "POST",
            "api/sessions",
            json={"path": notebook, "name": "", "type": "notebook", "kernel": {"name": "python3"}},
        )
        session, number = model["id"], model["kernel"]["id"]
        try:
            with self._socket(f"api/kernels/{number}/channels?session_id={session}") as channel:
                yield Kernel(channel, session)
        finally:
            self.json("DELETE", f"api/sessions/{session}")

    @contextlib.contextmanager
    def _socket(self, path: str) -> Iterator[websocket.WebSocket]:
        base = str(self._http.base_url).replace("http", "ws", 1).rstrip("/")
        url = f"{base}/user/{self.name}/{path}"
        request = self._http.build_request("GET", f"/user/{self.name}/{path}")
        opened = websocket.create_connection(
            url,
            timeout=60,
            cookie=request.headers.get("cookie", ""),
            origin=base.replace("ws", "http", 1),
        )
        try:
            yield opened
        finally:
            opened.close()

    # --- what a learner does ---

    def assignments(self, action: str = "", assignment: str = "") -> list[dict[str, Any]]:
        """nbgrader's list; with an action (`fetch`, `submit`, `fetch_feedback`) after it."""
        words = {"course_id": "box-office"}
        if action:
            said = self.json(
                "POST", f"assignments/{action}", data={**words, "assignment_id": assignment}
            )
        else:
            said = self.json("GET", "assignments", params=words)
        if not said["success"]:
            raise AssertionError(said["value"])
        found: list[dict[str, Any]] = said["value"]
        return found

    def notebook(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("GET", f"api/contents/{quote(path)}")["content"]
        return found

    def save(self, path: str, notebook: dict[str, Any]) -> None:
        body = {"type": "notebook", "content": notebook}
        self.json("PUT", f"api/contents/{quote(path)}", json=body)

    # --- what a lead does ---

    def formgrader(self, path: str, method: str = "POST") -> Any:
        said = self.json(method, f"formgrader/api/{path}")
        if isinstance(said, dict) and said.get("success") is False:
            raise AssertionError(json.dumps(said, indent=1).replace("\\n", "\n"))
        return said


class Kernel:
    """A kernel behind Jupyter's WebSocket."""

    def __init__(self, channel: websocket.WebSocket, session: str) -> None:
        self._channel, self._session = channel, session

    def ask(self, kind: str, content: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Send a request; all messages about it, until its reply came and the kernel is idle."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": kind, "session": self._session, "username": "",
                  "version": "5.3", "date": ""}  # fmt: skip
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content,
                   "channel": "shell", "buffers": []}  # fmt: skip
        self._channel.send(json.dumps(message))
        missing = {"reply", "idle"}
        while missing:
            said = json.loads(self._channel.recv())
            if said["parent_header"].get("msg_id") != number:
                continue
            yield said
            if said["channel"] == "shell":
                missing.discard("reply")
            if said["content"].get("execution_state") == "idle":
                missing.discard("idle")

    def ready(self) -> None:
        """Until it answers."""
        for _ in self.ask("kernel_info_request", {}):
            pass

    def run(self, code: str) -> str:
        """Run a cell; its plain text. Raises AssertionError with the traceback."""
        shown = ""
        asked = {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                 "allow_stdin": False, "stop_on_error": True}  # fmt: skip
        for said in self.ask("execute_request", asked):
            content = said["content"]
            if said["msg_type"] == "stream":
                shown += content["text"]
            elif said["msg_type"] in {"display_data", "execute_result"}:
                shown += content["data"].get("text/plain", "") + "\n"
            elif said["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))
        return shown
