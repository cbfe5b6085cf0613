"""How a `%%build` cell becomes a file: the whole file, or one definition in it.

Pure functions on text; nothing here touches the disk.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from pathlib import PurePosixPath

from coursekit.errors import BuildRefused

SCRATCH = "scratch"
LINE_LENGTH = 100
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Target:
    """Where a cell writes: `path` below boxoffice/ (or `scratch/…`), and what of it.

    `name` is the one definition to replace or add; `source` is the `module:function` whose text
    a generated file holds.
    """

    path: str
    name: str | None = None
    source: str | None = None

    @property
    def is_scratch(self) -> bool:
        return PurePosixPath(self.path).parts[0] == SCRATCH

    def __str__(self) -> str:
        return f"{self.path}::{self.name}" if self.name else self.path


def parse_target(line: str) -> Target:
    """Read the words behind `%%build`. Raises BuildRefused with what to write instead."""
    words = line.split()
    if not words:
        raise BuildRefused("Say which file to build: `%%build api/shows.py`.")
    where, _, name = words[0].strip("\"'").partition("::")
    source = None
    if len(words) == 3 and words[1] == "--from" and ":" in words[2]:
        source = words[2]
    elif len(words) > 1:
        raise BuildRefused(
            f"`%%build` takes one file name without spaces; it got {' '.join(words)!r}."
        )
    path = PurePosixPath(where.replace("\\", "/"))
    if path.is_absolute() or re.match(r"^[A-Za-z]:", where) or where.startswith("~"):
        raise BuildRefused(
            f"{where} is not inside Box Office. Name the file from the folder boxoffice on, "
            "as in `%%build api/shows.py`."
        )
    if ".." in path.parts:
        raise BuildRefused(
            f"{where} leads out of Box Office with `..`. Name the file from the folder "
            "boxoffice on, as in `%%build api/shows.py`."
        )
    if not path.suffix or path.name.startswith("."):
        raise BuildRefused(
            f"{where} has no ending such as .py or .md, so it is not a file of ours."
        )
    if name and (not name.isidentifier() or path.suffix != ".py"):
        raise BuildRefused(
            f"`{words[0]}` should end in the name of one function, class or variable of a "
            "Python file, as in `services/shows.py::find_show`."
        )
    if "::" in words[0] and not name:
        raise BuildRefused(f"`{words[0]}` names no definition after `::`.")
    return Target(str(path), name or None, source)


def blocks(line: str, body: str) -> list[tuple[str, str]]:
    """The words and the text of each file in a cell: a line `%%build …` in it begins the next."""
    pieces = re.split(r"^%%build[ \t]+(\S.*)$\n?", body, flags=re.MULTILINE)
    return list(zip([line, *pieces[1::2]], pieces[::2], strict=True))


def apply(source: str | None, target: str | Target, body: str, *, prune: bool = False) -> str:
    """The new text of the file that `target` names; `source` is the old one, None if missing.

    With `prune`, imports that the old text used and the new one does not are left out: so the
    course's own files stay tidy. A learner keeps every import, as the next try may need it.
    Raises BuildRefused, and then the old text stands.
    """
    goal = target if isinstance(target, Target) else parse_target(target)
    body = _plain_newlines(body).strip("\n").rstrip() + "\n"
    if not goal.path.endswith(".py"):
        return body
    tree = parse(body, goal.path)
    if goal.name is None:
        return body
    imports, definition, text = _split_cell(tree, body, goal)
    if source is None or not source.strip():
        return _join(_render_imports(imports), text)
    source = _plain_newlines(source)
    try:
        old = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else error
        raise BuildRefused(
            f"{goal.path} as it stands on the disk is not Python ({where}), so `{goal.name}` "
            f"cannot be put into it. Write the whole file with `%%build {goal.path}`, or run "
            "`start(…, fresh=True)`, which keeps a copy of yours."
        ) from None
    replaced = _replace(source, old, goal.name, definition, text)
    merged = _merge_imports(replaced, imports)
    return _prune_imports(source, merged) if prune else merged


def _plain_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str, path: str) -> ast.Module:
    """Parse, or raise BuildRefused with the line marked."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        rows = text.split("\n")
        shown = rows[line - 1] if line <= len(rows) else ""
        marker = " " * (max(error.offset or 1, 1) - 1) + "^"
        raise BuildRefused(
            f"This is not Python yet, so {path} was left as it was.\n"
            f"  line {line}:  {shown}\n"
            f"  {' ' * len(f'line {line}:')}  {marker} {error.msg}"
        ) from None
    except ValueError as error:
        raise BuildRefused(
            f"This is not Python yet ({error}); {path} was left as it was."
        ) from None


