"""How a build cell becomes a file: nothing beside what was named may change."""

from __future__ import annotations

import ast
import keyword
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit import build
from coursekit.errors import BuildRefused

FILE = '''\
"""Shows."""

from __future__ import annotations

import os
from uuid import UUID

from boxoffice.errors import ShowNotFound

LIMIT = 20


def first() -> int:
    return 1


# What second is for.
@cached
def second(
    a: int,
) -> str:
    """Text with \x0c a form feed, \u2028 and \x85."""
    return os.sep


class Third:
    x: UUID

    def first(self) -> None:
        raise ShowNotFound


async def fourth() -> None: ...
'''


# --- targets ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "path", "name", "source"),
    [
        ("api/shows.py", "api/shows.py", None, None),
        (" services/shows.py::find_show ", "services/shows.py", "find_show", None),
        ('"api/shows.py"', "api/shows.py", None, None),
        ("./api//shows.py", "api/shows.py", None, None),
        (
            "docs/openapi.json --from boxoffice.spec:text",
            "docs/openapi.json", None, "boxoffice.spec:text",
        ),
        ("scratch/rpc.py", "scratch/rpc.py", None, None),
    ],
)  # fmt: skip
def test_a_target_is_read(words: str, path: str, name: str | None, source: str | None) -> None:
    target = build.parse_target(words)
    assert (target.path, target.name, target.source) == (path, name, source)
    assert target.is_scratch == path.startswith("scratch/")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Say which file to build"),
        ("../x.py", "leads out of Box Office"),
        ("api/../../x.py", "leads out of Box Office"),
        ("scratch/../../x.py", "leads out of Box Office"),
        ("/etc/x.py", "not inside Box Office"),
        ("~/x.py", "not inside Box Office"),
        ("C:/x.py", "not inside Box Office"),
        ("c:\\x.py", "not inside Box Office"),
        ("..\\x.py", "leads out of Box Office"),
        ("api", "no ending"),
        ("api/.env", "no ending"),
        (".py", "no ending"),
        ("api/shows.py find_show", "without spaces"),
        ("api/shows.py --from nothing", "without spaces"),
        ("api/shows.py::", "names no definition"),
        ("api/shows.py::find-show", "name of one function"),
        ("notes.md::find_show", "name of one function"),
    ],
)
def test_a_bad_target_is_refused_with_what_to_write(words: str, said: str) -> None:
    with pytest.raises(BuildRefused) as caught:
        build.parse_target(words)
    assert said in str(caught.value)


def test_a_cell_may_write_several_files() -> None:
    blocks = build.blocks("a.py", "x = 1\n%%build b.py::y\ny = 2\n%%build c.md\ntext\n")
    assert blocks == [("a.py", "x = 1\n"), ("b.py::y", "y = 2\n"), ("c.md", "text\n")]


# --- whole files --------------------------------------------------------------------------


def test_a_whole_file_is_written_as_it_is() -> None:
    assert build.apply(FILE, "a.py", "\n\nx = 1\n\n\n") == "x = 1\n"
    assert build.apply(None, "notes.md", "# Any (text\n") == "# Any (text\n"
    assert build.apply(None, "a.py", "x = 1\r\ny = 2\r\n") == "x = 1\ny = 2\n"


@pytest.mark.parametrize(
    "body", ["x = (", "def f(:\n  pass", "x = 1\n  y = 2", "x = '", "\x00", "if x:\npass", "🎭 = 1"]
)
def test_what_is_not_python_is_refused_with_the_line(body: str) -> None:
    for target in ("a.py", "a.py::x"):
        with pytest.raises(BuildRefused, match="not Python yet") as caught:
            build.apply("x = 1\n", target, body)
        assert "left as it was" in str(caught.value)


def test_the_bad_line_is_marked() -> None:
    with pytest.raises(BuildRefused) as caught:
        build.apply(None, "a.py", "x = 1\ny = x +\n")
    lines = str(caught.value).split("\n")
    assert lines[1] == "  line 2:  y = x +"
    assert lines[2].index("^") == lines[1].index("+") + 1


# --- one definition -----------------------------------------------------------------------


def replaced(name: str, body: str) -> tuple[list[str], list[str]]:
    """The lines that went and the lines that came."""
    old = FILE.split("\n")
    new = build.apply(FILE, f"a.py::{name}", body).split("\n")
    gone = [line for line in old if line not in new]
    come = [line for line in new if line not in old]
    return gone, come


