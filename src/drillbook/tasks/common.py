"""What every task has: the estate's root, and errors that end as a message and an exit code."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from invoke.tasks import task as invoke_task

from drillbook.errors import DrillbookError, ExitCode, MissingPrerequisite, StoppedByPerson, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound="Callable[..., Any]")

_HELP = frozenset({"--help", "-h"})


ESTATE = "DRILLBOOK_ESTATE"
"""Names the estate for an engine that is not in its checkout: the trusted base's, see ``tasks.as_base``."""


class Touches(Enum):
    """What a task can change, or send packets to, beyond what it prints.

    NOTHING: nothing. FILES: the estate's own files, and its git remote. MACHINE: this machine (the lab, timers).
    HOSTS: hosts, so that it passes the gate first.
    """

    NOTHING = "nothing"
    FILES = "files"
    MACHINE = "machine"
    HOSTS = "hosts"


def nearest_estate() -> Path | None:
    """Give the nearest folder upwards from here that holds ``cmdb.yaml``, or None; $DRILLBOOK_ESTATE comes first."""
    named = os.environ.get(ESTATE)
    if named is not None:
        folder = Path(named)
        return folder if folder.is_absolute() and (folder / "cmdb.yaml").is_file() else None
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "cmdb.yaml").is_file()), None)


def estate_root() -> Path:
    """Give the estate's folder: see ``nearest_estate``. Raises UsageError when there is none."""
    folder = nearest_estate()
    if folder is None and ESTATE in os.environ:
        raise UsageError(
            f"${ESTATE} names no estate: it must be the whole path of a folder with a cmdb.yaml",
            remedy=f"unset {ESTATE}, and go to the estate with cd",
        )
    if folder is None:
        raise UsageError(
            f"there is no estate here: neither {Path.cwd()} nor a folder above it has a cmdb.yaml",
            remedy="go to one with cd, or begin one: drillbook estate.new FOLDER",
        )
    return folder


def state_folder(root: Path) -> Path:
    """Give ``.drillbook`` in the estate: runs, samples and usual durations; not for git.

    Raises MissingPrerequisite when we may not have it: without a journal nothing is run.
    """
    folder = root / ".drillbook"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise MissingPrerequisite(
            f"{folder} cannot be made ({error.strerror}), and without a journal nothing is run",
            remedy="run it as the owner of this checkout; the lab needs root: sudo ./inv …",
        ) from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise MissingPrerequisite(
            f"{folder} belongs to another user, and without a journal nothing is run",
            remedy="run it as the owner of this checkout; the lab needs root: sudo ./inv …",
        )
    return folder


def _ended(error: BaseException) -> ExitCode:
    from drillbook.console.output import errors, say_error

    if isinstance(error, DrillbookError):
        return say_error(error)
    if isinstance(error, KeyboardInterrupt):
        return say_error(StoppedByPerson("stopped by Ctrl-C"))
    root = nearest_estate() or Path.cwd()
    place = root / ".drillbook" / "last-error.txt"
    try:
        state_folder(root)
        place.write_text("".join(traceback.format_exception(error)))
        where = f"the details are in {place}"
    except (OSError, DrillbookError):
        where = "".join(traceback.format_exception(error))
    errors.print(f"✗ an error in drillbook itself: {type(error).__name__}: {error}\n  → {where}")
    return ExitCode.INTERNAL


def _show_help() -> None:
    """Become ``--help COMMAND`` when ``COMMAND --help`` was typed; return when no command was named.

    Invoke takes the word after a command that wants a value as that value, whatever it is.
    """
    from drillbook.tasks.all import ns

    typed = sys.argv[1:]
    known = {name for task_name, aliases in ns.task_names.items() for name in (task_name, *aliases)}
    asked = next((place for place, word in enumerate(typed) if word in _HELP), 0)
    commands = [place for place, word in enumerate(typed[:asked]) if word in known]
    if commands:
        before = sys.orig_argv[1 : len(sys.orig_argv) - len(typed)] + typed[: commands[0]]
        argv = [sys.executable, *before, "--help", typed[commands[-1]]]
        os.execv(sys.executable, argv)  # noqa: S606 - no shell is wanted


def guarded(body: Callable[P, R]) -> Callable[P, R]:
    """Wrap a task: any error becomes one clear message and the exit code of its kind."""

    @functools.wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if any(isinstance(value, str) and value in _HELP for value in (*args, *kwargs.values())):
            _show_help()
        try:
            done = body(*args, **kwargs)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last place that can say it well
            sys.exit(_ended(error))
        _require_printed()
        return done

    return run


def _require_printed() -> None:
    """End with an exit code of its own when output that somebody wanted could not be written (a full disk)."""
    output = sys.modules.get("drillbook.console.output")
    if output is not None and output.console.lost:
        sys.exit(ExitCode.PREREQUISITE)


@overload
def task(body: F, /) -> F: ...
@overload
def task(*, touches: Touches = ..., **options: Any) -> Callable[[F], F]: ...
def task(body: Any = None, /, *, touches: Touches | None = None, **options: Any) -> Any:
    """Be invoke's ``task``, guarded. Use as ``@task(...)``, as invoke's own; ``touches`` says what it can change.

    A test walks all tasks: each says it, and each that touches hosts is refused without a permission.
    """

    def made(body: Any) -> Any:
        wrapped = invoke_task(**options)(guarded(body))
        wrapped.touches = touches
        return wrapped

    return made(body) if body is not None else made
