"""What journal.verify found: a line for each run, what is wrong below it, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from drillbook.change.records.record import FOLDER as CHANGES
from drillbook.console.output import console
from drillbook.journal.verify import Standing
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.journal.verify import Verified
    from drillbook.ledger.entries import Ledger

_MARKS = {
    Standing.SIGNED: ("✓", "green"),
    Standing.NOT_PROVED: ("?", "yellow"),
    Standing.UNSIGNED: ("·", "dim"),
    Standing.NOT_SIGNED_YET: ("✗", "bold red"),
    Standing.OPEN: ("…", "yellow"),
    Standing.BROKEN: ("✗", "bold red"),
}


def show(
    runs: Sequence[Verified],
    flaws: Sequence[str],
    notes: Sequence[str],
    *,
    ledger: Ledger | None,
    newest: int | None,
) -> None:
    """Print it. ``flaws`` and ``notes`` are those of no single run; ``newest``: how many runs without flaw to show."""
    runs = sorted(runs, key=lambda each: each.run)
    sound = [each for each in runs if not each.flaws]
    left_out = {id(each) for each in sound[: len(sound) - newest]} if newest is not None else set()
    if left_out:
        console.print(Text(f"  {len(left_out)} older runs, nothing wrong with them (--all shows them)", style="dim"))
    for run in runs:
        if id(run) not in left_out:
            _line(run)
    for flaw in flaws:
        console.print(Text("  ✗ ", style="bold red") + Text(visible(flaw, limit=600)))
    for note in notes:
        console.print(Text("  · ", style="dim") + Text(visible(note, limit=600), style="dim"))
    _sum(runs, flaws, ledger)


def _line(run: Verified) -> None:
    mark, style = _MARKS[run.standing]
    line = Text(f"  {mark} ", style=style) + Text(run.run)
    words = [run.opened("change_id"), run.opened("environment"), run.opened("runbook")]
    if run.records:
        words.append(f"{len(run.records)} records")
    closed = str(run.records[-1].data.get("outcome", "")) if run.records else ""
    words += [closed, f"signed by {run.signer}" if run.signer else str(run.standing)]
    if run.folder.parent.parent.parent.name == CHANGES:  # its copy in the change; the run itself is another line
        words.append(f"kept in {CHANGES}/{run.folder.parent.parent.name}")
    console.print(line + Text("  " + "  ".join(visible(word, limit=80) for word in words if word), style="dim"))
    for flaw in run.flaws:
        console.print(Text("      ✗ ", style="bold red") + Text(visible(flaw, limit=600)))
    for note in run.notes:
        console.print(Text("      · ", style="dim") + Text(visible(note, limit=600), style="dim"))


def _sum(runs: Sequence[Verified], flaws: Sequence[str], ledger: Ledger | None) -> None:
    if not runs and not flaws:
        console.print("No run yet.")
    counted = {standing: sum(each.standing is standing for each in runs) for standing in Standing}
    parts = [f"{count} {standing}" for standing, count in counted.items() if count]
    if ledger is not None:
        count = len(ledger.entries)
        up_to = f", up to {ledger.tip[:12]}" if ledger.tip else ""
        parts.append(f"{count} {'entry' if count == 1 else 'entries'} in the ledger{up_to}")
    wrong = len(flaws) + sum(bool(each.flaws) for each in runs)
    verdict = (
        Text(f"✗ {wrong} {'thing is' if wrong == 1 else 'things are'} wrong: ", style="bold red")
        if wrong
        else Text("✓ nothing is wrong: ", style="green")
    )
    if parts:
        console.print(verdict + Text("; ".join(parts)))
