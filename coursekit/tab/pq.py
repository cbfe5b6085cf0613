"""psycopg's `pq`, its binding to the C library libpq, written in Python.

psycopg asks it to speak PostgreSQL's protocol and to say what came; all else (types, cursors,
transactions, errors, the async side) stays psycopg's own. The bytes go through a `Wire`: in a
browser tab to PostgreSQL in the same page, in the tests through a socket to a real server.

Loaded as `psycopg.pq.pq_ctypes`, see `postgres.install`. The names are those of `psycopg.pq.abc`.
"""

from __future__ import annotations

import os
import re
import struct
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from psycopg import errors
from psycopg._encodings import pg2pyenc
from psycopg.pq._enums import (
    ConnStatus,
    DiagnosticField,
    ExecStatus,
    PipelineStatus,
    PollingStatus,
    TransactionStatus,
)
from psycopg.pq.misc import (
    ConninfoOption,
    PGnotify,
    PGresAttDesc,
    _clean_error_message,
    connection_summary,
)

__impl__ = "python"
__build_version__ = 180000

Buffer = bytes | bytearray | memoryview
Values = Sequence[Buffer | None] | None


def version() -> int:
    """The version of libpq whose features are here."""
    return __build_version__


class Wire(Protocol):
    """The way of one connection to PostgreSQL."""

    prefix: bytes
    """What sets the names of this connection's prepared statements apart, in a shared session."""

    def send(self, data: bytes) -> None: ...

    def receive(self, wait: bool) -> bytes:
        """What came; b"" where nothing did yet, or, with `wait`, where nothing will."""

    def fileno(self) -> int: ...

    def close(self) -> None: ...


def _no_server(parameters: Mapping[str, str]) -> Wire:
    raise OSError("no PostgreSQL is known here")


open_wire: Callable[[Mapping[str, str]], Wire] = _no_server
"""Opens the way to the server that the parameters of a connection name."""


# --- results ------------------------------------------------------------------------------


class PGresult:
    """What one statement gave: rows, a command's tag, or an error."""

    __slots__ = ("_status", "command_status", "errors", "fields", "parameters", "query", "rows")

    def __init__(self, status: int) -> None:
        self._status = status
        self.fields: list[PGresAttDesc] = []
        self.rows: list[list[bytes | None]] = []
        self.parameters: tuple[int, ...] = ()
        self.command_status: bytes | None = None
        self.errors: dict[int, bytes] = {}
        self.query = b""

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} [{ExecStatus(self.status).name}] at 0x{id(self):x}>"

    def clear(self) -> None:
        self.rows = []

    @property
    def pgresult_ptr(self) -> int | None:
        return None

    @property
    def status(self) -> int:
        return self._status

    @property
    def error_message(self) -> bytes:
        return _told(self.errors, self.query) if self.errors else b""

    def get_error_message(self, encoding: str = "utf-8") -> str:
        return _clean_error_message(self.error_message, encoding)

    def error_field(self, fieldcode: int) -> bytes | None:
        return self.errors.get(int(fieldcode))

    @property
    def ntuples(self) -> int:
        return len(self.rows)

    @property
    def nfields(self) -> int:
        return len(self.fields)

    def _field(self, number: int) -> PGresAttDesc | None:
        return self.fields[number] if 0 <= number < len(self.fields) else None

    def fname(self, column_number: int) -> bytes | None:
        field = self._field(column_number)
        return field.name if field else None

    def ftable(self, column_number: int) -> int:
        field = self._field(column_number)
        return field.tableid if field else 0

    def ftablecol(self, column_number: int) -> int:
        field = self._field(column_number)
        return field.columnid if field else 0

    def fformat(self, column_number: int) -> int:
        field = self._field(column_number)
        return field.format if field else 0

    def ftype(self, column_number: int) -> int:
        field = self._field(column_number)
        return field.typid if field else 0

    def fmod(self, column_number: int) -> int:
        field = self._field(column_number)
        return field.atttypmod if field else 0

    def fsize(self, column_number: int) -> int:
        field = self._field(column_number)
        return field.typlen if field else 0

    @property
    def binary_tuples(self) -> int:
        return int(bool(self.fields) and all(field.format for field in self.fields))

    def get_value(self, row_number: int, column_number: int) -> bytes | None:
        if 0 <= row_number < len(self.rows) and 0 <= column_number < len(self.fields):
            return self.rows[row_number][column_number]
        return None

    @property
    def nparams(self) -> int:
        return len(self.parameters)

    def param_type(self, param_number: int) -> int:
        return self.parameters[param_number] if 0 <= param_number < self.nparams else 0

    @property
    def command_tuples(self) -> int | None:
        last = (self.command_status or b"").rpartition(b" ")[2]
        return int(last) if last.isdigit() else None

    @property
    def oid_value(self) -> int:
        parts = (self.command_status or b"").split(b" ")
        return int(parts[1]) if parts[0] == b"INSERT" and len(parts) == 3 else 0

    def set_attributes(self, descriptions: list[PGresAttDesc]) -> None:
        self.fields = list(descriptions)


SHOWN_COLUMNS = 60
SHOWN_RIGHT = 10