def without_imports(text: str) -> str:
    """A Python file's text without its top-level imports and blank lines, for comparing."""
    kept, inside = [], False
    for line in text.split("\n"):
        if inside:
            inside = ")" not in line
        elif line.startswith(("import ", "from ")):
            inside = "(" in line and ")" not in line
        elif line.strip():
            kept.append(line)
    return "\n".join(kept)


def defined_name(node: ast.stmt) -> str | None:
    """The name that a top-level statement defines, if it defines one."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        goal = node.targets[0]
        return goal.id if isinstance(goal, ast.Name) else None
    return None


def _split_cell(
    tree: ast.Module, body: str, goal: Target
) -> tuple[list[ast.stmt], Definition, str]:
    """The imports of a `path::name` cell, its one definition, and the definition's text."""
    imports: list[ast.stmt] = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    rest = [n for n in tree.body if n not in imports]
    names = [defined_name(node) for node in rest]
    if names != [goal.name]:
        found = ", ".join(name or "something without a name" for name in names) or "nothing"
        other = next((name for name in names if name not in (None, goal.name)), None)
        advice = f" Put `{other}` below a line of its own: `%%build {goal.path}::{other}`."
        raise BuildRefused(
            f"A cell for {goal} holds `{goal.name}` alone (with the imports it needs); "
            f"this one defines {found}. {goal.path} was left as it was."
            + (advice if other and goal.name in names else "")
        )
    node = rest[0]
    assert isinstance(node, Definition)
    if imports and imports[-1].lineno > node.lineno:
        raise BuildRefused(f"Put the imports above `{goal.name}`. {goal.path} was left as it was.")
    lines = body.split("\n")
    start = (imports[-1].end_lineno or 0) if imports else 0
    return imports, node, "\n".join(lines[start : node.end_lineno]).strip("\n") + "\n"


def _first_line(node: ast.stmt, lines: list[str]) -> int:
    """Zero-based first line of a definition: its decorators and the comment right above it."""
    decorators = getattr(node, "decorator_list", [])
    line: int = min([node.lineno, *(d.lineno for d in decorators)]) - 1
    while line > 0 and lines[line - 1].startswith("#"):
        line -= 1
    return line


def _replace(source: str, tree: ast.Module, name: str, new: Definition, text: str) -> str:
    lines = source.split("\n")
    for node in reversed(tree.body):  # of two with one name, the later is the one that counts
        if defined_name(node) == name:
            start, end = _first_line(node, lines), node.end_lineno or node.lineno
            if any(n is not node and start < n.lineno <= end for n in tree.body):
                raise BuildRefused(
                    f"`{name}` shares a line with something else, so it cannot be replaced alone. "
                    "Write the whole file with `%%build`. It was left as it was."
                )
            return "\n".join([*lines[:start], text.rstrip("\n"), *lines[end:]]).rstrip() + "\n"
    code = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    first = next((i for i, n in enumerate(tree.body) if isinstance(n, code)), len(tree.body))
    defined = {defined_name(n) for n in tree.body[first:]}
    used = {n.id for n in ast.walk(new) if isinstance(n, ast.Name)}
    if isinstance(new, ast.Assign | ast.AnnAssign) and defined and not used & defined:
        return _insert_constant(lines, tree, text)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'":
        start = _first_line(last, lines)  # what a program does stays below what it needs
        return _join("\n".join(lines[:start]), text) + "\n\n" + "\n".join(lines[start:])
    return _join(source, text)


def _insert_constant(lines: list[str], tree: ast.Module, text: str) -> str:
    """A new constant goes below the imports and the constants that stand there already."""
    after = 0
    follows_constant = False
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        after = node.end_lineno or node.lineno
        follows_constant = isinstance(node, ast.Assign | ast.AnnAssign)
    head, tail = lines[:after], lines[after:]
    gap = [""] if head and not follows_constant else []
    rest = "\n".join(tail).strip("\n")
    return "\n".join([*head, *gap, text.rstrip("\n")]) + ("\n\n\n" + rest if rest else "") + "\n"


