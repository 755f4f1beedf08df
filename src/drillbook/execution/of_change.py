"""The runs of changes, as their journals on this machine show them: how each ended, and what went otherwise."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import digest_bytes
from drillbook.change.records.lifecycle import RunSeen
from drillbook.change.records.model import Deviation, RunResult
from drillbook.errors import JournalError
from drillbook.execution.by_hand import by_hand_line
from drillbook.execution.state import notes_of, state_from_records
from drillbook.journal.closing import SIGNATURE, executors_of, sign_closing
from drillbook.journal.record import head, parse_records
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from drillbook.journal.record import Record
    from drillbook.ledger.entries import SignedEntry
    from drillbook.signing.sign import Signer

_LONGEST = 1500
_MOST = 1000  # deviations that are listed; the journals have all
_RESULTS = ("succeeded", "rolled_back", "abandoned", "refused", "lost", "withdrawn")
_FIRST = 256 * 1024  # bytes in which a journal's first record must end


@dataclass(frozen=True, slots=True)
class RunOfChange:
    """A run's journal. ``data`` and ``signature`` are the files' bytes; ``result`` None: it has not ended."""

    run: str
    records: tuple[Record, ...]
    data: bytes
    signature: bytes
    result: str | None

    @property
    def seen(self) -> RunSeen:
        """What the life cycle of its change needs."""
        return RunSeen(self.run, self.result)


def runs_of_changes(state: Path, change: str | None = None) -> Mapping[str, list[RunOfChange]]:
    """Give the runs in ``.drillbook`` that were of changes, by the change's id, oldest first.

    ``change``: only this one's. Raises JournalError for a broken journal of one of them.
    """
    found: dict[str, list[RunOfChange]] = {}
    folder = state / "runs"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = _change_of(path / "journal.jsonl")
        if name and change in (None, name):
            found.setdefault(name, []).append(_read(path))
    return found


def _change_of(journal: Path) -> str:
    """Give the change that a journal's first record names, "" when it names none or cannot be read."""
    try:
        with journal.open("rb") as file:
            opened = json.loads(file.readline(_FIRST))
        name = opened["data"].get("change_id", "") if opened["kind"] == "run.opened" else ""
    except (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError):
        return ""
    return name if isinstance(name, str) else ""


def _read(folder: Path) -> RunOfChange:
    path = folder / "journal.jsonl"
    signature = folder / SIGNATURE
    try:
        data = path.read_bytes()
        signed = signature.read_bytes() if signature.is_file() else b""
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None
    records, _ = parse_records(data, name=str(path))
    return RunOfChange(folder.name, tuple(records), data, signed, state_from_records(records).closed)


def sign_what_is_not(runs: Sequence[RunOfChange], state: Path, signer: Signer) -> list[RunOfChange]:
    """Sign the journals of runs that ended and whose process died before it signed, where ``signer`` ran them.

    Gives the runs as they are then. Raises as ``sign_closing``.
    """
    found = []
    for run in runs:
        folder = state / "runs" / run.run
        mine = run.result is not None and not run.signature and signer.person in executors_of(run.records)
        found.append(_read(folder) if mine and sign_closing(folder, run.records, signer) else run)
    return found


def deviations(run: RunOfChange) -> list[Deviation]:
    """Give what went otherwise than planned, in the order in which it happened."""
    begun = {each.data["step"] for each in run.records if each.kind == "step.started"}
    found = [
        Deviation(run.run, kind, visible(step, limit=400), visible(" ".join(text.split()), limit=_LONGEST))
        for kind, step, text in _told(run.records, begun)
    ]
    if not run.signature:
        who = " or ".join(executors_of(run.records)) or "nobody who is named"
        found.append(Deviation(run.run, "noted", "", f"its journal is not signed by who ran it: {visible(who)}"))
    return found


def _told(records: Sequence[Record], begun: set[str]) -> Iterator[tuple[str, str, str]]:
    for record in records:
        data = record.data
        step = str(data.get("step") or "")
        yield from (("noted", step, note) for note in notes_of(record))
        match record.kind:
            case "assumption.checked" if not data["held"]:
                yield "differed", "", f"{data['text']}: on {data['item']} {data['detail'] or 'it was otherwise'}"
            case "step.started" if data["attempt"] > 1:
                yield "repeated", step, f"begun for the {_nth(data['attempt'])} time"
            case "step.ended" if (said := by_hand_line(record)) is not None:
                yield "noted", step, said
            case "step.ended" if data["outcome"] != "succeeded":
                yield "failed", step, f"{data['outcome']}: {data['detail'] or 'nothing more is known'}"
            case "step.ended" if data.get("recovered"):
                yield "noted", step, f"its outcome was found out afterwards: {data['detail'] or data['outcome']}"
            case "step.done" if step not in begun:
                yield "skipped", step, "it was done already and was not done again"
            case "verify.failed":
                yield "failed", step, f"its proof did not hold: {data['check']} on {data['item']}: {data['detail']}"
            case "undo.ended":
                undone = data["outcome"] == "succeeded"
                yield (
                    ("undone" if undone else "failed"),
                    step,
                    f"{'put back' if undone else 'not put back'}: " + (data["detail"] or data["outcome"]),
                )
            case "part.failed":
                yield "failed", data["part"], f"the part was not done: {data['message']}"
            case "part.skipped":
                yield "skipped", data["part"], f"the part was {data['message']}"
            case "run.stopped":
                yield "stopped", step, f"{data['reason']}: {data['message']}"
            case "run.resumed" | "run.abandoned" | "run.rolled_back":
                yield "resumed", "", f"gone on with by {data.get('executor') or data['operator']}"
            case "run.closed" if data["outcome"] != "succeeded":
                yield "noted", step, f"ended as {data['outcome']}: {data.get('message') or 'see its journal'}"
            case _:
                pass


def _nth(count: int) -> str:
    return {2: "second", 3: "third"}.get(count, f"{count}th")


def outcome_of(
    runs: Sequence[RunOfChange], lost: Sequence[SignedEntry] = ()
) -> tuple[str, list[RunResult], list[Deviation]]:
    """Give what came of a change: the last run's result, each run's, and all that went otherwise than planned.

    ``lost``: closing entries of runs whose machine is gone; no journal of them is kept.
    """
    told = [RunResult(run.run, head(run.records), digest_bytes(run.data), str(run.result)) for run in runs]
    told += [RunResult(each.entry.run, each.entry.head, "", each.entry.result) for each in lost]
    told.sort(key=lambda each: each.run)
    deviated = [each for run in runs for each in deviations(run)]
    deviated += [
        Deviation(each.entry.run, "noted", "", visible(f"lost with its machine, says {each.entry.executor}"))
        for each in lost
    ]
    last = told[-1].result if told else "withdrawn"
    return (last if last in _RESULTS else "failed"), told, deviated[:_MOST]


def kept_files(runs: Sequence[RunOfChange]) -> dict[str, bytes]:
    """Give the files that a change keeps of its runs: each journal, and its signature when there is one."""
    files: dict[str, bytes] = {}
    for run in runs:
        if run.signature:
            files[f"runs/{run.run}/{SIGNATURE}"] = run.signature
        files[f"runs/{run.run}/journal.jsonl"] = run.data
    return files