def _told(fields: Mapping[int, bytes], query: bytes) -> bytes:
    """The text that psql and libpq make of an error's fields."""

    def field(code: DiagnosticField) -> str:
        return fields.get(code, b"").decode("utf-8", "replace")

    kind = field(DiagnosticField.SEVERITY)
    lines = [f"{kind}:  {field(DiagnosticField.MESSAGE_PRIMARY)}"]
    if place := field(DiagnosticField.STATEMENT_POSITION):
        lines += _shown_place(query.decode("utf-8", "replace"), int(place))
    elif place := field(DiagnosticField.INTERNAL_POSITION):
        lines += _shown_place(field(DiagnosticField.INTERNAL_QUERY), int(place))
    for label, code in (
        ("DETAIL", DiagnosticField.MESSAGE_DETAIL),
        ("HINT", DiagnosticField.MESSAGE_HINT),
        ("QUERY", DiagnosticField.INTERNAL_QUERY),
        ("CONTEXT", DiagnosticField.CONTEXT),
    ):
        # libpq tells where a function was only of what failed
        if (text := field(code)) and not (label == "CONTEXT" and kind in ("NOTICE", "WARNING")):
            lines.append(f"{label}:  {text}")
    return ("\n".join(lines) + "\n").encode()


def _shown_place(query: str, place: int) -> list[str]:
    """The line of a query that a position is in, cut as libpq cuts it, with a mark below."""
    at = place - 1
    if not 0 <= at <= len(query):
        return []
    before = re.split(r"\r\n|\r|\n", query[:at])
    line = before[-1] + re.split(r"[\r\n]", query[at:])[0]
    line, begin, end, column = line.replace("\t", " "), 0, 0, len(before[-1])
    end = len(line)
    if end > SHOWN_COLUMNS:
        if column + SHOWN_RIGHT <= SHOWN_COLUMNS:
            end = SHOWN_COLUMNS
        else:
            end = min(end, column + SHOWN_RIGHT)
            begin = max(0, end - SHOWN_COLUMNS)
    head = f"LINE {len(before)}: {'...' if begin else ''}"
    tail = "..." if end < len(line) else ""
    return [f"{head}{line[begin:end]}{tail}", " " * (len(head) + column - begin) + "^"]


# --- the protocol's messages --------------------------------------------------------------

READY_STATES = {
    ord("I"): TransactionStatus.IDLE,
    ord("T"): TransactionStatus.INTRANS,
    ord("E"): TransactionStatus.INERROR,
}


