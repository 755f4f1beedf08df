"""The base moves along approved commits alone, and the approval is judged by what was trusted before."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.change.trust.advance import Step, advance
from drillbook.change.trust.base import trusted_base
from drillbook.errors import DrillbookError, Refused
from drillbook.repo.git import Repository
from tests.repo_values import commit, git
from tests.trust_values import CHANGE, NOW, At, Estate, new_estate

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

WHEN = "2026-11-22T10:00:00+00:00"


@pytest.fixture(autouse=True)
def no_trust_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("drillbook.change.trust.pin.MACHINE", tmp_path / "etc")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return new_estate(tmp_path)


def refused(estate: Estate, why: str, candidate: str = "HEAD") -> None:
    """Hold that the base does not move, and why."""
    before = trusted_base(estate.root, At()).commit
    with pytest.raises(DrillbookError, match=why):
        advance(estate.root, candidate, At())
    assert trusted_base(estate.root, At()).commit == before


def test_it_moves_to_what_was_approved_and_says_why(estate: Estate) -> None:
    records = commit(estate.root, {"drills/records/one/record.json": "{}"}, when=WHEN)
    moved = estate.move({"runbooks/notes": "two\n"}, approved_by=["bob"])
    told: list[Step] = []
    base = advance(estate.root, "main", At(), tell=told.append)
    assert (base.commit, base.digest) == (moved, trusted_base(estate.root, At()).digest)
    assert (base.folder / "runbooks/notes").read_text() == "two\n"
    assert [(step.commit.id, step.accepted, step.why) for step in told] == [
        (records, True, "adds records only"),
        (moved, True, f"is {CHANGE}, approved by bob"),
    ]
    assert advance(estate.root, moved, At()).commit == moved


def test_new_people_count_only_after_the_commit_that_brings_them(estate: Estate) -> None:
    estate.people["eve"] = {"roles": ["approve", "manage"], "signing_keys": [estate.keys["eve"].public]}
    moved = estate.move({"cmdb.yaml": estate.cmdb()})
    assert advance(estate.root, "HEAD", At()).commit == moved
    later = estate.move({"runbooks/notes": "by eve\n"}, change="CHG-2026-0008", approved_by=["eve"])
    assert advance(estate.root, "HEAD", At()).commit == later


# --- what an insider tries; each is one commit on the branch that everybody follows


def own_key(estate: Estate) -> None:
    estate.people["eve"] = {"roles": ["approve", "manage"], "signing_keys": [estate.keys["eve"].public]}
    estate.move({"cmdb.yaml": estate.cmdb()}, approved_by=["eve"])


def own_key_and_a_friend(estate: Estate) -> None:
    estate.people["eve"] = {"roles": ["approve", "manage"], "signing_keys": [estate.keys["eve"].public]}
    estate.move({"cmdb.yaml": estate.cmdb()}, approved_by=["eve", "bob"])


def own_role(estate: Estate) -> None:
    estate.people["dan"]["roles"] = ["operate", "approve", "manage"]
    estate.move({"cmdb.yaml": estate.cmdb()}, approved_by=["dan"])


def own_rules(estate: Estate) -> None:
    text = estate.cmdb().replace('"approvals": 2', '"approvals": 0').replace('"approvals": 1', '"approvals": 0')
    assert text != estate.cmdb()
    estate.move({"cmdb.yaml": text}, approved_by=[])


def one_approval_of_two(estate: Estate) -> None:
    estate.move({"cmdb.yaml": estate.cmdb(organisation="Y")}, approved_by=["bob"])


def a_person_in_another_file(estate: Estate) -> None:
    """Say in a file that no rule names who may approve; one colleague takes it for a note."""
    key = estate.keys["eve"].public
    eve = {"name": {"en": "Eve", "zh": "名"}, "roles": ["approve"], "contact": {"phone": "+1 202 555 0109"}}
    estate.move({"notes/a.yaml": json.dumps({"people": {"eve": {**eve, "signing_keys": [key]}}})}, approved_by=["bob"])


def a_module_beside_the_tasks(estate: Estate) -> None:
    """Python looks for modules beside tasks.py before it looks anywhere else; one colleague takes it for a helper."""
    estate.move({"yaml.py": "print('mine')\n"}, approved_by=["bob"])


def settings_of_invoke(estate: Estate) -> None:
    estate.move({"invoke.py": "print('mine')\n"}, approved_by=["bob"])


def a_package_in_place_of_the_engine(estate: Estate) -> None:
    estate.move({"drillbook/__init__.py": "print('mine')\n"}, approved_by=["bob"])


def the_state_of_a_machine(estate: Estate) -> None:
    commit(estate.root, {".drillbook/runs/one/journal.jsonl": "{}\n"}, when=WHEN)
    git(estate.root, "rm", "-q", "-r", "--cached", ".drillbook")


def a_compiled_program(estate: Estate) -> None:
    commit(estate.root, {"src/__pycache__/gate.cpython-311.pyc": b"\0"}, when=WHEN)


def own_approval(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, by="cid", approved_by=["cid"])


def key_of_another(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, approved_by=["bob"], signed_by={"bob": "cid"})


def request_of_another(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, signed_by={"dan": "eve"})


def no_approver(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, approved_by=["dan"], by="cid")


def other_purpose(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, namespace="drillbook-request")


def other_repository(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, request={"repository": "1" * 40}, approval={"repository": "1" * 40})


def other_environment(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, approval={"environment": "rehearsal"})


def expired(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, expires=NOW - timedelta(hours=2, minutes=30))


def too_old_by_policy(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, at=NOW - timedelta(days=8), expires=NOW + timedelta(days=30))


def of_type_emergency(estate: Estate) -> None:
    estate.move({"runbooks/notes": "evil\n"}, request={"type": "emergency"})


def no_record(estate: Estate) -> None:
    commit(estate.root, {"runbooks/notes": "evil\n"}, when=WHEN)


def more_than_approved(estate: Estate) -> None:
    estate.move({"runbooks/notes": "two\n"})
    (estate.root / "runbooks/more").write_text("evil")
    git(estate.root, "add", "-A")
    git(estate.root, "commit", "-q", "--amend", "-m", "x", when=WHEN)


def in_the_future(estate: Estate) -> None:
    estate.move({"runbooks/notes": "two\n"}, when="2026-11-22T12:30:00+00:00")


def expired_and_dated_back(estate: Estate) -> None:
    """Date a harmless commit back first, so that the next one may be as old."""
    commit(estate.root, {"changes/note": "x"}, when="2026-11-10T10:00:00+00:00")
    at = NOW.replace(day=10)
    estate.move({"runbooks/notes": "evil\n"}, at=at, expires=at + timedelta(days=1), when="2026-11-10T13:00:00+00:00")


def a_record_changed(estate: Estate) -> None:
    commit(estate.root, {"changes/CHG-2026-0001/request.json": "1"}, when=WHEN)
    advance(estate.root, "HEAD", At())
    commit(estate.root, {"changes/CHG-2026-0001/request.json": "2"}, when=WHEN)


def a_record_removed(estate: Estate) -> None:
    commit(estate.root, {"drills/records/one": "1"}, when=WHEN)
    advance(estate.root, "HEAD", At())
    estate.move({"drills/records/one": None, "runbooks/notes": "two\n"})


def a_record_that_is_a_link(estate: Estate) -> None:
    (estate.root / "changes").mkdir()
    (estate.root / "changes/README").symlink_to("/etc/passwd")
    commit(estate.root, {}, when=WHEN)


def a_record_that_is_damaged(estate: Estate) -> None:
    estate.move({"runbooks/notes": "two\n"})
    (estate.root / "changes" / CHANGE / "request.sig").write_text("nonsense")
    git(estate.root, "add", "-A")
    git(estate.root, "commit", "-q", "--amend", "-m", "x", when=WHEN)


def hidden_in_a_merge(estate: Estate) -> None:
    """Merge a branch that adds a record, and slip a governed file into the merge itself."""
    git(estate.root, "checkout", "-q", "-b", "side")
    commit(estate.root, {"changes/note": "x"}, when=WHEN)
    git(estate.root, "checkout", "-q", "main")
    git(estate.root, "merge", "-q", "--no-ff", "--no-commit", "side", when=WHEN)
    (estate.root / "runbooks/notes").write_text("evil\n")
    git(estate.root, "add", "-A")
    git(estate.root, "commit", "-q", "-m", "Merge side", when=WHEN)


def a_link_that_leads_out(estate: Estate) -> None:
    estate.move({"runbooks/link": Path("/etc/shadow")}, approved_by=["bob"])


def an_invalid_cmdb(estate: Estate) -> None:
    estate.move({"cmdb.yaml": "organisation: 3\n"})


ATTACKS: list[tuple[Callable[[Estate], Any], str]] = [
    (own_key, "wants 2 approvals .* that of eve does not count: .*does not know"),
    (own_key_and_a_friend, "wants 2 approvals by the role approve and has 1 .bob."),
    (own_role, "asks for a change does not approve it"),
    (own_rules, "wants 2 approvals"),
    (one_approval_of_two, "wants 2 approvals .* has 1 .bob."),
    (a_person_in_another_file, "wants 2 approvals .* has 1 .bob."),
    (a_module_beside_the_tasks, "wants 2 approvals .* has 1 .bob."),
    (settings_of_invoke, "wants 2 approvals .* has 1 .bob."),
    (a_package_in_place_of_the_engine, "wants 2 approvals .* has 1 .bob."),
    (the_state_of_a_machine, "would be the state of this machine"),
    (a_compiled_program, "is a compiled program"),
    (own_approval, "asks for a change does not approve it"),
    (key_of_another, "made with the key of cid"),
    (request_of_another, "does not know"),
    (no_approver, "wants 1 approval by the role approve and has none"),
    (other_purpose, "made for drillbook-request"),
    (other_repository, "another repository"),
    (other_environment, "another environment"),
    (expired, "expired at"),
    (too_old_by_policy, "is too old"),
    (of_type_emergency, "of type emergency"),
    (no_record, "no change in changes/ moves the trusted files to these"),
    (more_than_approved, "no change in changes/ moves"),
    (in_the_future, "the clock was set back, or the commit's is wrong"),
    (expired_and_dated_back, "is dated 2026-11-10T10:00:00Z, before the trusted commit"),
    (a_record_changed, "changes changes/CHG-2026-0001/request.json, and records are only ever added"),
    (a_record_removed, "removes drills/records/one"),
    (a_record_that_is_a_link, "is a link or a submodule"),
    (a_record_that_is_damaged, "no SSH signature"),
    (hidden_in_a_merge, "changes runbooks/notes"),
    (a_link_that_leads_out, "outside the tree"),
    (an_invalid_cmdb, "organisation"),
]


@pytest.mark.parametrize(("attack", "why"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_it_does_not_move_to(estate: Estate, attack: Callable[[Estate], Any], why: str) -> None:
    attack(estate)
    refused(estate, f"(?s){why}")


def test_an_approver_whose_key_was_revoked_before_does_not_count(estate: Estate) -> None:
    people = copy.deepcopy(estate.people)
    people["bob"]["signing_keys"] = [{"key": estate.keys["bob"].public, "revoked": "2026-11-21"}]
    estate.people = people
    estate.move({"cmdb.yaml": estate.cmdb()}, approved_by=["ann", "cid"])
    advance(estate.root, "HEAD", At())
    # Signed with a date before that: it is the commit that says when it came.
    estate.move(
        {"runbooks/notes": "evil\n"}, change="CHG-2026-0008", approved_by=["bob"], at=NOW - timedelta(days=2)
    )  # fmt: skip
    refused(estate, "was revoked on 2026-11-21")


def test_a_key_that_was_revoked_does_not_count_again_by_a_commit_that_is_dated_back(estate: Estate) -> None:
    keys = estate.keys["bob"].public
    estate.people = {
        **estate.people,
        "bob": {**estate.people["bob"], "signing_keys": [{"key": keys, "revoked": "2026-11-22"}]},
    }
    revoking = estate.move({"cmdb.yaml": estate.cmdb()}, approved_by=["ann", "cid"])
    before = {"at": NOW - timedelta(days=2), "when": "2026-11-21T10:00:00+00:00"}
    commit(estate.root, {"changes/note": "x"}, when="2026-11-21T09:00:00+00:00")
    estate.move({"runbooks/notes": "evil\n"}, change="CHG-2026-0008", approved_by=["bob"], **before)
    with pytest.raises(Refused, match="is dated 2026-11-21"):
        advance(estate.root, "HEAD", At())
    assert trusted_base(estate.root, At()).commit == revoking
    # A few minutes are a clock's; the time at which approvals must count does not go back with them.
    near = commit(estate.root, {"changes/other": "x"}, when="2026-11-22T09:56:00+00:00")
    git(estate.root, "reset", "-q", "--hard", revoking)
    git(estate.root, "cherry-pick", "--allow-empty", near, when="2026-11-22T09:56:00+00:00")
    assert advance(estate.root, "HEAD", At()).committed_at == NOW - timedelta(hours=2)


def test_refs_of_the_clone_move_nothing(estate: Estate) -> None:
    before = trusted_base(estate.root, At()).commit
    evil = commit(estate.root, {"runbooks/notes": "evil\n"}, when=WHEN)
    for ref in ("refs/remotes/origin/main", "refs/heads/main", "refs/tags/base"):
        git(estate.root, "update-ref", ref, evil)
        refused(estate, "no change in changes/", candidate=ref)
    assert trusted_base(estate.root, At()).commit == before


def test_an_approved_move_fits_one_base_only(estate: Estate) -> None:
    start = estate.head
    estate.move({"runbooks/notes": "two\n"}, approved_by=["bob"])
    record = {path: (estate.root / path).read_bytes() for path in git(estate.root, "ls-files", "changes").splitlines()}
    git(estate.root, "reset", "-q", "--hard", start)
    estate.move({"runbooks/other": "o\n"}, change="CHG-2026-0008", approved_by=["bob"])
    advance(estate.root, "HEAD", At())
    commit(estate.root, {"runbooks/notes": "two\n", **record}, when=WHEN)
    refused(estate, "no change in changes/ moves the trusted files to these")


def test_an_approved_move_is_used_once(estate: Estate) -> None:
    estate.move({"runbooks/notes": "two\n"}, approved_by=["bob"])
    back = estate.move({"runbooks/notes": "one\n"}, change="CHG-2026-0008", approved_by=["bob"])
    assert advance(estate.root, "HEAD", At()).commit == back
    commit(estate.root, {"runbooks/notes": "two\n"}, when=WHEN)
    refused(estate, f"{CHANGE}: it was used already")


def test_nobody_stops_the_base_for_good_with_files_that_are_no_plans(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are only added, so what is merged once would be in the way of everybody for ever."""
    monkeypatch.setattr("drillbook.change.trust.advance.LARGEST_PLAN", 100_000)
    monkeypatch.setattr("drillbook.repo.git.MAX_BLOB", 200_000)
    monkeypatch.setattr("drillbook.repo.git.MAX_BLOBS", 200_000)
    large = {f"changes/CHG-2026-{number}/plan.json": f"{number}" * 20_000 for number in range(9000, 9004)}
    commit(estate.root, {"changes/CHG-2026-9999/plan.json": "x" * 300_000, **large}, when=WHEN)
    moved = estate.move({"runbooks/notes": "two\n"}, approved_by=["bob"])
    assert advance(estate.root, "HEAD", At()).commit == moved


