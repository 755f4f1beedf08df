"""Invoke's command line, with clear words and exit code 2 for what it does not understand."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from invoke.exceptions import Exit, ParseError
from invoke.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterator


class CommandLine(Program):
    """Invoke's program; it differs only in how it says that a command line is wrong."""

    def parse_tasks(self) -> None:
        """See ``Program``."""
        # A number that is none is the one thing that the parser says in an error that is not its own.
        with self._understood(ParseError, Exit, ValueError):
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """See ``Program``: this is where ``--help`` and ``--list`` act."""
        with self._understood(ParseError, Exit):
            super().parse_cleanup()

    @contextmanager
    def _understood(self, *kinds: type[ParseError | Exit | ValueError]) -> Iterator[None]:
        try:
            yield
        except kinds as error:
            if isinstance(error, Exit) and not error.message:
                raise  # it has done what it was asked
            from drillbook.console.output import say_error
            from drillbook.tasks.misunderstood import misunderstood

            sys.exit(say_error(misunderstood(error, self.collection)))


def speak_for_invoke() -> None:
    """Have invoke's own command, once it has loaded these tasks, say what is wrong as ours does.

    It makes its program before it reads any tasks, and has no option for this.
    """
    main = sys.modules.get("invoke.main")
    if main is not None and type(main.program) is Program:
        main.program.__class__ = CommandLine