def _message(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return kind + struct.pack("!i", len(body) + 4) + body


SYNC = _message(b"S")
FLUSH = _message(b"H")
EXECUTE = _message(b"E", b"\0\0\0\0\0")
DESCRIBE_RESULT = _message(b"D", b"P\0")


def _parse(name: bytes, command: bytes, types: Sequence[int] | None) -> bytes:
    kinds = [int(oid) for oid in types or ()]
    return _message(b"P", name, b"\0", command, b"\0", struct.pack(f"!h{len(kinds)}I", len(kinds), *kinds))  # noqa: E501  # fmt: skip


def _bind(name: bytes, values: Values, formats: Sequence[int] | None, result: int) -> bytes:
    values, formats = values or (), [int(one) for one in formats or ()]
    parts = [b"\0", name, b"\0", struct.pack(f"!h{len(formats)}h", len(formats), *formats)]
    parts.append(struct.pack("!h", len(values)))
    for value in values:
        if value is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            parts += struct.pack("!i", len(value)), bytes(value)
    return _message(b"B", *parts, struct.pack("!hh", 1, int(result)))


def startup(parameters: Mapping[str, str]) -> bytes:
    """The message that a connection begins with."""
    known = {"user", "dbname", "options", "application_name", "client_encoding"}
    pairs = [
        ("database" if key == "dbname" else key, value)
        for key, value in parameters.items()
        if key in known and value
    ]
    body = b"".join(part.encode() + b"\0" for pair in pairs for part in pair) + b"\0"
    return struct.pack("!ii", len(body) + 8, 196608) + body


def _words(body: bytes) -> dict[int, bytes]:
    """The fields of an error or a notice."""
    found = {}
    for part in body.split(b"\0"):
        if part:
            found[part[0]] = part[1:]
    return found


def _columns(body: bytes) -> list[PGresAttDesc]:
    found, at = [], 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        end = body.index(b"\0", at)
        table, column, oid, size, mod, format_ = struct.unpack_from("!IhIhih", body, end + 1)
        found.append(PGresAttDesc(body[at:end], table, column, format_, oid, size, mod))
        at = end + 19
    return found


_LENGTH = struct.Struct("!i").unpack_from


def _values(body: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    at, end = 2, len(body)
    while at < end:
        (size,) = _LENGTH(body, at)
        at += 4
        if size < 0:
            found.append(None)
        else:
            found.append(body[at : at + size])
            at += size
    return found


@dataclass
class Command:
    """One that was sent, and whose answer is not complete."""

    kind: str
    """query, extended, prepare, describe, close or sync."""
    query: bytes = b""


# --- a connection -------------------------------------------------------------------------


class PGconn:
    """One connection; see `psycopg.pq.abc.PGconn`."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.notice_handler: Callable[[PGresult], None] | None = None
        self.notify_handler: Callable[[PGnotify], None] | None = None
        self.nonblocking = 0
        self._parameters = dict(parameters)
        self._wire: Wire | None = None
        self._bad = b""
        self._out = bytearray()
        self._in = bytearray()
        self._server: dict[bytes, bytes] = {}
        self._pid = 0
        self._state = TransactionStatus.IDLE
        self._commands: deque[Command] = deque()
        self._ready: deque[PGresult | None] = deque()
        self._current: PGresult | None = None
        self._types: tuple[int, ...] = ()
        self._pipeline = PipelineStatus.OFF
        self._rows_at_once = 0
        self._copied: deque[bytes | None] = deque()
        self._notified: deque[PGnotify] = deque()
        self._names: set[bytes] = set()

    def __repr__(self) -> str:
        said = connection_summary(self)  # type: ignore[arg-type]
        return f"<{type(self).__qualname__} {said} at 0x{id(self):x}>"

    def __del__(self) -> None:
        self.finish()

    # --- beginning and end

    @classmethod
    def connect(cls, conninfo: bytes) -> PGconn:
        return cls.connect_start(conninfo)

    @classmethod
    def connect_start(cls, conninfo: bytes) -> PGconn:
        """Connect, and wait for it: there is nothing to do meanwhile."""
        parameters = {
            option.keyword.decode(): (option.val or option.compiled or b"").decode()
            for option in _with_environment(Conninfo.parse(conninfo))
        }
        parameters["user"] = parameters["user"] or "postgres"
        parameters["dbname"] = parameters["dbname"] or parameters["user"]
        connection = cls(parameters)
        connection._begin()
        return connection

    def _begin(self) -> None:
        try:
            self._wire = open_wire(self._parameters)
            self._commands.append(Command("query"))
            self._wire.send(startup(self._parameters))
            while (result := self.get_result()) is not None:
                if result.status == ExecStatus.FATAL_ERROR:
                    self._break(result.error_message)
                    break
        except (OSError, errors.OperationalError) as error:
            self._break(str(error).encode())

    def _break(self, why: bytes) -> None:
        self._bad = why or b"the connection is lost"
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        while self._commands:
            self._commands.popleft()
            self._ready.append(None)

    def connect_poll(self) -> int:
        return PollingStatus.OK if self.status == ConnStatus.OK else PollingStatus.FAILED

    def finish(self) -> None:
        wire, self._wire = getattr(self, "_wire", None), None
        if wire is not None:
            wire.close()

    def reset(self) -> None:
        self.finish()
        self.__init__(self._parameters)  # type: ignore[misc]
        self._begin()

    reset_start = reset
    reset_poll = connect_poll

    @classmethod
    def ping(cls, conninfo: bytes) -> int:
        return 0 if cls.connect(conninfo).status == ConnStatus.OK else 2

    def _open(self) -> Wire:
        if self._wire is None:
            raise errors.OperationalError("the connection is closed")
        return self._wire

    # --- what it is

    pgconn_ptr = None

    @property
    def info(self) -> list[ConninfoOption]:
        self._open()
        return [
            option._replace(val=self._parameters.get(option.keyword.decode(), "").encode() or None)
            for option in Conninfo.get_defaults()
        ]

    def _parameter(self, name: str) -> bytes:
        self._open()
        return self._parameters.get(name, "").encode()

    @property
    def db(self) -> bytes:
        return self._parameter("dbname")

    @property
    def user(self) -> bytes:
        return self._parameter("user")

    @property
    def password(self) -> bytes:
        return self._parameter("password")

    @property
    def host(self) -> bytes:
        return self._parameter("host")

    @property
    def hostaddr(self) -> bytes:
        return self._parameter("hostaddr")

    @property
    def port(self) -> bytes:
        return self._parameter("port")

    @property
    def tty(self) -> bytes:
        return b""

    @property
    def options(self) -> bytes:
        return self._parameter("options")

    @property
    def status(self) -> int:
        return ConnStatus.BAD if self._wire is None else ConnStatus.OK

    @property
    def transaction_status(self) -> int:
        if self._wire is None:
            return TransactionStatus.UNKNOWN
        return TransactionStatus.ACTIVE if self._commands else self._state

    def parameter_status(self, name: bytes) -> bytes | None:
        self._open()
        return self._server.get(name)

    @property
    def error_message(self) -> bytes:
        return self._bad

    def get_error_message(self, encoding: str = "") -> str:
        return _clean_error_message(self.error_message, encoding or self._encoding)

    @property
    def _encoding(self) -> str:
        return pg2pyenc(self._server.get(b"client_encoding", b"UTF8"))

    @property
    def protocol_version(self) -> int:
        return 3

    @property
    def full_protocol_version(self) -> int:
        return 30000

    @property
    def server_version(self) -> int:
        self._open()
        words = self._server.get(b"server_version", b"0").split()[0].split(b".")
        major, minor = int(re.sub(rb"\D.*", b"", words[0])), 0
        if len(words) > 1:
            minor = int(re.sub(rb"\D.*", b"", words[1]) or 0)
        return major * 10000 + minor

    @property
    def socket(self) -> int:
        if self._wire is None:
            raise errors.OperationalError("the connection is lost")
        return self._wire.fileno()

    @property
    def backend_pid(self) -> int:
        self._open()
        return self._pid

    needs_password = used_password = used_gssapi = ssl_in_use = False

    # --- asking

    def _queue(self, command: Command, *messages: bytes) -> None:
        """Write a command down for `flush` to send."""
        if self._wire is None:
            raise errors.OperationalError("sending query failed: the connection is closed")
        if self._commands and self._pipeline == PipelineStatus.OFF:
            raise errors.OperationalError(
                "sending query failed: another command is already in progress"
            )
        if self._pipeline == PipelineStatus.OFF:
            self._rows_at_once = 0
            if command.kind not in ("query", "sync"):
                messages = (*messages, SYNC)
        self._commands.append(command)
        self._out += b"".join(messages)

    def _all(self) -> PGresult:
        """Send, wait, and return the last result, as `PQexec` does."""
        self.flush()
        last = PGresult(ExecStatus.EMPTY_QUERY)
        while (result := self.get_result()) is not None:
            last = result
            if result.status in (ExecStatus.COPY_IN, ExecStatus.COPY_OUT):
                break
        return last

    def exec_(self, command: bytes) -> PGresult:
        self.send_query(command)
        return self._all()

    def send_query(self, command: bytes) -> None:
        _need_bytes(command)
        if self._wire is not None and self._wire.prefix and command == b"DEALLOCATE ALL":
            self._close_all()  # those of this connection, not of all that share the session
            return
        self._queue(Command("query", command), _message(b"Q", command, b"\0"))

    def exec_params(
        self, command: bytes, param_values: Values, param_types: Sequence[int] | None = None,
        param_formats: Sequence[int] | None = None, result_format: int = 0,
    ) -> PGresult:  # fmt: skip
        self.send_query_params(command, param_values, param_types, param_formats, result_format)
        return self._all()

    def send_query_params(
        self, command: bytes, param_values: Values, param_types: Sequence[int] | None = None,
        param_formats: Sequence[int] | None = None, result_format: int = 0,
    ) -> None:  # fmt: skip
        _need_bytes(command)
        _need_as_many(param_values, param_types, param_formats)
        self._queue(
            Command("extended", command),
            _parse(b"", command, param_types),
            _bind(b"", param_values, param_formats, result_format),
            DESCRIBE_RESULT,
            EXECUTE,
        )

    def prepare(
        self, name: bytes, command: bytes, param_types: Sequence[int] | None = None
    ) -> PGresult:
        self.send_prepare(name, command, param_types)
        return self._all()

    def send_prepare(
        self, name: bytes, command: bytes, param_types: Sequence[int] | None = None
    ) -> None:
        _need_bytes(command)
        named = self._named(name)
        self._queue(Command("prepare", command), _parse(named, command, param_types))
        if name:
            self._names.add(named)

    def _named(self, name: bytes) -> bytes:
        return self._open().prefix + name if name else name

    def exec_prepared(
        self, name: bytes, param_values: Values, param_formats: Sequence[int] | None = None,
        result_format: int = 0,
    ) -> PGresult:  # fmt: skip
        self.send_query_prepared(name, param_values, param_formats, result_format)
        return self._all()

    def send_query_prepared(
        self, name: bytes, param_values: Values, param_formats: Sequence[int] | None = None,
        result_format: int = 0,
    ) -> None:  # fmt: skip
        _need_as_many(param_values, None, param_formats)
        self._queue(
            Command("extended"),
            _bind(self._named(name), param_values, param_formats, result_format),
            DESCRIBE_RESULT,
            EXECUTE,
        )

    def describe_prepared(self, name: bytes) -> PGresult:
        self.send_describe_prepared(name)
        return self._all()

    def send_describe_prepared(self, name: bytes) -> None:
        self._queue(Command("describe"), _message(b"D", b"S", self._named(name), b"\0"))

    def describe_portal(self, name: bytes) -> PGresult:
        self.send_describe_portal(name)
        return self._all()

    def send_describe_portal(self, name: bytes) -> None:
        self._queue(Command("describe"), _message(b"D", b"P", name, b"\0"))

    def close_prepared(self, name: bytes) -> PGresult:
        self.send_close_prepared(name)
        return self._all()

    def send_close_prepared(self, name: bytes) -> None:
        named = self._named(name)
        self._names.discard(named)
        self._queue(Command("close"), _message(b"C", b"S", named, b"\0"))

    def _close_all(self) -> None:
        names, self._names = sorted(self._names) or [b""], set()
        self._queue(Command("close"), *(_message(b"C", b"S", name, b"\0") for name in names))

    def close_portal(self, name: bytes) -> PGresult:
        self.send_close_portal(name)
        return self._all()

    def send_close_portal(self, name: bytes) -> None:
        self._queue(Command("close"), _message(b"C", b"P", name, b"\0"))

    def flush(self) -> int:
        """Send what is written down; 0: all of it is sent."""
        if self._wire is None:
            raise errors.OperationalError("flushing failed: the connection is closed")
        if self._out:
            data = bytes(self._out)
            self._out.clear()
            try:
                self._wire.send(data)
            except errors.Error:
                # It was not sent at all: the connection is as it was before the command.
                self._commands.clear()
                raise
            except OSError as error:
                self._break(str(error).encode())
                raise errors.OperationalError(f"flushing failed: {error}") from None
        return 0

    # --- hearing

    def consume_input(self) -> None:
        self._hear(wait=False)

    def is_busy(self) -> int:
        if not self._ready and self._commands:
            self._hear(wait=False)
        return int(not self._ready and bool(self._commands))

    def get_result(self) -> PGresult | None:
        while not self._ready and self._commands:
            self._hear(wait=True)
        return self._ready.popleft() if self._ready else None

    def _hear(self, wait: bool) -> None:
        if self._wire is None:
            return
        try:
            data = self._wire.receive(wait)
        except OSError as error:
            self._break(str(error).encode())
            raise errors.OperationalError(f"consuming input failed: {error}") from None
        if wait and not data:
            self._break(b"server closed the connection unexpectedly")
            raise errors.OperationalError(
                "consuming input failed: server closed the connection unexpectedly"
            )
        if data:
            self._in += data
            for kind, body in self._messages():
                handle = _HANDLERS.get(kind)
                if handle is not None:
                    handle(self, body)

    def _messages(self) -> Iterator[tuple[int, bytes]]:
        """The whole messages that have come; a part of one stays."""
        data, at = bytes(self._in), 0
        self._in.clear()
        while len(data) - at >= 5:
            (size,) = _LENGTH(data, at + 1)
            if len(data) - at <= size:
                break
            yield data[at], data[at + 5 : at + 1 + size]
            at += size + 1
        self._in[:0] = data[at:]

    def _result(self, status: int) -> PGresult:
        result = PGresult(status)
        if self._commands:
            result.query = self._commands[0].query
        return result

    def _give(self, result: PGresult) -> None:
        """A statement is complete; in a pipeline its command is too.

        Not so a sync: an error that comes there is the commit's, and `_on_ready` follows.
        """
        self._ready.append(result)
        self._current = None
        if self._pipeline != PipelineStatus.OFF and self._commands:
            self._rows_at_once = 0
            if self._commands[0].kind != "sync":
                self._commands.popleft()
            self._ready.append(None)

    def _skip_to_sync(self) -> None:
        """After an error in a pipeline PostgreSQL ignores what follows, up to the next sync."""
        self._pipeline = PipelineStatus.ABORTED
        while self._commands and self._commands[0].kind != "sync":
            self._give(self._result(ExecStatus.PIPELINE_ABORTED))

    def _on_parameter(self, body: bytes) -> None:
        name, _, rest = body.partition(b"\0")
        self._server[name] = rest.rstrip(b"\0")

    def _on_authentication(self, body: bytes) -> None:
        (how,) = _LENGTH(body, 0)
        if how:
            result = self._result(ExecStatus.FATAL_ERROR)
            result.errors = {ord("S"): b"FATAL", ord("M"): b"the server asks for a password"}
            self._give(result)

    def _on_key(self, body: bytes) -> None:
        (self._pid,) = _LENGTH(body, 0)

    def _on_ready(self, body: bytes) -> None:
        self._state = READY_STATES[body[0]]
        self._current = None
        if self._pipeline != PipelineStatus.OFF:
            while self._commands and self._commands[0].kind != "sync":
                self._give(self._result(ExecStatus.PIPELINE_ABORTED))
            if self._commands:
                self._commands.popleft()
            self._pipeline = PipelineStatus.ON
            self._ready.append(PGresult(ExecStatus.PIPELINE_SYNC))
        elif self._commands and self._commands.popleft().kind != "sync":
            self._ready.append(None)

    def _on_columns(self, body: bytes) -> None:
        described = bool(self._commands) and self._commands[0].kind == "describe"
        status = ExecStatus.COMMAND_OK if described else ExecStatus.TUPLES_OK
        self._current = self._result(status)
        self._current.fields = _columns(body)
        self._current.parameters, self._types = self._types, ()
        if described:
            self._give(self._current)

    def _on_row(self, body: bytes) -> None:
        if self._current is None:
            return
        self._current.rows.append(_values(body))
        if self._rows_at_once and len(self._current.rows) >= self._rows_at_once:
            self._part()

    def _part(self) -> None:
        """Hand out the rows that came so far, where they are wanted one by one."""
        assert self._current is not None
        one = self._rows_at_once == 1
        part = self._result(ExecStatus.SINGLE_TUPLE if one else ExecStatus.TUPLES_CHUNK)
        part.fields, part.rows = self._current.fields, self._current.rows
        self._current.rows = []
        self._ready.append(part)

    def _on_command(self, body: bytes) -> None:
        if self._current is not None and self._rows_at_once > 1 and self._current.rows:
            self._part()
        result = self._current or self._result(ExecStatus.COMMAND_OK)
        result.command_status = body.rstrip(b"\0")
        self._give(result)

    def _on_empty(self, _: bytes) -> None:
        self._give(self._result(ExecStatus.EMPTY_QUERY))

    def _on_parsed(self, _: bytes) -> None:
        if self._commands and self._commands[0].kind == "prepare":
            self._give(self._result(ExecStatus.COMMAND_OK))

    def _on_closed(self, _: bytes) -> None:
        if self._commands and self._commands[0].kind == "close":
            self._give(self._result(ExecStatus.COMMAND_OK))

    def _on_types(self, body: bytes) -> None:
        (count,) = struct.unpack_from("!h", body)
        self._types = struct.unpack_from(f"!{count}I", body, 2)

    def _on_no_data(self, _: bytes) -> None:
        if self._commands and self._commands[0].kind == "describe":
            result = self._result(ExecStatus.COMMAND_OK)
            result.parameters, self._types = self._types, ()
            self._give(result)

    def _on_error(self, body: bytes) -> None:
        result = self._result(ExecStatus.FATAL_ERROR)
        result.errors = _words(body)
        self._types = ()
        self._give(result)
        self._copied.append(None)
        if self._pipeline != PipelineStatus.OFF:
            self._skip_to_sync()
        if result.errors.get(DiagnosticField.SEVERITY_NONLOCALIZED) in (b"FATAL", b"PANIC"):
            self._bad = result.error_message

    def _on_notice(self, body: bytes) -> None:
        result = PGresult(ExecStatus.NONFATAL_ERROR)
        result.errors = _words(body)
        if self.notice_handler is not None:
            self.notice_handler(result)

    def _on_notification(self, body: bytes) -> None:
        (pid,) = _LENGTH(body, 0)
        channel, payload, _ = body[4:].split(b"\0", 2)
        self._notified.append(PGnotify(channel, pid, payload))

    def notifies(self) -> PGnotify | None:
        return self._notified.popleft() if self._notified else None

    # --- rows one by one, pipelines, copies

    def set_single_row_mode(self) -> None:
        self._rows_at_once = 1

    def set_chunked_rows_mode(self, size: int) -> None:
        self._rows_at_once = size

    @property
    def pipeline_status(self) -> int:
        return self._pipeline

    def enter_pipeline_mode(self) -> None:
        if self._commands:
            raise errors.OperationalError("cannot enter pipeline mode, connection not idle")
        self._rows_at_once = 0
        self._pipeline = PipelineStatus.ON

    def exit_pipeline_mode(self) -> None:
        if self._commands or self._ready:
            raise errors.OperationalError("cannot exit pipeline mode with uncollected results")
        self._pipeline = PipelineStatus.OFF

    def pipeline_sync(self) -> None:
        if self._pipeline == PipelineStatus.OFF:
            raise errors.OperationalError("connection not in pipeline mode")
        self._queue(Command("sync"), SYNC)
        self.flush()

    def send_flush_request(self) -> None:
        self._out += FLUSH

    def _on_copy(self, status: int, body: bytes) -> None:
        result = self._result(status)
        overall, count = struct.unpack_from("!bh", body)
        formats = struct.unpack_from(f"!{count}h", body, 3)
        result.fields = [PGresAttDesc(b"", 0, 0, one or overall, 0, 0, 0) for one in formats]
        self._copied.clear()
        self._ready.append(result)

    def _on_copy_in(self, body: bytes) -> None:
        self._on_copy(ExecStatus.COPY_IN, body)

    def _on_copy_out(self, body: bytes) -> None:
        self._on_copy(ExecStatus.COPY_OUT, body)

    def _on_copy_data(self, body: bytes) -> None:
        self._copied.append(body)

    def _on_copy_done(self, _: bytes) -> None:
        self._copied.append(None)

    def put_copy_data(self, buffer: Buffer) -> int:
        self._open()
        self._out += _message(b"d", bytes(buffer))
        return 1

    def put_copy_end(self, error: bytes | None = None) -> int:
        self._open()
        self._out += _message(b"c") if error is None else _message(b"f", error, b"\0")
        if self._commands and self._commands[0].kind != "query":
            self._out += SYNC
        return 1

    def get_copy_data(self, async_: int) -> tuple[int, memoryview]:
        if not self._copied:
            self._hear(wait=not async_)
        if not self._copied:
            return 0, memoryview(b"")
        data = self._copied.popleft()
        return (-1, memoryview(b"")) if data is None else (len(data), memoryview(data))

    # --- what is not here

    def cancel_conn(self) -> PGcancelConn:
        return PGcancelConn()

    def get_cancel(self) -> PGcancel:
        return PGcancel()

    def trace(self, fileno: int) -> None:
        raise errors.NotSupportedError("no trace of the protocol is kept here")

    set_trace_flags = trace

    def untrace(self) -> None: ...

    def encrypt_password(self, passwd: bytes, user: bytes, algorithm: bytes | None = None) -> bytes:
        raise errors.NotSupportedError("passwords are not encrypted here")

    def change_password(self, user: bytes, passwd: bytes) -> None:
        raise errors.NotSupportedError("passwords are not changed here")

    def make_empty_result(self, exec_status: int) -> PGresult:
        result = PGresult(exec_status)
        if exec_status == ExecStatus.FATAL_ERROR:
            result.errors = {ord("S"): b"ERROR", ord("M"): self._bad}
        return result


_HANDLERS: dict[int, Callable[[PGconn, bytes], None]] = {
    ord("R"): PGconn._on_authentication,
    ord("S"): PGconn._on_parameter,
    ord("K"): PGconn._on_key,
    ord("Z"): PGconn._on_ready,
    ord("T"): PGconn._on_columns,
    ord("D"): PGconn._on_row,
    ord("C"): PGconn._on_command,
    ord("E"): PGconn._on_error,
    ord("N"): PGconn._on_notice,
    ord("A"): PGconn._on_notification,
    ord("I"): PGconn._on_empty,
    ord("1"): PGconn._on_parsed,
    ord("3"): PGconn._on_closed,
    ord("t"): PGconn._on_types,
    ord("n"): PGconn._on_no_data,
    ord("G"): PGconn._on_copy_in,
    ord("H"): PGconn._on_copy_out,
    ord("d"): PGconn._on_copy_data,
    ord("c"): PGconn._on_copy_done,
}


def _need_bytes(command: object) -> None:
    if not isinstance(command, bytes):
        raise TypeError(f"bytes expected, got {type(command)} instead")


def _need_as_many(
    values: Values, types: Sequence[int] | None, formats: Sequence[int] | None
) -> None:
    count = len(values or ())
    for name, given in (("types", types), ("formats", formats)):
        if given and len(given) != count:
            raise ValueError(f"got {count} param_values but {len(given)} param_{name}")


class PGcancelConn:
    """A statement here cannot be cancelled: nothing else runs meanwhile that could."""

    status = ConnStatus.OK
    socket = -1
    error_message = b""

    def start(self) -> None: ...

    def blocking(self) -> None: ...

    def poll(self) -> int:
        return PollingStatus.OK

    def get_error_message(self, encoding: str = "utf-8") -> str:
        return "no error details available"

    def reset(self) -> None: ...

    def finish(self) -> None: ...


class PGcancel:
    """See `PGcancelConn`."""

    def free(self) -> None: ...

    def cancel(self) -> None: ...


# --- addresses ----------------------------------------------------------------------------

OPTIONS: dict[str, tuple[str, str | None]] = {
    "service": ("PGSERVICE", None), "user": ("PGUSER", None),
    "password": ("PGPASSWORD", None), "passfile": ("PGPASSFILE", None),
    "channel_binding": ("PGCHANNELBINDING", "prefer"),
    "connect_timeout": ("PGCONNECT_TIMEOUT", None), "dbname": ("PGDATABASE", None),
    "host": ("PGHOST", None), "hostaddr": ("PGHOSTADDR", None), "port": ("PGPORT", "5432"),
    "client_encoding": ("PGCLIENTENCODING", None), "options": ("PGOPTIONS", ""),
    "application_name": ("PGAPPNAME", None), "fallback_application_name": ("", None),
    "keepalives": ("", None), "keepalives_idle": ("", None), "keepalives_interval": ("", None),
    "keepalives_count": ("", None), "tcp_user_timeout": ("", None),
    "sslmode": ("PGSSLMODE", "prefer"), "sslnegotiation": ("PGSSLNEGOTIATION", "postgres"),
    "sslcompression": ("PGSSLCOMPRESSION", "0"), "sslcert": ("PGSSLCERT", None),
    "sslkey": ("PGSSLKEY", None), "sslcertmode": ("PGSSLCERTMODE", None),
    "sslpassword": ("", None), "sslrootcert": ("PGSSLROOTCERT", None),
    "sslcrl": ("PGSSLCRL", None), "sslcrldir": ("PGSSLCRLDIR", None), "sslsni": ("PGSSLSNI", "1"),
    "requirepeer": ("PGREQUIREPEER", None), "require_auth": ("PGREQUIREAUTH", None),
    "min_protocol_version": ("PGMINPROTOCOLVERSION", None),
    "max_protocol_version": ("PGMAXPROTOCOLVERSION", None),
    "ssl_min_protocol_version": ("PGSSLMINPROTOCOLVERSION", "TLSv1.2"),
    "ssl_max_protocol_version": ("PGSSLMAXPROTOCOLVERSION", None),
    "gssencmode": ("PGGSSENCMODE", "disable"), "krbsrvname": ("PGKRBSRVNAME", "postgres"),
    "gsslib": ("PGGSSLIB", None), "gssdelegation": ("PGGSSDELEGATION", "0"),
    "replication": ("", None), "target_session_attrs": ("PGTARGETSESSIONATTRS", "any"),
    "load_balance_hosts": ("PGLOADBALANCEHOSTS", "disable"), "scram_client_key": ("", None),
    "scram_server_key": ("", None), "oauth_issuer": ("", None), "oauth_client_id": ("", None),
    "oauth_client_secret": ("", None), "oauth_scope": ("", None), "sslkeylogfile": ("", None),
}  # fmt: skip
"""Parameters of a connection: the variable and the value where nothing says else."""
SECRET = {"password", "sslpassword", "oauth_client_secret"}
PAIR = re.compile(
    r"\s*(?P<key>[^\s=]*)\s*=\s*"
    r"(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?!')(?P<plain>(?:[^\s\\]|\\.|\\$)*))",
    re.DOTALL,
)


class Conninfo:
    """Addresses of servers, as text and as parameters."""

    @classmethod
    def get_defaults(cls) -> list[ConninfoOption]:
        return [
            ConninfoOption(
                keyword=name.encode(),
                envvar=variable.encode() or None,
                compiled=None if value is None else value.encode(),
                val=None,
                label=name.encode(),
                dispchar=b"*" if name in SECRET else b"",
                dispsize=20,
            )
            for name, (variable, value) in OPTIONS.items()
        ]

    @classmethod
    def parse(cls, conninfo: bytes) -> list[ConninfoOption]:
        _need_bytes(conninfo)
        text = conninfo.decode()
        is_address = text.startswith(("postgresql://", "postgres://"))
        found: dict[str, str] = {}
        for name, value in _read_address(text) if is_address else _read_pairs(text):
            if name == "requiressl":
                name, value = "sslmode", "require" if value[:1] == "1" else "prefer"
            if name not in OPTIONS:
                kind = "URI query parameter:" if is_address else "connection option"
                raise errors.OperationalError(f'invalid {kind} "{name}"')
            found[name] = value
        return [
            option._replace(val=found[name].encode() if name in found else None)
            for option in cls.get_defaults()
            for name in [option.keyword.decode()]
        ]


def _with_environment(options: list[ConninfoOption]) -> list[ConninfoOption]:
    return [
        option._replace(val=os.environ.get((option.envvar or b"-").decode(), "").encode() or None)
        if option.val is None
        else option
        for option in options
    ]


PLACE = re.compile(r"(?:\[(?P<bracketed>[^\]]*)\]|(?P<plain>[^:/?,]*))(?::(?P<port>[^/?,]*))?")


def _read_address(text: str) -> Iterator[tuple[str, str]]:
    """What an address says, as libpq's `conninfo_uri_parse_options` reads it."""
    at = text.index("://") + 3
    if who := re.compile("([^@:/]*)(?::([^@/]*))?@").match(text, at):
        yield from _said("user", who[1])
        yield from _said("password", who[2] or "")
        at = who.end()
    hosts, ports = [], []
    while True:
        if text[at : at + 1] == "[" and "]" not in text[at:]:
            raise errors.OperationalError(
                'end of string reached when looking for matching "]" in IPv6 host address in URI: '
                f'"{text}"'
            )
        place = PLACE.match(text, at)
        assert place is not None
        if place["bracketed"] == "":
            raise errors.OperationalError(f'IPv6 host address may not be empty in URI: "{text}"')
        hosts.append(place["bracketed"] or place["plain"] or "")
        ports.append(place["port"] or "")
        at = place.end()
        if text[at : at + 1] not in ("", "/", "?", ","):
            raise errors.OperationalError(
                f'unexpected character "{text[at]}" at position {at + 1} in URI '
                f'(expected ":" or "/"): "{text}"'
            )
        if text[at : at + 1] != ",":
            break
        at += 1
    yield from _said("host", ",".join(hosts))
    yield from _said("port", ",".join(ports))
    database, _, query = text[at:].partition("?")
    yield from _said("dbname", database[1:])
    yield from _read_query(query)


def _said(name: str, value: str) -> Iterator[tuple[str, str]]:
    if value:
        yield name, _unquoted(value)


def _read_query(text: str) -> Iterator[tuple[str, str]]:
    pairs = text.split("&")
    for pair in pairs if pairs[-1] else pairs[:-1]:
        name, *values = pair.split("=")
        if len(values) != 1:
            which = "extra" if values else "missing"
            raise errors.OperationalError(
                f'{which} key/value separator "=" in URI query parameter: "{name}"'
            )
        name, value = _unquoted(name), _unquoted(values[0])
        yield ("sslmode", "require") if (name, value) == ("ssl", "true") else (name, value)


def _unquoted(text: str) -> str:
    if re.search("%(?![0-9a-fA-F]{2})", text):
        raise errors.OperationalError(f'invalid percent-encoded token: "{text}"')
    if "%00" in text:
        raise errors.OperationalError(f'forbidden value %00 in percent-encoded value: "{text}"')
    bare = text.strip()
    if re.search(r"\s", bare):
        raise errors.OperationalError(
            f'unexpected spaces found in "{text}", use percent-encoded spaces (%20) instead'
        )
    return unquote(bare)


def _read_pairs(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        match = PAIR.match(text, at)
        if match is None:
            word = re.split(r"[\s=]", text[at:].lstrip(), maxsplit=1)[0]
            if re.match(r"[^=]*=\s*'", text[at:]):
                raise errors.OperationalError(
                    "unterminated quoted string in connection info string"
                )
            raise errors.OperationalError(f'missing "=" after "{word}" in connection info string')
        value = match["plain"] if match["quoted"] is None else match["quoted"]
        yield match["key"], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL).removesuffix("\\")
        at = match.end()


class Escaping:
    """Values and names as they stand in SQL."""

    def __init__(self, conn: PGconn | None = None) -> None:
        self.conn = conn

    def _need_connection(self, what: str) -> None:
        if self.conn is None:
            raise errors.OperationalError(f"{what} failed: no connection provided")
        self.conn._open()

    def escape_literal(self, data: Buffer) -> bytes:
        self._need_connection("escape_literal")
        text = bytes(data).replace(b"'", b"''")
        return b" E'" + text.replace(b"\\", b"\\\\") + b"'" if b"\\" in text else b"'" + text + b"'"

    def escape_identifier(self, data: Buffer) -> bytes:
        self._need_connection("escape_identifier")
        return b'"' + bytes(data).replace(b'"', b'""') + b'"'

    def escape_string(self, data: Buffer) -> bytes:
        return bytes(data).replace(b"'", b"''")

    def escape_bytea(self, data: Buffer) -> bytes:
        return b"\\x" + bytes(data).hex().encode()

    def unescape_bytea(self, data: Buffer) -> bytes:
        text = bytes(data)
        if text.startswith(b"\\x"):
            return bytes.fromhex(text[2:].decode())
        return re.sub(
            rb"\\(\\|[0-7]{3})",
            lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)]),
            text,
        )
