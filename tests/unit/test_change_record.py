"""Change records: what is read back is what was written, and nothing else is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.change.records.model import Window, moment
from drillbook.change.records.reading import read_request
from drillbook.change.records.record import find_change, next_id, read_change, read_changes
from drillbook.change.records.strict import encoded
from drillbook.errors import InvalidInput, UsageError
from tests.change_values import approval, bound, request, result, write_change

if TYPE_CHECKING:
    from pathlib import Path


def test_a_whole_record_is_read_back(tmp_path: Path) -> None:
    folder = write_change(tmp_path, approvals=[approval("ben")], result=result())
    record = read_change(folder)
    assert record.id == "CHG-2026-0007"
    assert record.request.raw == encoded(request())
    assert record.request.window == Window(moment("2026-11-23T20:00:00Z"), moment("2026-11-23T22:00:00Z"))
    assert record.bound is not None
    assert record.bound.plan is not None
    assert record.bound.plan.to_json() == bound()["plan"]
    assert record.bound.environment == "rehearsal"
    assert [each.approver for each in record.approvals] == ["ben"]
    assert record.result is not None
    assert record.result.result == "succeeded"


def test_the_schema_knows_every_field_of_a_plan() -> None:
    """A plan with every kind of step is read: the schema refuses what it does not know."""
    from drillbook.change.records.reading import read_bound
    from tests.change_values import plan_with_all

    value = bound(plan=plan_with_all().to_json())
    assert read_bound(encoded(value)).plan == plan_with_all()


def test_a_change_is_found_by_its_id_or_its_end(tmp_path: Path) -> None:
    write_change(tmp_path)
    for name in ("CHG-2026-0007", "0007", "2026-0007"):
        assert find_change(tmp_path, name).id == "CHG-2026-0007"
    with pytest.raises(UsageError, match="no change 'CHG-2026-0008'"):
        find_change(tmp_path, "CHG-2026-0008")


def test_broken_records_are_listed_beside_the_others(tmp_path: Path) -> None:
    write_change(tmp_path)
    (tmp_path / "changes/CHG-2026-0008").mkdir()
    (tmp_path / "changes/notes").mkdir()
    (tmp_path / "changes/README.md").write_text("what changes are")
    found = read_changes(tmp_path)
    assert [each.id for each in found.records] == ["CHG-2026-0007"]
    assert [each.name for each in found.broken] == ["CHG-2026-0008", "notes"]
    assert "request.json:1: file: it is missing" in str(found.broken[0].error.findings[0])


def test_no_folder_means_no_changes(tmp_path: Path) -> None:
    assert read_changes(tmp_path).records == ()


@pytest.mark.parametrize(
    ("used", "wanted"),
    [
        ([], "CHG-2026-0001"),
        (["CHG-2026-0007", "CHG-2026-0002", "CHG-2025-0100", "notes"], "CHG-2026-0008"),
        (["CHG-2026-9999"], "CHG-2026-10000"),
        # Somebody has taken the last one; that must not keep everybody else from asking.
        (["CHG-2026-999999", "CHG-2026-0001"], "CHG-2026-0002"),
    ],
)
def test_the_next_id_is_after_the_highest_of_the_year(used: list[str], wanted: str) -> None:
    assert next_id(2026, used) == wanted


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    value = request(window={"from": "2026-11-23T22:00:00Z", "until": "2026-11-23T20:00:00Z"})
    with pytest.raises(InvalidInput) as caught:
        read_request(encoded(value))
    assert "ends before it begins" in caught.value.findings[0].message
