"""Random mutations of signed journals: each must be found.

``python -m tests.crash.journal_mutations [--mutations N] [--seed S] [--folder DIR]``. The journals are written by the
journal itself and signed by ssh-keygen. A mutation changes what lies on the disk and nothing else; the ledger is the
one that the remote had. A mutation that leaves every byte as it was is drawn again and not counted. A signature over
the very bytes that it was made for is verified once; every other pair of bytes and signature goes to ssh-keygen.
Ends with 1 at the first mutation that is not found, and says which seed and number it was.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json
from drillbook.errors import Refused
from drillbook.journal.closing import closing_of
from drillbook.journal.compare import against_ledger
from drillbook.journal.record import GENESIS, Record, make_record, parse_records
from drillbook.journal.verify import verify_run
from drillbook.ledger.entries import NAMESPACE
from tests.journal_runs import REPOSITORY, MadeRun, ledger_of, make_key, make_run, signers_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from drillbook.signing.keys import Signers, SigningKey
    from drillbook.signing.sign import Signer

JOURNAL, SIGNATURE, PLAN = "journal.jsonl", "journal.sig", "plan.json"
RUNS = 12

Files = dict[str, bytes]
"""The files of one run by name; empty when the run is removed."""


class Remembering:
    """The base's keys; asks ssh-keygen once for each pair of bytes and signature."""

    def __init__(self, signers: Signers) -> None:
        self.signers = signers
        self.asked = 0
        self._known: dict[tuple[Any, ...], SigningKey | Refused] = {}

    def verify(self, data: bytes, signature: bytes, *, namespace: str, person: str, at: datetime) -> SigningKey:
        pair = (data, signature, namespace, person, at.date())
        if pair not in self._known:
            self.asked += 1
            try:
                self._known[pair] = self.signers.verify(data, signature, namespace=namespace, person=person, at=at)
            except Refused as error:
                self._known[pair] = error
        found = self._known[pair]
        if isinstance(found, Refused):
            raise found
        return found


@dataclass
class Ground:
    """What mutations draw from."""

    chance: random.Random
    runs: list[MadeRun]
    mallory: Signer
    stranger: Signer

    def other(self, than: MadeRun) -> MadeRun:
        return self.chance.choice([each for each in self.runs if each is not than])


def files_of(run: MadeRun) -> Files:
    return {name: (run.folder / name).read_bytes() for name in (JOURNAL, SIGNATURE, PLAN)}


def flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice([bytes([chance.randrange(256)]), b"\n", b" ", b"{}\n"]) + data[at:]


def delete(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 3) :]


