"""Every way in which drillbook stops, and the exit code of each.

The tree::

    DrillbookError
    ├── UsageError            unknown name, missing or wrong parameter
    ├── InvalidInput          a file that is wrong: carries all its findings
    ├── Refused               a gate said no
    │   └── RemoteUnreachable the git remote that arbitrates did not answer
    ├── AssumptionFailed      the hosts are not as the plan assumes
    ├── Locked                another run holds an item
    ├── HostUnreachable       no answer in time
    │   └── HostKeyRefused    the host is not who it claims to be
    ├── StepFailed            a step ended, and not well
    │   └── HostIsOff         a fault or a step needs a host that is off
    ├── PartsFailed           some parts of a run are done, and others are not
    ├── OutcomeUnknown        nobody can say whether a step took effect
    ├── FencingNotProved      the old primary may still act
    ├── StoppedByPerson       Ctrl-C, or a person said no
    ├── JournalError          the record is broken or cannot be written
    └── MissingPrerequisite   the machine lacks something, with the command that brings it

``ExitCode`` is the one table of exit codes; the README shows it and a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class ExitCode(IntEnum):
    """What the process says to its caller."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INVALID = 3
    REFUSED = 4
    ASSUMPTION = 5
    LOCKED = 6
    UNREACHABLE = 7
    FAILED = 8
    UNKNOWN = 9
    NOT_FENCED = 10
    STOPPED = 11
    PARTIAL = 12
    MISSED = 20
    DRILL_INVALID = 21
    PREREQUISITE = 30
    JOURNAL = 40

    @property
    def meaning(self) -> str:
        """What the code says, in the words of the README's table."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done; a drill met its objectives",
    ExitCode.INTERNAL: "drillbook itself has an error",
    ExitCode.USAGE: "unknown command, option or name; missing or wrong parameter",
    ExitCode.INVALID: "a file is wrong; every finding is printed with file and line",
    ExitCode.REFUSED: "a gate refused; nothing was done",
    ExitCode.ASSUMPTION: "the hosts are not as the plan assumes; nothing was changed",
    ExitCode.LOCKED: "another run holds one of the items",
    ExitCode.UNREACHABLE: "a host did not answer in time, or its host key is wrong",
    ExitCode.FAILED: "a step failed; the run stopped and can be resumed or rolled back",
    ExitCode.UNKNOWN: "a step's outcome is unknown; a person must look before going on",
    ExitCode.NOT_FENCED: "the old primary could not be proved off; nothing was promoted",
    ExitCode.STOPPED: "stopped by a person; the run can be resumed or rolled back",
    ExitCode.PARTIAL: "some parts of the runbook could not be done, each with its reason; a resume tries these again",
    ExitCode.MISSED: "a drill ran, and an objective was missed; `drills.due`: one is overdue or never ran; "
    "`changes.status`: a review is overdue; `standby.status`: a promotion would have no snapshot to use; "
    "`standby.nminus1`, `standby.coverage`: a service is protected worse than is accepted",
    ExitCode.DRILL_INVALID: "the drill proves nothing: it did not run as described",
    ExitCode.PREREQUISITE: "this machine lacks something; the message has the command",
    ExitCode.JOURNAL: "the journal is broken or cannot be written",
}


class DrillbookError(Exception):
    """The root. ``args[0]`` is one sentence for a person; ``remedy`` says what to do next."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, message: str, *, remedy: str = "") -> None:
        """Take the sentence and, when there is one, the remedy."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class UsageError(DrillbookError):
    """A command, option or name that does not exist, or a parameter that is missing or of the wrong kind."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong in a file, and what would be right. ``line`` counts from 1."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        """Give the form that editors can jump to."""
        return f"{self.file}:{self.line}: {self.rule}: {self.message}"


class InvalidInput(DrillbookError):
    """One or more findings; all of them at once."""

    exit_code = ExitCode.INVALID

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Take the findings, in any order; they are kept sorted by file and line."""
        self.findings = tuple(sorted(findings))
        count = len(self.findings)
        super().__init__(f"{count} finding{'s' if count != 1 else ''}")

    @classmethod
    def at(cls, file: Path | str, line: int, rule: str, message: str) -> InvalidInput:
        """Give the error for a single finding."""
        return cls([Finding(str(file), line, rule, message)])


class Refused(DrillbookError):
    """A gate said no, or could not say yes."""

    exit_code = ExitCode.REFUSED


class RemoteUnreachable(Refused):
    """The git remote that arbitrates between engineers cannot be reached, or whether it did it cannot be told."""


class AssumptionFailed(DrillbookError):
    """The facts read from the hosts differ from what the plan assumes."""

    exit_code = ExitCode.ASSUMPTION


class Locked(DrillbookError):
    """Another run holds one of the configuration items."""

    exit_code = ExitCode.LOCKED


class HostUnreachable(DrillbookError):
    """A host did not answer within its deadline."""

    exit_code = ExitCode.UNREACHABLE


class HostKeyRefused(HostUnreachable):
    """A host showed a key that is not the one on record, or there is none on record."""


class StepFailed(DrillbookError):
    """A step ran to its end and did not succeed."""

    exit_code = ExitCode.FAILED


class HostIsOff(StepFailed):
    """The host is off, so there is nothing on it to act on."""


class PartsFailed(DrillbookError):
    """Independent parts of a run have failed, and the others were carried out."""

    exit_code = ExitCode.PARTIAL


class OutcomeUnknown(DrillbookError):
    """It cannot be told whether a step took effect."""

    exit_code = ExitCode.UNKNOWN


class FencingNotProved(DrillbookError):
    """The old primary could not be proved unable to act."""

    exit_code = ExitCode.NOT_FENCED


class StoppedByPerson(DrillbookError):
    """A person pressed Ctrl-C or answered no."""

    exit_code = ExitCode.STOPPED


class JournalError(DrillbookError):
    """The journal is broken, or a record could not be made durable."""

    exit_code = ExitCode.JOURNAL


class MissingPrerequisite(DrillbookError):
    """The machine lacks something; ``remedy`` is the exact command that brings it."""

    exit_code = ExitCode.PREREQUISITE