def _join(source: str, text: str) -> str:
    return source.rstrip() + "\n\n\n" + text if source.strip() else text


# --- imports ------------------------------------------------------------------------------


def _section(module: str) -> int:
    """isort's order: future, standard library, third party, Box Office."""
    top = module.split(".")[0]
    if top == "__future__":
        return 0
    if top == "boxoffice" or module.startswith("."):
        return 3
    return 1 if top in sys.stdlib_module_names else 2


def _leading_imports(tree: ast.Module) -> list[ast.stmt]:
    body = tree.body
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    leading: list[ast.stmt] = []
    for node in body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        leading.append(node)
    return leading


def _name_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, as isort and ruff sort them."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[:1].isupper() else (2, name)


def _render_imports(nodes: list[ast.stmt]) -> str:
    plain: set[tuple[str, str | None]] = set()
    members: dict[str, set[tuple[str, str | None]]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            plain.update((alias.name, alias.asname) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            members.setdefault(module, set()).update((a.name, a.asname) for a in node.names)
    sections: list[list[str]] = [[], [], [], []]
    for module, alias in sorted(plain, key=lambda pair: (pair[0], pair[1] or "")):
        sections[_section(module)].append(f"import {module}" + (f" as {alias}" if alias else ""))
    for module in sorted(members):
        names = [
            name + (f" as {alias}" if alias else "")
            for name, alias in sorted(
                members[module], key=lambda pair: (_name_order(pair[0]), pair[1] or "")
            )
        ]
        line = f"from {module} import {', '.join(names)}"
        if len(line) > LINE_LENGTH:
            line = f"from {module} import (\n" + "".join(f"    {n},\n" for n in names) + ")"
        sections[_section(module)].append(line)
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n" if nodes else ""


def _with_imports(source: str, nodes: list[ast.stmt], leading: list[ast.stmt]) -> str:
    """`source` with its leading imports replaced by `nodes`."""
    lines = source.split("\n")
    if leading:
        start, end = leading[0].lineno - 1, leading[-1].end_lineno or 0
    else:
        tree = ast.parse(source)
        first = tree.body[0] if tree.body else None
        is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        start = end = (first.end_lineno or 0) if first and is_docstring else 0
    head = "\n".join(lines[:start]).rstrip()
    rest = lines[end:]
    block = _render_imports(nodes).rstrip("\n")
    following = "\n".join(rest).strip("\n")
    opens_definition = re.match(r"(async def|def|class|@|#)", following) is not None
    gap = "\n\n\n" if opens_definition else "\n\n"
    parts = (head + "\n\n" if head else "") + block
    if not block:
        parts = head
    return (parts + gap + following if parts else following).rstrip() + "\n"


def _merge_imports(source: str, imports: list[ast.stmt]) -> str:
    if not imports:
        return source
    leading = _leading_imports(ast.parse(source))
    if set(_bound(imports)) <= set(_bound(leading)) and _known(imports, leading):
        return source
    return _with_imports(source, [*leading, *imports], leading)


def _known(imports: list[ast.stmt], leading: list[ast.stmt]) -> bool:
    def flat(nodes: list[ast.stmt]) -> set[tuple[str, str, str | None]]:
        found: set[tuple[str, str, str | None]] = set()
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {("", a.name, a.asname) for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                found |= {(module, a.name, a.asname) for a in node.names}
        return found

    return flat(imports) <= flat(leading)


def _bound(nodes: list[ast.stmt]) -> list[str]:
    """The names that imports bind in the module."""
    return [
        alias.asname or alias.name.split(".")[0]
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    ]


def _mentioned(tree: ast.Module) -> set[str]:
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= set(re.findall(r"\w+", node.value))
    return names


def _prune_imports(before: str, after: str) -> str:
    """Drop imports that the old text used and the new one does not."""
    tree = ast.parse(after)
    leading = _leading_imports(tree)
    was_used, is_used = _mentioned(ast.parse(before)), _mentioned(tree)
    gone = {n for n in _bound(leading) if n in was_used and n not in is_used}
    if not gone:
        return after
    kept: list[ast.stmt] = []
    for node in leading:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        names = [a for a in node.names if (a.asname or a.name.split(".")[0]) not in gone]
        if names:
            node.names = names
            kept.append(node)
    return _with_imports(after, kept, leading)
