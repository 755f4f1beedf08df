"""What a person is told about a command line that invoke's parser did not understand."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from invoke.parser.context import to_flag

from drillbook.errors import UsageError
from drillbook.text import visible

if TYPE_CHECKING:
    from invoke.collection import Collection
    from invoke.exceptions import Exit, ParseError
    from invoke.parser.context import ParserContext

_NEAR = 0.7  # how like an option another must be to be meant: they are short
# The parser's sentences: it gives nothing else.
_UNKNOWN = re.compile(r"No idea what ['\"](?P<token>.*)['\"] is!", re.DOTALL)
_NO_COLLECTION = re.compile(r"Sub-collection '(?P<name>.*)' not found!", re.DOTALL)
_MISSING = re.compile(r"'.*' did not receive required positional arguments: (?P<names>.*)", re.DOTALL)
_NO_VALUE = re.compile(r"Flag <Argument: (?P<name>\S+).*> needed value and was not given one!", re.DOTALL)
_NOT_INT = re.compile(r"invalid literal for int\(\) with base 10: ['\"](?P<value>.*)['\"]", re.DOTALL)


def misunderstood(error: ParseError | Exit | ValueError, tasks: Collection) -> UsageError:
    """Give the error for what the parser said; ``tasks`` is all that there is."""
    said = str(error)
    context: ParserContext | None = getattr(error, "context", None)
    command = context.name if context is not None else None
    help_ = f"./inv --help {command}" if command else "./inv --help"
    if (found := _UNKNOWN.fullmatch(said)) is not None:
        token = found["token"]
        if token.startswith("-"):
            return _no_option(token, context, help_)
        return _no_command(token, command, tasks)
    if (found := _NO_COLLECTION.fullmatch(said)) is not None:
        return UsageError(
            f"there are no commands '{visible(found['name'], limit=60)}'",
            remedy=f"there are {', '.join(tasks.collections)}",
        )
    if context is not None and command and (found := _MISSING.fullmatch(said)) is not None:
        names = re.findall(r"'([^']*)'", found["names"])
        lines = [f"{name.upper()}: {context.args[name].help or 'see the help'}" for name in names]
        usage = " ".join(["./inv", command, *map(str.upper, names)])
        return UsageError(f"{command} needs {' and '.join(map(str.upper, names))}", remedy="\n".join([usage, *lines]))
    if context is not None and (found := _NO_VALUE.fullmatch(said)) is not None:
        argument = context.args.get(found["name"])
        what = f": {argument.help}" if argument is not None and argument.help else ""
        return UsageError(f"{to_flag(found['name'])} needs a value{what}", remedy=help_)
    if (found := _NOT_INT.fullmatch(said)) is not None:
        return UsageError(
            f"'{visible(found['value'], limit=60)}' is not a whole number, and an option needs one",
            remedy="./inv --help COMMAND shows its options",
        )
    return UsageError(visible(said, limit=300), remedy=help_)


def _no_option(token: str, context: ParserContext | None, help_: str) -> UsageError:
    shown = visible(token.partition("=")[0], limit=60)
    flags = [] if context is None else sorted(flag for flag in context.flags if flag.startswith("--"))
    near = get_close_matches(shown, flags, n=2, cutoff=_NEAR)
    lines = [f"did you mean {' or '.join(near)}?"] if near else []
    if context is None or context.name is None:
        return UsageError(f"there is no option {shown}", remedy=help_)
    lines.append(f"it has {', '.join(flags)}; {help_} explains them" if flags else "it has no options")
    return UsageError(f"{context.name} has no option {shown}", remedy="\n".join(lines))


def _no_command(token: str, command: str | None, tasks: Collection) -> UsageError:
    shown = visible(token, limit=60)
    said = f"there is no command '{shown}'"
    if command:
        said = f"{command} does not take '{shown}', and there is no command of that name"
    names = [each for name, aliases in tasks.task_names.items() for each in (name, *aliases)]
    if token in tasks.collections:
        near = sorted(name for name in names if name.startswith(f"{token}."))
    else:
        near = get_close_matches(token[:60], names, n=3)
    lines = [f"did you mean {', '.join(near)}?"] if near else []
    lines.append("./inv --list shows all commands" if not command else f"./inv --help {command} shows what it takes")
    return UsageError(said, remedy="\n".join(lines))
