"""A debt is found whatever is put beside its record, or in place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.change.gate.emergency import known_emergencies
from drillbook.change.records.owing import emergency_records
from drillbook.repo.git import Repository
from tests import change_values as values
from tests.gate_values import NOW, base, record
from tests.repo_values import commit, new_repository, write

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.change.records.model import ChangeRecord

AT = f"changes/{values.CHANGE}"
REVIEW = {"what": "review", "verdict": "accepted", "reason": "It was down", "approved_at": "2026-11-23T20:00:00Z"}


def emergency(*, reviewed: bool = False) -> ChangeRecord:
    asked = values.request(type="emergency", window=None, requested_by="dan", reason="db-1 answers nobody")
    return record(request=asked, approvals={"ben": REVIEW} if reviewed else {})


def files_of(change: ChangeRecord) -> dict[str, bytes]:
    assert change.bound is not None
    files = {
        f"{AT}/request.json": change.request.raw,
        f"{AT}/request.sig": change.request_sig,
        f"{AT}/plan.json": change.bound.raw,
    }
    for each in change.approvals:
        files |= {
            f"{AT}/approvals/{each.approver}.json": each.raw,
            f"{AT}/approvals/{each.approver}.sig": each.signature,
        }
    return files


def debts(root: Path) -> list[tuple[str, str, tuple[str, ...]]]:
    repo = Repository(root)
    found = known_emergencies(emergency_records(root, repo, repo.head()), (), base(), at=NOW)
    return [(each.change, each.reviewed_by, each.services) for each in found]


OWED = [(values.CHANGE, "", ("ledger", "reports"))]
SETTLED = [(values.CHANGE, "ben", ("ledger", "reports"))]


@pytest.mark.parametrize("merged", [True, False])
@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"notes": b"x"},
        {"approvals/eve.json": b"{}\n"},
        {"approvals/eve.json": b"{}\n", "approvals/eve.sig": b"x"},
        {"result.json": b"{}\n"},
        {"runs/x": b""},
    ],
    ids=str,
)
@pytest.mark.parametrize("reviewed", [True, False])
def test_what_is_put_beside_a_record_neither_hides_it_nor_its_review(
    tmp_path: Path, junk: dict[str, bytes], *, reviewed: bool, merged: bool
) -> None:
    new_repository(tmp_path, {"README": "x"})
    files = files_of(emergency(reviewed=reviewed)) | {f"{AT}/{name}": data for name, data in junk.items()}
    if merged:
        commit(tmp_path, files)
        write(tmp_path, dict.fromkeys(files))
    else:
        write(tmp_path, files)
    assert debts(tmp_path) == (SETTLED if reviewed else OWED)


def test_another_change_of_that_id_in_the_work_tree_hides_nothing(tmp_path: Path) -> None:
    new_repository(tmp_path, {"README": "x", **files_of(emergency())})
    write(tmp_path, files_of(record(approvals={})))
    assert debts(tmp_path) == OWED


def test_a_record_that_is_in_both_is_one_debt_and_a_review_in_one_settles_it(tmp_path: Path) -> None:
    new_repository(tmp_path, {"README": "x", **files_of(emergency())})
    assert debts(tmp_path) == OWED
    write(tmp_path, files_of(emergency(reviewed=True)))
    assert debts(tmp_path) == SETTLED


def test_what_is_no_emergency_is_none(tmp_path: Path) -> None:
    new_repository(tmp_path, {"README": "x", **files_of(record(approvals={}))})
    write(tmp_path, {"changes/CHG-2026-0099/request.json": b"[" * 100_000})
    assert debts(tmp_path) == []
