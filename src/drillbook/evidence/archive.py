"""All records of an estate, each verified: what may be counted, and what may not, with the reason.

A record is read again and held against its digests each time: 4.4 ms of CPU each with its samples, shared among
the cores when there are many. Nothing is remembered from one time to the next, since whoever can change a record
can change what was remembered of it.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from drillbook.errors import JournalError
from drillbook.evidence.record import FOLDER, read_record
from drillbook.evidence.verdict import Result
from drillbook.runbook.model import Text
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NAME = re.compile(r"\d{8}T\d{6}Z-(.+?)(?:[-.~+]\d+)?")
_MANY = 100  # records from which more processes pay for their start (about 0.3 s each)
_LONGEST_REASON = 300
_LONGEST = 1e11  # seconds, over 3,000 years: what is longer was not measured, and sums of it are no numbers
_YEARS = range(1970, 9000)  # in which a moment can be told in every zone


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step of one run of a drill. ``part``: before, main, afterwards; ``seconds`` None: it was not done."""

    part: str
    runbook: str
    step: str
    item: str | None
    began: float
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A record whose digests hold. Its texts are safe to print: a digest says nothing about what they hold.

    ``started`` and ``ended`` in UTC. ``service``: the first of ``services``; of several, ``outage``, ``not_back``,
    ``rto`` and ``rpo`` are those of the one that was away for longest, and ``lost`` is what all have lost. ``refusal``:
    the run was meant to refuse, so that no outage was to end.
    ``outage``: seconds without service, None for a refusal, when there was none, and when it did not end (then
    ``not_back``). ``lost``: acknowledged writes that are gone, None when it is not known.
    ``rto`` and ``rpo``: the objectives of that time, in seconds. ``digest``: of the drill's file.
    """

    folder: str
    drill: str
    title: Text
    service: str
    services: tuple[str, ...]
    digest: str
    engine: str
    started: datetime
    ended: datetime
    result: Result
    rto: float
    rpo: float
    refusal: bool
    outage: float | None
    not_back: bool
    lost: int | None
    steps: tuple[StepRun, ...]

    @property
    def seconds(self) -> float:
        """How long the whole drill took; never negative, should the clock have been set back meanwhile."""
        return max(0.0, (self.ended - self.started).total_seconds())

    def is_future(self, now: datetime) -> bool:
        """Tell whether it says that it was made later than now: the clock was set back since."""
        return max(self.started, self.ended) > now


@dataclass(frozen=True, slots=True)
class Distrusted:
    """A record that is not as it was written, or cannot be read: shown with the reason, never counted.

    ``drill`` is what the folder's name says, empty when it says nothing; what is inside is not believed.
    """

    folder: str
    drill: str
    reason: str


@dataclass(frozen=True, slots=True)
class Archive:
    """The records of an estate. ``kept`` in order of time; those of one moment in order of their folders."""

    kept: tuple[Kept, ...]
    distrusted: tuple[Distrusted, ...]

    def of(self, drill: str) -> Archive:
        """Give the part that is about one drill."""
        return Archive(
            tuple(each for each in self.kept if each.drill == drill),
            tuple(each for each in self.distrusted if each.drill == drill),
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """A record whose digests hold, its own digest, and those of the journals that it cites."""

    kept: Kept
    digest: str
    journals: frozenset[str]


def read_archive(root: Path) -> Archive:
    """Read and verify every record of the estate at ``root``. Half-written ones are not looked at."""
    folders = _folders(root)
    read = partial(_read, root=root)
    workers = min(os.cpu_count() or 1, len(folders) // (_MANY // 2))
    if len(folders) < _MANY or workers < 2:  # noqa: PLR2004 - one process is this one
        found = [read(folder) for folder in folders]
    else:
        context = multiprocessing.get_context("forkserver")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            found = list(pool.map(read, folders, chunksize=max(1, len(folders) // (4 * workers))))
    return _ordered(found)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in (root / FOLDER).iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise JournalError(f"{root / FOLDER}: cannot be read: {error.strerror}") from None


def _ordered(found: Iterable[_Read | Distrusted]) -> Archive:
    kept: list[Kept] = []
    distrusted: list[Distrusted] = []
    first: dict[str, str] = {}
    records: list[_Read] = []
    for each in found:
        if isinstance(each, Distrusted):
            distrusted.append(each)
            continue
        same = first.setdefault(each.digest, each.kept.folder)
        if same == each.kept.folder:
            records.append(each)
        else:
            distrusted.append(
                Distrusted(each.kept.folder, each.kept.drill, f"it is a copy of {same}, which is counted")
            )
    shown: dict[str, list[str]] = {}
    for each in records:
        for journal in each.journals:
            shown.setdefault(journal, []).append(each.kept.folder)
    for each in records:
        others = {folder for journal in each.journals for folder in shown[journal]} - {each.kept.folder}
        if others:
            # A run was run once: one of them is made up, and nobody can say which.
            reason = f"it shows a run that {min(others)} shows too, with other figures; neither is counted"
            distrusted.append(Distrusted(each.kept.folder, each.kept.drill, reason))
        else:
            kept.append(each.kept)
    return Archive(tuple(sorted(kept, key=lambda record: (record.started, record.folder))), tuple(distrusted))


def _read(folder: Path, *, root: Path) -> _Read | Distrusted:
    named = _NAME.fullmatch(folder.name)
    try:
        value = read_record(folder, root=root).value
        journals = frozenset(str(run["journal"]["digest"]) for run in value["runs"])
        return _Read(_kept(folder.name, value), str(value["digest"]), journals)
    except JournalError as error:
        reason = error.message
    except (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError) as error:
        reason = f"it cannot be read: {type(error).__name__}: {error}"
    shown = reason.replace(f"{folder}/", "").replace(f"{root}/", "")
    return Distrusted(folder.name, named[1] if named else "", visible(shown, limit=_LONGEST_REASON))


def _kept(folder: str, value: Mapping[str, Any]) -> Kept:
    drill, services = value["drill"], value["services"]
    refusal = value["expected_refusal"] is not None
    # Of several services, the one that was away for longest of those that were to come back.
    wanted = [each for each in services if each["not_back"] is None] or services
    worst = max(wanted, key=lambda each: _away(each["measures"]["outage"]))
    measures, outage = worst["measures"], worst["measures"]["outage"]
    lost = [each["measures"]["rpo_actual"] for each in services if each["measures"]["keeps"]]
    return Kept(
        folder=folder,
        drill=visible(drill["name"]),
        title=Text(en=visible(drill["title"]["en"]), zh=visible(drill["title"]["zh"])),
        service=visible(services[0]["service"]),
        services=tuple(visible(each["service"]) for each in services),
        digest=drill["digest"],
        engine=str(value["engine"]),
        started=_moment(value["started"]),
        ended=_moment(value["ended"]),
        result=Result(value["verdict"]["result"]),
        rto=_length(worst["objectives"]["rto"]),
        rpo=_length(worst["objectives"]["rpo"]),
        refusal=refusal,
        outage=None if refusal or measures["rto_actual"] is None else _length(measures["rto_actual"]),
        not_back=not refusal and outage is not None and outage["end"] is None,
        lost=None if None in lost else sum(int(each["writes"]) for each in lost),
        steps=tuple(
            StepRun(
                visible(run["part"]),
                visible(run["runbook"]),
                visible(step["step"]),
                None if step["item"] is None else visible(step["item"]),
                _length(step["began"]),
                step["seconds"] if step["seconds"] is None else _length(step["seconds"]),
            )
            for run in value["runs"]
            for step in run["steps"]
        ),
    )


def _away(outage: Mapping[str, Any] | None) -> float:
    """Give how long an outage was, to find the longest; one that did not end is longer than any."""
    if outage is None:
        return 0.0
    return float("inf") if outage["end"] is None else _length(outage["seconds"])


def _length(seconds: float) -> float:
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"no drill measured {seconds:g} seconds")
    return float(seconds)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    if moment.year not in _YEARS:
        raise ValueError(f"no drill was run at {text}")
    return moment.astimezone(UTC)
