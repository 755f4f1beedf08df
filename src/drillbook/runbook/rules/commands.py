"""Rules on commands: a value stays a value, in every shell, interpreter and SQL text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.runbook import psql, shell
from drillbook.runbook.rules.context import Context, Found, Loaded, Path, listed, runs
from drillbook.runbook.template import TemplateError, references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.runbook.model import Run

# Programs that read an argument as a program: after -c, -e and the like; as their first text; or any.
_AFTER_OPTION = frozenset(
    {"sh", "bash", "dash", "ash", "ksh", "zsh", "su", "runuser", "script", "flock"}
    | {"psql", "mysql", "sqlite3", "python", "perl", "ruby", "node", "lua"}
)
_FIRST_TEXT = frozenset({"awk", "gawk", "mawk", "sed"})
_ANY = frozenset({"ssh", "eval"})
_OPTION = re.compile(r"-[A-Za-z]*[ceE]|--command|--eval|--execute|--expression")
_OPTION_WITH_TEXT = re.compile(r"-[A-Za-z]*[ceE]|--(?:command|eval|execute|expression)=")
_VERSION = re.compile(r"[0-9.]+$")


def find(loaded: Loaded, context: Context) -> Iterator[Found]:  # noqa: ARG001 - every rule has this form
    """Give what is wrong."""
    for path, _, run, _ in runs(loaded.runbook):
        if run.argv:
            yield from _argv(path, run)
        elif run.script:
            yield from _script(path, run)
        else:
            yield from _sql(path, run)


def has_reference(template: str) -> bool:
    """Tell whether a template has a reference; a broken one, which another rule finds, has none."""
    try:
        return any(True for _ in references(template))
    except TemplateError:
        return False


def value_as_program(argv: tuple[str, ...]) -> int | None:
    """Give the index of the first argument with a reference that some program would read as its language."""
    kinds: set[str] = set()
    texts = 0  # constant arguments since awk or sed that are no options: the first is the program
    for index, argument in enumerate(argv):
        before = argv[index - 1] if index else ""
        if not has_reference(argument):
            name = _VERSION.sub("", argument.rpartition("/")[2])
            texts += "first" in kinds and not argument.startswith("-")
            for kind, names in (("option", _AFTER_OPTION), ("first", _FIRST_TEXT), ("any", _ANY)):
                if name in names:
                    kinds.add(kind)
            continue
        if "any" in kinds:
            return index
        if "option" in kinds and (_OPTION.fullmatch(before) or _OPTION_WITH_TEXT.match(argument)):
            return index
        file_or_variable = before == "-v" or (argument[0] in "/{" and texts > 0)
        if "first" in kinds and (before == "-e" or not file_or_variable):
            return index
    return None


def _below(text: str, line: int) -> int:
    """Give how far below its key a line of a text stands: a block's first line is the next one."""
    return line + 1 if "\n" in text else 0


def _argv(path: Path, run: Run) -> Iterator[Found]:
    program = run.argv[0]
    if not program or (program.startswith("{") and program.endswith("}") and "}" not in program[1:-1]):
        yield Found(
            (*path, "argv", 0), "constant-program",
            "which program runs must be readable here; begin with its name or path",
        )  # fmt: skip
    index = value_as_program(run.argv)
    if index is not None:
        yield Found(
            (*path, "argv", index), "value-as-syntax",
            "a value stands in a text that a program reads as its language; "
            "use 'script' and pass it as \"$1\"",
        )  # fmt: skip


def _script(path: Path, run: Run) -> Iterator[Found]:
    found = shell.scan(run.script)
    given = len(run.values)
    script: Path = (*path, "script")
    too_high = sorted(number for number in found.used if number > given)
    if too_high:
        yield Found(
            script, "script-values",
            f"the script uses {listed(f'${n}' for n in too_high)}, and 'values' has {given}; "
            "add what is missing",
        )  # fmt: skip
    if not found.everything:
        unused = [number for number in range(1, given + 1) if number not in found.used]
        if unused:
            yield Found(
                (*path, "values", unused[0] - 1), "script-values",
                f"the script does not use {listed(f'${n}' for n in unused)}; "
                "use it in double quotes or remove it",
            )  # fmt: skip
    for what, line in found.unquoted:
        yield Found(
            script, "value-as-syntax",
            f'{what} stands outside double quotes, where a shell takes it apart; write "{what}"',
            _below(run.script, line),
        )  # fmt: skip
    for what, line in found.as_program:
        yield Found(
            script, "value-as-syntax",
            f"{what} stands in a text that another program reads as its language; "
            "pass it as an argument or a variable of that program", _below(run.script, line),
        )  # fmt: skip
    if given and re.search(r"(?:^|[\s;&|(])eval\s", run.script):
        yield Found(script, "value-as-syntax", "eval reads values as commands; write the command out")


def _sql(path: Path, run: Run) -> Iterator[Found]:
    sql: Path = (*path, "sql")
    defined = set(run.variables or {})
    used = psql.uses(run.sql)
    for name in sorted({use.name for use in used} - defined - psql.defined_within(run.sql)):
        yield Found(
            sql, "sql-variables",
            f"the SQL uses the variable '{name}', and 'variables' does not have it; add it",
        )  # fmt: skip
    for name in sorted(defined - {use.name for use in used}):
        yield Found(
            (*path, "variables", name), "sql-variables",
            f"the SQL does not use '{name}'; write :'{name}' or remove it",
        )  # fmt: skip
    for use in used:
        if use.form == "bare":
            yield Found(
                sql, "value-as-syntax",
                f":{use.name} without quotes becomes part of the SQL; "
                f"write :'{use.name}' for a value or :\"{use.name}\" for an identifier",
                _below(run.sql, use.line),
            )  # fmt: skip
    leaving = psql.leaves_sql(run.sql)
    if leaving:
        yield Found(
            sql, "sql-leaves",
            f"'{leaving[0]}' starts a program, reads or writes a file, or changes the connection; "
            "write a step of its own with 'argv' or 'script'", _below(run.sql, leaving[1]),
        )  # fmt: skip