def test_the_base_moves_neither_back_nor_aside(estate: Estate) -> None:
    first = estate.head
    moved = estate.move({"runbooks/notes": "two\n"})
    advance(estate.root, "HEAD", At())
    refused(estate, "is older than the trusted", candidate=first)
    git(estate.root, "checkout", "-q", "-b", "aside", first)
    estate.move({"runbooks/notes": "three\n"})
    refused(estate, "is on another line than the trusted")
    git(estate.root, "merge", "-q", "--no-ff", "-s", "ours", "-m", "m", moved, when=WHEN)
    refused(estate, "is on another line than the trusted")
    with pytest.raises(DrillbookError, match="there is no commit"):
        advance(estate.root, "nothing", At())


def test_what_is_approved_or_undone_after_it_came_is_passed_over(estate: Estate) -> None:
    first = estate.head
    evil = commit(estate.root, {"runbooks/notes": "evil\n"}, when=WHEN)
    refused(estate, "changes runbooks/notes")
    undone = commit(estate.root, {"runbooks/notes": "one\n"}, when=WHEN)
    told: list[Step] = []
    assert advance(estate.root, "HEAD", At(), tell=told.append).commit == undone
    assert [(step.commit.id, step.accepted) for step in told] == [(evil, False), (undone, True)]
    assert "is passed over" in told[0].why
    # Merged first, approved after it.
    early = commit(estate.root, {"runbooks/notes": "two\n"}, when=WHEN)
    record = estate.record(undone, early, change="CHG-2026-0009", approved_by=["bob"])
    last = commit(estate.root, record, when=WHEN)
    assert advance(estate.root, "HEAD", At()).commit == last
    assert Repository(estate.root).first_parents(first, last)


def test_it_goes_as_far_as_commits_are_approved_and_names_the_one_that_is_not(estate: Estate) -> None:
    good = estate.move({"runbooks/notes": "two\n"})
    bad = commit(estate.root, {"runbooks/notes": "evil\n"}, "An evil thing", when=WHEN)
    with pytest.raises(Refused, match=rf"commit {bad[:12]} \('An evil thing'\) changes runbooks/notes") as error:
        advance(estate.root, "HEAD", At())
    assert good[:12] in error.value.remedy
    assert trusted_base(estate.root, At()).commit == good
