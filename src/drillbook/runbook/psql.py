"""How a SQL text for psql uses variables, and whether it leaves SQL.

A scanner of PostgreSQL's lexical rules (manual, 4.1) and of psql's interpolation (psql(1), "SQL
Interpolation"): in quoted texts, dollar-quoted texts and comments psql replaces nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SKIPPED = re.compile(
    r"""
      [eE]'(?:[^'\\]|\\.|'')*'            # E'…' with backslashes
    | '(?:[^']|'')*'                      # '…'
    | "(?:[^"]|"")*"                      # "…"
    | --[^\n]*                            # comment
    | \$(?P<tag>[A-Za-z_0-9]*)\$.*?\$(?P=tag)\$   # $tag$…$tag$
    | ::|:=
    """,
    re.VERBOSE | re.DOTALL,
)
_USE = re.compile(
    r""":'(?P<literal>[A-Za-z0-9_]+)'|:"(?P<identifier>[A-Za-z0-9_]+)"|:\{\?(?P<test>[A-Za-z0-9_]+)\}"""
    r"""|:(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"""
)
# Meta-commands that start a program, read another file or write one; and a shell's backquotes.
_LEAVES = re.compile(r"\\(?:!|setenv|ir?\b|include|include_relative|o\b|out|w\b|write|copy|g[a-z]*\s*\||c\b|connect)|`")
_SET = re.compile(r"\\set\s+([A-Za-z0-9_]+)")
_GSET = re.compile(r"(.*?)\\gset[ \t]*([A-Za-z0-9_]*)", re.DOTALL)
_COLUMN = re.compile(r"\bas\s+\"?([A-Za-z0-9_]+)\"?", re.IGNORECASE)
_PROGRAM = re.compile(r"\b(?:to|from)\s+program\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Use:
    """A variable in the text; ``form`` is literal, identifier, test or bare; ``line`` from 0."""

    name: str
    form: str
    line: int


def uses(sql: str) -> list[Use]:
    """Give the variables that psql would replace, in order."""
    return _scan(sql)[0]


def defined_within(sql: str) -> set[str]:
    r"""Give the variables that the text itself may set: by ``\set``, or as a column before ``\gset``."""
    names = set(_SET.findall(sql))
    for before, prefix in _GSET.findall(sql):
        names |= {prefix + column.lower() for column in _COLUMN.findall(before)}
    return names


def leaves_sql(sql: str) -> tuple[str, int] | None:
    """Give what starts a program or touches a file, and its line from 0; or None."""
    return _scan(sql)[1]


def _scan(sql: str) -> tuple[list[Use], tuple[str, int] | None]:
    found: list[Use] = []
    leaving: tuple[str, int] | None = None
    at = 0
    while at < len(sql):
        line = sql.count("\n", 0, at)
        if sql.startswith("/*", at):
            at = _end_of_comment(sql, at)
        elif skipped := _SKIPPED.match(sql, at):
            at = skipped.end()
        elif use := _USE.match(sql, at):
            form = use.lastgroup or "bare"
            found.append(Use(use[form], form, line))
            at = use.end()
        elif leaving is None and (left := _LEAVES.match(sql, at) or _PROGRAM.match(sql, at)):
            leaving = (left.group(), line)
            at = left.end()
        else:
            word = re.compile(r"\w+").match(sql, at)  # a word at once: 'e' in "value'" begins no E'…'
            at = word.end() if word and not _PROGRAM.match(sql, at) else at + 1
    return found, leaving


def _end_of_comment(sql: str, at: int) -> int:
    """Comments nest in PostgreSQL."""
    depth = 0
    while at < len(sql):
        if sql.startswith("/*", at):
            depth += 1
            at += 2
        elif sql.startswith("*/", at):
            depth -= 1
            at += 2
            if depth == 0:
                break
        else:
            at += 1
    return at
