"""Runs checks: functions that take a pytest-testinfra ``host`` and assert.

The host object speaks over the connection that is already open. The functions come from the sealed
copy of playbooks/; the same files run under pytest, where ``host`` is testinfra's fixture.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from drillbook.errors import DrillbookError, InvalidInput
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.artifacts.seal import Sealed
    from drillbook.hosts.connection import HostConnection, Hosts
    from drillbook.plan.model import CheckRun

COMMAND_TIMEOUT = 5.0
"""Seconds that each command of a check may take, unless the caller allows more."""
CANNOT_TELL = "CannotTell"
"""The name of the exception by which a check says that it could not look: neither yes nor no."""
WILL_NOT = "WillNot"
"""The name of the AssertionError by which a check says that waiting will not help: it is not asked again."""
_LISTED = 1000  # characters of what such a check says, since somebody has to put all of it right


@dataclass(frozen=True, slots=True)
class Fact:
    """What a check found. ``held``; ``known`` is False when it could not be told; ``seconds`` it took.

    ``final``: it does not hold, and will not by waiting.
    """

    held: bool
    known: bool
    detail: str
    seconds: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What a check chose: ``fact`` whether it could, ``said`` what it returned, of any type and not looked at yet."""

    fact: Fact
    said: Any


class _Backend(BaseBackend):  # type: ignore[misc]  # testinfra is untyped
    """Testinfra's way to a host, over our connection."""

    NAME = "drillbook"

    def __init__(self, connection: HostConnection) -> None:
        super().__init__(connection.target.item)
        self._over = connection
        self.limit = COMMAND_TIMEOUT

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Run a command line, quoted by testinfra, in the host's shell."""
        line = self.quote(command, *args)
        done = self._over.run(["/bin/sh", "-c", line], timeout=self.limit)
        return self.result(done.exit_code, line.encode(), done.stdout, done.stderr)


def limit_of(waited: float, left: float) -> float:
    """Give the seconds that a command may take in a check that is asked again and again.

    As long as it was ``waited`` already, within what is ``left`` of the step's time: so a check that walks a whole disk
    ends at last, while a host that went silent costs no more than the wait before it, and a person may stop the run.
    """
    return max(COMMAND_TIMEOUT, min(waited, left))


class Checks:
    """The checks of one sealed tree, on one set of hosts."""

    def __init__(self, sealed: Sealed, hosts: Hosts) -> None:
        """Take the sealed tree and the connections; nothing is read yet."""
        self._sealed = sealed
        self._hosts = hosts
        self._modules: dict[str, dict[str, Any]] = {}
        self._seen: dict[str, tuple[_Backend, Host]] = {}

    def load(self, check: CheckRun) -> Callable[..., Any]:
        """Give a check's function.

        Raises InvalidInput when the sealed tree has none of that name, Refused when it is another tree by now.
        """
        if check.file not in self._modules:
            path = self._sealed.path / check.file
            scope: dict[str, Any] = {"__name__": f"drillbook_check.{path.stem}", "__file__": str(path)}
            try:
                # The sealed, reviewed text itself; importing it would look for cached bytecode first.
                exec(compile(self._sealed.read(check.file), str(path), "exec"), scope)  # noqa: S102
            except (OSError, SyntaxError, ImportError, NameError) as error:
                raise InvalidInput.at(
                    check.file,
                    getattr(error, "lineno", None) or 1,
                    "check-file",
                    f"cannot be loaded: {error}",
                ) from None
            self._modules[check.file] = scope
        found = self._modules[check.file].get(check.function)
        if not callable(found):
            raise InvalidInput.at(check.file, 1, "check-function", f"has no function '{check.function}'")
        function: Callable[..., Any] = found
        return function

    def run(self, check: CheckRun, *, limit: float = COMMAND_TIMEOUT) -> Fact:
        """Run a check once. Whatever goes wrong inside it is a fact that did not hold; ``limit`` as in ``choose``."""
        return self.choose(check, limit=limit).fact

    def choose(self, check: CheckRun, *, limit: float = COMMAND_TIMEOUT) -> Choice:
        """Run a check once for what it returns. What goes wrong inside it is a fact that did not hold.

        ``limit``: seconds for each command of it on the host. One that does not end in time is not known.
        """
        if check.slots:
            unbound = f"{check.function} needs what was not chosen: {', '.join(check.slots.values())}"
            return Choice(Fact(False, False, visible(unbound), 0.0), None)
        function = self.load(check)
        if check.item not in self._seen:
            backend = _Backend(self._hosts[check.item])
            self._seen[check.item] = backend, Host(backend)
            backend.set_host(self._seen[check.item][1])
        backend, host = self._seen[check.item]
        backend.limit = limit
        began = time.monotonic()
        try:
            said = function(host, **check.arguments)
        except AssertionError as failed:
            detail = str(failed).splitlines()[0] if str(failed) else f"{check.function} does not hold"
            if type(failed).__name__ == WILL_NOT:
                fact = Fact(False, True, visible(detail, limit=_LISTED), time.monotonic() - began, final=True)
            else:
                fact = Fact(False, True, visible(detail), time.monotonic() - began)
            return Choice(fact, None)
        except DrillbookError as error:
            return Choice(Fact(False, False, visible(error.message), time.monotonic() - began), None)
        except Exception as error:  # noqa: BLE001 - a check that breaks says nothing: fail closed
            cannot = type(error).__name__ == CANNOT_TELL
            detail = str(error) if cannot else f"{check.function} broke: {type(error).__name__}: {error}"
            return Choice(Fact(False, False, visible(detail), time.monotonic() - began), None)
        return Choice(Fact(True, True, "", time.monotonic() - began), said)
