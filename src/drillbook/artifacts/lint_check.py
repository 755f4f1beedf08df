"""The lint of checks: Python that may look at hosts by the host that it is given, and at nothing else.

It keeps honest authors honest and tells a reader where to look. It is no prison: who means harm finds a way round it
in Python, so checks stand among the protected places of the shipped policy.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_IMPORTS = frozenset(
    {"__future__", "base64", "collections", "dataclasses", "datetime", "enum", "functools", "hashlib", "ipaddress",
     "itertools", "json", "math", "re", "shlex", "string", "textwrap", "typing"}
)  # fmt: skip
_NAMES = frozenset(
    {"breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "help", "input", "locals", "open",
     "print", "setattr", "vars"}
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {"ansible", "backend", "builtins", "codecs", "get_host", "get_hosts", "importlib", "modules", "os", "popen", "salt",
     "socket", "subprocess", "sys", "system"}
)  # fmt: skip
_STATEMENTS = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.If, ast.Expr
)  # fmt: skip
_TYPES_ALONE = "TYPE_CHECKING"


def check_problems(text: str) -> Iterator[tuple[int, str]]:
    """Give what a file of checks may not do: the line, and a sentence."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        yield getattr(error, "lineno", None) or 1, f"is no Python that can be read: {visible(str(error), limit=120)}"
        return
    never: set[int] = set()  # what stands under TYPE_CHECKING, which never runs
    for statement in tree.body:
        if not isinstance(statement, _STATEMENTS) or not _is_quiet(statement):
            yield statement.lineno, "does something when it is loaded; only definitions and constants may stand there"
        if isinstance(statement, ast.If):
            never.update(id(node) for each in statement.body for node in ast.walk(each))
    for node in ast.walk(tree):
        if id(node) not in never and (message := _problem(node)) is not None:
            yield getattr(node, "lineno", 1), message


def _is_quiet(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=value):
            return isinstance(value, ast.Constant)
        case ast.If(test=ast.Name(id=name), orelse=[]):
            return name == _TYPES_ALONE
        case ast.If():
            return False
        case ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators):
            return not any(isinstance(each, ast.Call) for each in decorators)
    return True


def _problem(node: ast.AST) -> str | None:
    match node:
        case ast.Import(names=names):
            return _imports([each.name for each in names])
        case ast.ImportFrom(module=module, level=level):
            return _imports([module or ""]) if not level else "imports a file beside it, which is not loaded so"
        case ast.Name(id=name) if name in _NAMES:
            return f"uses '{name}', which a check does not need; ask the host by host.run"
        case ast.Name(id=name) if name.startswith("__") and name not in ("__name__", "__doc__"):
            return f"uses '{visible(name, limit=40)}', which is internal"
        case ast.Attribute(attr=name) if name.startswith("_") or name in _ATTRIBUTES:
            return f"reaches for '{visible(name, limit=40)}', which leads elsewhere than to the host"
        case ast.Constant(value=str(text)) if ".__" in text:
            return "holds '.__' in a text, by which internals are reached"
        case ast.Global() | ast.Nonlocal() | ast.AsyncFunctionDef() | ast.Await():
            return "is not what a check needs: each looks once, and keeps nothing"
    return None


def _imports(names: list[str]) -> str | None:
    for name in names:
        if name.partition(".")[0] not in _IMPORTS:
            return (
                f"imports '{visible(name, limit=40)}'; a check may import {', '.join(sorted(_IMPORTS))}, and others "
                "under TYPE_CHECKING"
            )
    return None
