"""Asks the person at the terminal."""

from __future__ import annotations

import getpass
import os
import sys

from drillbook.console.output import console
from drillbook.errors import StoppedByPerson
from drillbook.text import visible


class TerminalPerson:
    """Confirms manual steps. Without a terminal nobody is there to confirm: the run stops."""

    def confirm(self, instruction: str) -> tuple[str, bool]:
        """See ``execution.actions.Person``. Only the whole word ``done`` confirms."""
        if not sys.stdin.isatty():
            raise StoppedByPerson("this step is done by a person, who confirms it at a terminal, and there is none")
        login = os.environ.get("SUDO_USER") or getpass.getuser()
        console.print(f"\n  Do this by hand:\n    {instruction}", style="bold")
        name = input(f"  Your name [{login}]: ").strip() or login
        answer = input("  Type 'done' when it is done, anything else to stop: ").strip()
        return visible(name, limit=60), answer == "done"