def test_a_function_is_replaced_with_its_decorators_and_comment() -> None:
    gone, come = replaced("second", "@cached\ndef second(a: int) -> str:\n    return os.name\n")
    assert "# What second is for." in gone
    assert come == ["def second(a: int) -> str:", "    return os.name"]


def test_only_top_level_definitions_count() -> None:
    gone, come = replaced("first", "def first() -> int:\n    return 2\n")
    assert (gone, come) == (["    return 1"], ["    return 2"])


def test_a_new_function_goes_to_the_end() -> None:
    text = build.apply(FILE, "a.py::fifth", "def fifth() -> None: ...")
    assert text == FILE + "\n\ndef fifth() -> None: ...\n"


def test_a_new_function_goes_above_what_the_program_does() -> None:
    program = "import sys\n\n\n# The start.\nif __name__ == '__main__':\n    sys.exit(go())\n"
    new = build.apply(program, "a.py::go", "def go(): ...\n")
    assert new == program.replace("# The start.", "def go(): ...\n\n\n# The start.")


def test_a_new_constant_goes_above_the_functions() -> None:
    text = build.apply(FILE, "a.py::MOST", "MOST = LIMIT * 2")
    assert "LIMIT = 20\nMOST = LIMIT * 2\n\n\ndef first" in text


def test_a_new_constant_that_needs_what_stands_below_goes_to_the_end() -> None:
    for needs in ("first()", "Third", "LATE"):
        text = build.apply(FILE + "\n\nLATE = 1\n", "a.py::MADE", f"MADE = {needs}")
        assert text.endswith(f"\n\n\nMADE = {needs}\n")


def test_of_two_with_one_name_the_later_is_replaced() -> None:
    text = "def f() -> int:\n    return 1\n\n\ndef f() -> int:\n    return 2\n"
    new = build.apply(text, "a.py::f", "def f() -> int:\n    return 3")
    space: dict[str, object] = {}
    exec(new, space)
    assert space["f"]() == 3  # type: ignore[operator]


def test_a_missing_or_empty_file_is_begun() -> None:
    body = "import os\n\n\ndef f() -> str:\n    return os.sep\n"
    assert build.apply(None, "a.py::f", body) == body
    assert build.apply("", "a.py::f", body) == body
    assert build.apply('"""Doc."""\n', "a.py::f", body) == '"""Doc."""\n\n' + body


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def g(): ...", "this one defines g"),
        ("def f(): ...\nx = 1", "this one defines f, x"),
        ("def f(): ...\ndef g(): ...", "a line of its own: `%%build a.py::g`"),
        ("def f(): ...\nf()", "something without a name"),
        ("import os", "this one defines nothing"),
        ("def f(): ...\nimport os", "Put the imports above `f`"),
    ],
)
def test_a_cell_for_one_definition_holds_that_alone(body: str, said: str) -> None:
    with pytest.raises(BuildRefused) as caught:
        build.apply(FILE, "a.py::f", body)
    assert said in str(caught.value)


def test_a_damaged_file_is_named_as_the_damaged_one() -> None:
    with pytest.raises(BuildRefused) as caught:
        build.apply("def broken(", "api/a.py::f", "def f(): ...")
    assert "api/a.py as it stands on the disk is not Python" in str(caught.value)
    assert "fresh=True" in str(caught.value)


def test_a_definition_that_shares_its_line_is_not_torn_out() -> None:
    with pytest.raises(BuildRefused, match="shares a line"):
        build.apply("a = 1; b = 2\n", "a.py::a", "a = 3")


# --- imports ------------------------------------------------------------------------------


def test_imports_are_merged_and_sorted() -> None:
    body = (
        "import asyncio\nfrom uuid import uuid4\nfrom fastapi import APIRouter\n"
        "from boxoffice.api import shows\n\n\ndef first() -> int:\n    return 2\n"
    )
    text = build.apply(FILE, "a.py::first", body)
    assert text.startswith(
        '"""Shows."""\n\nfrom __future__ import annotations\n\nimport asyncio\nimport os\n'
        "from uuid import UUID, uuid4\n\nfrom fastapi import APIRouter\n\n"
        "from boxoffice.api import shows\nfrom boxoffice.errors import ShowNotFound\n\nLIMIT = 20\n"
    )


def test_an_import_that_is_needed_no_more_goes() -> None:
    cell = "def second() -> str:\n    return ''\n"
    text = build.apply(FILE, "a.py::second", cell, prune=True)
    assert "import os" not in text
    assert "from uuid import UUID" in text
    assert "import os" in build.apply(FILE, "a.py::second", cell)


