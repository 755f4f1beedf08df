"""Hostile change records: whatever lies below changes/, it is refused with a finding, and never half believed."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.change.records.reading import read_bound, read_request, read_result
from drillbook.change.records.record import read_change, read_changes, record_from_files
from drillbook.change.records.render import change_page, plan_file
from drillbook.change.records.strict import encoded
from drillbook.errors import InvalidInput
from drillbook.runbook.page import as_text
from drillbook.text import forbidden_character
from tests.change_values import CHANGE, approval, bound, change_files, plan_with_all, request, result, write_files

if TYPE_CHECKING:
    from collections.abc import Callable

Data = dict[str, Any]


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def findings(files: dict[str, bytes], name: str = CHANGE) -> str:
    with pytest.raises(InvalidInput) as caught:
        record_from_files(files, folder=Path("changes", name))
    for finding in caught.value.findings:
        assert forbidden_character(str(finding)) is None
        assert finding.file.startswith("changes/")
    return "\n".join(str(each) for each in caught.value.findings)


def with_file(path: str, data: bytes) -> dict[str, bytes]:
    files = change_files(approvals=[approval("ben")], result=result())
    return {**files, path: data}


@pytest.mark.parametrize("path", ["request.json", "plan.json", "approvals/ben.json", "result.json"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "this is not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "must hold a mapping"),
        (b"null\n", "must hold a mapping"),
        (b'{"format":1,"format":1}\n', "'format' stands there twice"),
        (b'{"format":NaN}\n', "NaN is no number"),
        (b'{"format":-Infinity}\n', "-Infinity is no number"),
        (b'{"format":1e999}\n', "too large a number"),
        (b'{"format":' + b"9" * 5000 + b"}\n", "no JSON that a change holds"),
        (deep(60), "nested over 40 levels"),
        (deep(9_000), "no JSON that a change holds"),
        (b'{"\\u202e":1}\n', "U+202E"),
        (b'{"format":"\\ud800"}\n', "U+D800"),
        (b'{"a\\u000ab":1}\n', "a line break"),
    ],
)  # fmt: skip
def test_what_is_no_such_file_is_refused(path: str, data: bytes, said: str) -> None:
    told = findings(with_file(path, data))
    assert said in told
    assert path in told


@pytest.mark.parametrize("path", ["request.json", "plan.json", "approvals/ben.json", "result.json"])
def test_one_value_has_one_writing(path: str) -> None:
    """White space, another order, an escape or another number form could make two readers see two values."""
    files = with_file("plan.md", b"")
    value = json.loads(files[path])
    reordered = json.dumps(dict(reversed(value.items())), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
    escaped = files[path].replace(b"CHG", b"\\u0043HG")
    for other in (json.dumps(value).encode(), reordered, escaped, files[path].rstrip(), files[path] + b"\n"):
        assert "not canonical JSON" in findings({**files, path: other})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("request.json", request(reason="ok\x1b]0;x\x07")),
        ("request.json", request(reason="the standby \u202eyb dnats")),
        ("request.json", request(reason="one\ntwo")),
        ("request.json", request(requested_by="ann\nben")),
        ("request.json", request(requested_by="../ann")),
        ("request.json", request(requested_by="ann namespaces=*")),
        ("request.json", request(change="CHG-2026-0008")),
        ("request.json", request(repository="0" * 39)),
        ("request.json", request(type="urgent")),
        ("request.json", request(extra=1)),
        ("request.json", request(format=2)),
        ("request.json", request(format=True)),
        ("request.json", request(requested_at="2026-02-30T00:00:00Z")),
        ("request.json", request(requested_at="2026-11-22T12:00:00+01:00")),
        ("request.json", request(subject={"kind": "configuration", "runbook": "RB-X"})),
        ("request.json", request(window={"from": "2026-11-23T20:00:00Z"})),
        ("plan.json", bound(plan=None)),
        ("plan.json", bound(configuration={"from": "sha256:" + "1" * 64, "to": "sha256:" + "2" * 64, "paths": []})),
        ("plan.json", bound(request="sha256:" + "0" * 64)),
        ("plan.json", bound(sealed=[])),
        ("plan.json", bound(sealed=[["checks/db.py", "-", "sha256:" + "9" * 64]])),
        ("plan.json", bound(repository="f" * 40)),
        ("approvals/ben.json", approval("cid")),
        ("approvals/ben.json", approval("ben", change="CHG-2026-0008")),
        ("approvals/ben.json", approval("ben", repository="f" * 40)),
        ("approvals/ben.json", approval("ben", what="review")),
        ("approvals/ben.json", approval("ben", verdict="accepted", reason="x")),
        ("approvals/ben.json", approval("ben", environment="re\u200bhearsal")),
        ("result.json", result(result="fine")),
        ("result.json", result(change="CHG-2026-0008")),
    ],
)
def test_a_file_that_says_something_else_is_refused(path: str, value: Data) -> None:
    assert path in findings(with_file(path, encoded(value)))


@pytest.mark.parametrize(
    "path",
    [
        "approvals/ben.txt", "approvals/Ben.json", "approvals/ben\n.json", "approvals/../../x.json",
        "approvals/-n.json", "approvals/a b.json", "plan.json~", "PLAN.json", "notes.md", "runs/x/journal.jsonl",
        "approvals/x/y.json",
        "runs/20261122T053000Z-1a2b3c4d/plan.json", ".hidden", "approvals/\u202eneb.json",
        f"approvals/{'a' * 64}.json",
    ],
)  # fmt: skip
def test_a_file_of_another_name_is_refused(path: str) -> None:
    assert "no file or folder of this name" in findings(with_file(path, b"{}"))


@pytest.mark.parametrize(
    "name", ["CHG-2026-7", "CHG-2026-0007 ", "chg-2026-0007", "CHG-2026-0007\n", "x", "CHG-２０２６-0007"]
)
def test_a_folder_of_another_name_is_refused(name: str) -> None:
    assert "no id of a change" in findings(change_files(), name)


@pytest.mark.parametrize("path", ["request.json", "request.sig", "approvals/ben.sig", "result.sig"])
def test_a_missing_file_is_named(path: str) -> None:
    files = with_file("plan.md", b"")
    del files[path]
    assert f"{path}:1: file: it is missing" in findings(files)


@pytest.mark.parametrize(
    ("path", "size"),
    [("request.json", 65 * 1024), ("request.sig", 17 * 1024), ("approvals/ben.json", 65 * 1024), ("plan.md", 17 << 20)],
)
def test_a_huge_file_is_refused_and_not_read(tmp_path: Path, path: str, size: int) -> None:
    assert "which no change needs" in findings(with_file(path, b" " * size))
    folder = write_files(tmp_path / "changes" / CHANGE, with_file("plan.md", b""))
    with (folder / path).open("r+b") as file:
        file.truncate(1 << 40)  # sparse: reading it all would take every byte of memory
    with pytest.raises(InvalidInput, match="1 finding"):
        read_change(folder)


def _link(path: Path) -> None:
    target = path.with_name("elsewhere")
    path.rename(path.parent.parent.parent / "elsewhere")
    target = path.parent.parent.parent / "elsewhere"
    path.symlink_to(target)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("path", ["request.json", "plan.json", "plan.md", "approvals/ben.json", "approvals/ben.sig"])
@pytest.mark.parametrize("replace", [_link, _pipe, _folder])
def test_what_is_no_ordinary_file_is_refused(tmp_path: Path, path: str, replace: Callable[[Path], None]) -> None:
    folder = write_files(tmp_path / "changes" / CHANGE, change_files(approvals=[approval("ben")]))
    replace(folder / path)
    with pytest.raises(InvalidInput) as caught:
        read_change(folder)
    assert path in str(caught.value.findings[0])


def test_folders_that_are_links_are_refused(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "changes" / CHANGE, change_files(approvals=[approval("ben")]))
    (folder / "approvals").rename(tmp_path / "approvals")
    (folder / "approvals").symlink_to(tmp_path / "approvals")
    with pytest.raises(InvalidInput):
        read_change(folder)
    (tmp_path / "changes/CHG-2026-0008").symlink_to(folder)
    (tmp_path / "changes/CHG-2026-0009").write_text("a file")
    assert [each.name for each in read_changes(tmp_path).broken] == [CHANGE, "CHG-2026-0008", "CHG-2026-0009"]
    (tmp_path / "changes").rename(tmp_path / "others")
    (tmp_path / "changes").symlink_to(tmp_path / "others")
    with pytest.raises(InvalidInput, match="1 finding"):
        read_changes(tmp_path)


def test_very_many_files_are_refused(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "changes" / CHANGE, change_files())
    (folder / "approvals").mkdir()
    for number in range(1001):
        (folder / f"approvals/p{number}.sig").touch()
    with pytest.raises(InvalidInput) as caught:
        read_change(folder)
    assert "over 1,000 files" in str(caught.value.findings[0])


HOSTILE = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.sampled_from(["", "run", "playbook", "db-1", "{{ x }}", "-o", "\x1b[2J", "\u202e", "a\nb"]),
    st.just([]), st.just({}), st.just([[]]), st.just({"a": {}}),
)  # fmt: skip


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [place for key, each in value.items() for place in _places(each, (*path, key))]
    elif isinstance(value, list):
        found += [place for index, each in enumerate(value) for place in _places(each, (*path, index))]
    return found


VALUES = {
    "request.json": (request(), read_request),
    "plan.json": (bound(plan=plan_with_all().to_json()), read_bound),
    "result.json": (result(), lambda data: read_result(data, b"")),
}
PLACES = [(file, place) for file, (value, _) in VALUES.items() for place in _places(value)[1:]]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.sampled_from(PLACES), value=HOSTILE, action=st.sampled_from(["put", "remove", "add"]))
def test_whatever_stands_anywhere_is_read_and_shown_or_refused(
    place: tuple[str, tuple[str | int, ...]], value: Any, action: str
) -> None:
    """No value in any place ends in anything else than a finding, or a page that is safe to print."""
    file, path = place
    whole, reader = VALUES[file]
    changed = copy.deepcopy(whole)
    node: Any = changed
    for part in path[:-1]:
        node = node[part]
    if action == "remove":
        del node[path[-1]]
    elif action == "add" and isinstance(node, dict):
        node["added"] = value
    else:
        node[path[-1]] = value
    try:
        data = encoded(changed)
    except (UnicodeEncodeError, ValueError):
        return
    try:
        found = reader(data)
    except InvalidInput as error:
        assert all(forbidden_character(str(each)) is None for each in error.findings)  # noqa: PT017
        return
    if file == "plan.json":
        asked = read_request(encoded(request()))
        for language in ("en", "zh"):
            page = as_text(change_page(asked, found, language))
            assert forbidden_character(page, multiline=True) is None
            assert plan_file(asked, found, language)