def lines_of(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def anew(records: list[Record], *, begin: int = 0) -> bytes:
    """The records numbered and chained anew from ``begin`` on, all hashes right."""
    made = records[:begin]
    for seq in range(begin, len(records)):
        each = records[seq]
        prev = made[-1].hash if made else GENESIS
        made.append(make_record(seq=seq, time=each.time, mono=each.mono, kind=each.kind, data=each.data, prev=prev))
    return b"".join(each.line() for each in made)


def edited(record: Record, chance: random.Random) -> Record:
    """The record, with something else in it; its hash stays."""
    value = json.loads(record.line())
    what = chance.choice(["data", "data", "data", "time", "mono", "kind"])
    if what == "data" and value["data"]:
        name = chance.choice(sorted(value["data"]))
        old = value["data"][name]
        if chance.random() < 0.2:
            del value["data"][name]
        elif isinstance(old, bool):
            value["data"][name] = not old
        elif isinstance(old, int | float):
            value["data"][name] = old + chance.choice([1, -1, 0.5])
        else:
            value["data"][name] = chance.choice(["", "failed", "x", "mallory", [], {}])
    elif what == "mono":
        value["mono"] += 0.001
    elif what == "kind":
        value["kind"] = chance.choice(["note", "step.done", "run.resumed"])
    else:
        value["time"] = value["time"].replace("2026", "2025")
    return Record(**value)


# Each takes what lies there and gives what the attacker leaves. Files that are missing in the answer are removed.


def bit_of_the_journal(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {JOURNAL: flip(files[JOURNAL], at.chance)}


def bytes_inserted(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {JOURNAL: insert(files[JOURNAL], at.chance)}


def bytes_deleted(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {JOURNAL: delete(files[JOURNAL], at.chance)}


def record_removed(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    del lines[at.chance.randrange(len(lines))]
    return files | {JOURNAL: b"".join(lines)}


def record_doubled(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    lines.insert(at.chance.randrange(len(lines) + 1), at.chance.choice(lines))
    return files | {JOURNAL: b"".join(lines)}


def records_swapped(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    one, two = at.chance.sample(range(len(lines)), 2)
    lines[one], lines[two] = lines[two], lines[one]
    return files | {JOURNAL: b"".join(lines)}


def cut_at_a_byte(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {JOURNAL: files[JOURNAL][: at.chance.randrange(len(files[JOURNAL]))]}


def cut_at_a_record(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    return files | {JOURNAL: b"".join(lines[: at.chance.randrange(len(lines))])}


def record_of_another_run(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    theirs = lines_of(files_of(at.other(run))[JOURNAL])
    lines[at.chance.randrange(len(lines))] = at.chance.choice(theirs)
    return files | {JOURNAL: b"".join(lines)}


def record_edited(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    which = at.chance.randrange(len(lines))
    lines[which] = edited(run.records[which], at.chance).line()
    return files | {JOURNAL: b"".join(lines)}


def record_edited_and_hashed(run: MadeRun, files: Files, at: Ground) -> Files:
    lines = lines_of(files[JOURNAL])
    which = at.chance.randrange(len(lines))
    each = edited(run.records[which], at.chance)
    lines[which] = make_record(
        seq=each.seq, time=each.time, mono=each.mono, kind=each.kind, data=each.data, prev=each.prev
    ).line()
    return files | {JOURNAL: b"".join(lines)}


def changed_records(run: MadeRun, at: Ground) -> list[Record]:
    """The records with one edited, removed, added or moved."""
    records = list(run.records)
    which = at.chance.randrange(len(records))
    match at.chance.randrange(4):
        case 0:
            records[which] = edited(records[which], at.chance)
        case 1:
            del records[which]
        case 2:
            records.insert(which, at.chance.choice(at.other(run).records[1:-1]))
        case _:
            records.insert(at.chance.randrange(len(records)), records.pop(which))
    return records


def tail_hashed_anew(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {JOURNAL: anew(changed_records(run, at))}


def end_cut_and_closed_anew(run: MadeRun, files: Files, at: Ground) -> Files:
    kept = at.chance.randrange(1, len(run.records) - 1)
    return files | {JOURNAL: anew([*run.records[:kept], run.records[-1]], begin=kept)}


def signature_of_another_run(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {SIGNATURE: files_of(at.other(run))[SIGNATURE]}


def bit_of_the_signature(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {SIGNATURE: flip(files[SIGNATURE], at.chance)}


def bytes_of_the_signature(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {SIGNATURE: at.chance.choice([insert, delete])(files[SIGNATURE], at.chance)}


def signature_removed(run: MadeRun, files: Files, at: Ground) -> Files:
    return {name: data for name, data in files.items() if name != SIGNATURE}


def signature_removed_and_hashed_anew(run: MadeRun, files: Files, at: Ground) -> Files:
    return signature_removed(run, tail_hashed_anew(run, files, at), at)


def made_a_run_of_nobody(run: MadeRun, files: Files, at: Ground) -> Files:
    """As a run of a lab looks, where nobody signs."""
    first = json.loads(run.records[0].line())
    first["data"] |= {"executor": "", "change_id": "", "repository": "", "change": "standard"}
    first["data"]["environment"] = at.chance.choice(["rehearsal", "lab"])
    kept = at.chance.randrange(1, len(run.records))
    records = [Record(**first), *run.records[1:kept], run.records[-1]]
    return signature_removed(run, files | {JOURNAL: anew(records)}, at)


def signed_anew(run: MadeRun, files: Files, at: Ground, signer: Signer, namespace: str = NAMESPACE) -> Files:
    data = anew(changed_records(run, at))
    try:
        closing = closing_of(parse_records(data, name="")[0]).to_bytes()
    except Exception:  # noqa: BLE001 - it may be no journal any more: then it is signed as it was
        closing = closing_of(run.records).to_bytes()
    return files | {JOURNAL: data, SIGNATURE: signer.sign(closing, namespace=namespace)}


def signed_anew_by_a_colleague(run: MadeRun, files: Files, at: Ground) -> Files:
    return signed_anew(run, files, at, at.mallory)


def signed_anew_by_a_stranger(run: MadeRun, files: Files, at: Ground) -> Files:
    return signed_anew(run, files, at, at.stranger)


def signed_anew_for_another_purpose(run: MadeRun, files: Files, at: Ground) -> Files:
    return signed_anew(run, files, at, run.signer, "drillbook-approval")


def signed_anew_by_who_ran_it(run: MadeRun, files: Files, at: Ground) -> Files:
    """Who has the key can write it all anew: the ledger in the remote is what has the old head."""
    return signed_anew(run, files, at, run.signer)


def journal_of_another_run(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {JOURNAL: files_of(at.other(run))[JOURNAL]}


def all_of_another_run(run: MadeRun, files: Files, at: Ground) -> Files:
    return files_of(at.other(run))


def bit_of_the_plan(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {PLAN: flip(files[PLAN], at.chance)}


def plan_of_another_run(run: MadeRun, files: Files, at: Ground) -> Files:
    return files | {PLAN: files_of(at.other(run))[PLAN]}


def plan_edited_with_its_digest(run: MadeRun, files: Files, at: Ground) -> Files:
    from drillbook.canonical import digest

    plan = {**run.plan, "steps": run.plan["steps"] + 1}
    first = json.loads(run.records[0].line())
    first["data"]["plan"] = digest(plan)
    return files | {PLAN: canonical_json(plan), JOURNAL: anew([Record(**first), *run.records[1:]])}


def run_removed(run: MadeRun, files: Files, at: Ground) -> Files:
    return {}


MUTATIONS: tuple[tuple[int, Callable[[MadeRun, Files, Ground], Files]], ...] = (
    (4, bit_of_the_journal), (2, bytes_inserted), (2, bytes_deleted), (2, record_removed), (2, record_doubled),
    (2, records_swapped), (2, cut_at_a_byte), (2, cut_at_a_record), (1, record_of_another_run), (2, record_edited),
    (2, record_edited_and_hashed), (6, tail_hashed_anew), (2, end_cut_and_closed_anew),
    (1, signature_of_another_run), (3, bit_of_the_signature), (2, bytes_of_the_signature), (1, signature_removed),
    (1, signature_removed_and_hashed_anew), (1, made_a_run_of_nobody), (1, signed_anew_by_a_colleague),
    (1, signed_anew_by_a_stranger), (1, signed_anew_for_another_purpose), (1, signed_anew_by_who_ran_it),
    (1, journal_of_another_run), (1, all_of_another_run), (1, bit_of_the_plan), (1, plan_of_another_run),
    (1, plan_edited_with_its_digest), (1, run_removed),
)  # fmt: skip
"""Each with how often it is drawn."""


@dataclass
class Outcome:
    """``found`` by mutation and by what found it; ``missed``: the mutations that nothing found."""

    found: dict[str, Counter[str]]
    missed: list[str]
    asked: int


def campaign(folder: Path, *, mutations: int, seed: int) -> Outcome:
    """Make runs in ``folder`` and mutate them, one at a time, each from the sound state."""
    chance = random.Random(seed)
    ada, ben, mallory, stranger = (make_key(folder, name) for name in ("ada", "ben", "mallory", "stranger"))
    runs = [
        make_run(folder / "runs", number, chance.choice([ada, ben]), steps=chance.randint(1, 20), chance=chance)
        for number in range(RUNS)
    ]
    keys = Remembering(signers_of(ada, ben, mallory))
    ledger = ledger_of(*runs)
    ground = Ground(chance, runs, mallory, stranger)
    closed = {run.records[0].data["change_id"] for run in runs}

    def flaws(run: MadeRun) -> tuple[str, list[str]]:
        """What verification says of a run, and which part of it says so first."""
        alone = verify_run(run.folder, keys=keys, repository=REPOSITORY, labs={"lab"}) if run.folder.exists() else None
        if alone is not None and alone.flaws:
            signature = any(word in alone.flaws[0] for word in ("sign", "key"))
            plan = "its plan" in alone.flaws[0]
            return "signature" if signature else "plan" if plan else "chain", list(alone.flaws)
        known = [each for each in ledger.entries if each.entry.run == run.folder.name]
        compared, others = against_ledger(
            [alone] if alone is not None else [],
            type(ledger)(ledger.tip, tuple(known), ()), keys=keys, closed_changes=closed, folder=run.folder.parent,
        )  # fmt: skip
        return "ledger", [*others, *(flaw for each in compared for flaw in each.flaws)]

    for run in runs:
        assert flaws(run)[1] == [], flaws(run)
    outcome = Outcome({}, [], 0)
    kinds, weights = [kind for _, kind in MUTATIONS], [weight for weight, _ in MUTATIONS]
    for number in range(mutations):
        while True:
            run, mutate = chance.choice(runs), chance.choices(kinds, weights)[0]
            before = files_of(run)
            after = mutate(run, before, ground)
            if after != before:
                break
        put(run.folder, after)
        by, found = flaws(run)
        put(run.folder, before)
        if found:
            outcome.found.setdefault(mutate.__name__, Counter())[by] += 1
        else:
            outcome.missed.append(f"number {number}: {mutate.__name__} of {run.folder.name}")
    for run in runs:
        assert flaws(run)[1] == [], "a sound run is wrong after the campaign"
    outcome.asked = keys.asked
    return outcome


def put(folder: Path, files: Files) -> None:
    """Leave these files in the folder, and no others; no folder when there are none."""
    if not files:
        shutil.rmtree(folder)
        return
    folder.mkdir(exist_ok=True)
    for name in (JOURNAL, SIGNATURE, PLAN):
        if name in files:
            (folder / name).write_bytes(files[name])
        else:
            (folder / name).unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="drillbook-mutations-") as scratch:
        outcome = campaign(Path(scratch), mutations=given.mutations, seed=given.seed)
    for name, by in sorted(outcome.found.items()):
        parts = ", ".join(f"{part} {count}" for part, count in sorted(by.items()))
        sys.stdout.write(f"{name.replace('_', ' '):38} {sum(by.values()):6}   found by: {parts}\n")
    for each in outcome.missed:
        sys.stdout.write(f"NOT FOUND, seed {given.seed}: {each}\n")
    total = sum(sum(by.values()) for by in outcome.found.values())
    sys.stdout.write(
        f"{total} of {total + len(outcome.missed)} mutations found, {outcome.asked} signatures verified by ssh-keygen, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    return 1 if outcome.missed else 0


if __name__ == "__main__":
    sys.exit(main())