def test_text_is_compared_without_its_imports() -> None:
    assert build.without_imports(FILE) == build.without_imports(FILE.replace("import os\n", ""))
    assert build.without_imports("from a import (\n    b,\n)\n\nX = 1\n") == "X = 1"
    assert build.without_imports("X = 1\n") != build.without_imports("X = 2\n")


def test_an_import_for_its_effect_stays() -> None:
    text = build.apply("import boxoffice.models\n\nX = 1\n", "a.py::X", "X = 2")
    assert text == "import boxoffice.models\n\nX = 2\n"


def test_one_module_under_two_names_keeps_both() -> None:
    text = build.apply(
        "import json\n\nX = json\n", "a.py::Y", "import json as quick\n\nY = quick, json"
    )
    assert "import json\nimport json as quick\n" in text


names = st.from_regex(r"[a-z]{1,4}", fullmatch=True).filter(lambda n: not keyword.iskeyword(n))
constants = st.one_of(st.integers(), st.text(max_size=12), st.binary(max_size=4), st.booleans())


@st.composite
def definitions(draw: st.DrawFn, name: str) -> str:
    value = repr(draw(constants))
    kind = draw(st.sampled_from(["function", "class", "constant", "async", "decorated", "comment"]))
    return {
        "function": f"def {name}(a, *, b={value}):\n    def g():\n        return b\n\n    return g",
        "class": f"class {name}:\n    x = {value}\n\n    def m(self):\n        return self.x",
        "constant": f"{name} = {value}",
        "async": f"async def {name}():\n    return {value}",
        "decorated": f"@(lambda f: f)\ndef {name}():\n    return {value}",
        "comment": f"# about it\ndef {name}():  # here\n    return [\n        {value},\n    ]",
    }[kind]


@st.composite
def modules(draw: st.DrawFn) -> tuple[list[str], dict[str, str], str]:
    """Names, the text of each, and the module of them, perhaps with imports."""
    known = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    texts = {name: draw(definitions(name)) for name in known}
    head = draw(st.sampled_from(["", '"""Doc."""\n\n', "import os\nfrom re import *\n\n\n"]))
    return known, texts, head + "\n\n\n".join(texts.values()) + "\n"


@given(modules(), st.data())
def test_replacing_one_leaves_the_others_byte_for_byte(
    module: tuple[list[str], dict[str, str], str], data: st.DataObject
) -> None:
    known, texts, source = module
    name = data.draw(st.sampled_from(known))
    new = data.draw(definitions(name))
    text = build.apply(source, f"a.py::{name}", new)
    old = re.compile("^" + re.escape(texts[name] + "\n"), re.MULTILINE)
    assert text == old.sub(lambda _: new + "\n", source)
    assert build.apply(text, f"a.py::{name}", new) == text, "twice is as once"
    ast.parse(text)


@given(modules(), names, st.data())
def test_adding_one_leaves_the_others(
    module: tuple[list[str], dict[str, str], str], name: str, data: st.DataObject
) -> None:
    known, texts, source = module
    if name in known:
        return
    new = data.draw(definitions(name))
    text = build.apply(source, f"a.py::{name}", new)
    assert all(old in text for old in texts.values())
    assert build.apply(text, f"a.py::{name}", new) == text
    found = [build.defined_name(node) for node in ast.parse(text).body]
    assert sorted(n for n in found if n) == sorted([*known, name])


imports = st.lists(
    st.one_of(
        st.builds(lambda m, a: f"import {m}{a}", st.sampled_from(["os", "re", "json", "a.b"]),
                  st.sampled_from(["", " as one", " as two"])),
        st.builds(
            lambda m, n: f"from {m} import {', '.join(n)}",
            st.sampled_from(["os", "fastapi", "boxoffice.x", ".near", "."]),
            st.lists(st.sampled_from(["A", "b", "C as d", "E_E"]), min_size=1, max_size=3),
        ),
    ),
    max_size=6,
)  # fmt: skip


def bound(text: str) -> set[tuple[str, str, str | None]]:
    found: set[tuple[str, str, str | None]] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            found |= {("", alias.name, alias.asname) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {(module, alias.name, alias.asname) for alias in node.names}
    return found


@given(imports, imports)
def test_a_merge_of_imports_never_loses_a_name(old: list[str], new: list[str]) -> None:
    source = "\n".join([*old, "", "X = 1", ""])
    text = build.apply(source, "a.py::f", "\n".join([*new, "", "def f():", "    return X"]))
    assert bound(text) == bound("\n".join([*old, *new]))
    again = build.apply(text, "a.py::f", "\n".join([*new, "", "def f():", "    return X"]))
    assert again == text
