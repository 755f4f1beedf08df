"""changes.new, plan, approve, close, show and status as people use them, with real keys in a real repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.change.records.record import find_change
from drillbook.change.records.strict import encoded
from drillbook.change.trust.approval import verify_result
from drillbook.clock import SystemClock, timestamp
from drillbook.console.output import console
from drillbook.errors import ExitCode, Refused
from drillbook.journal.writer import Journal
from drillbook.tasks import changes as tasks
from drillbook.tasks.change_meaning import show_meaning
from drillbook.tasks.change_wiring import here
from drillbook.text import forbidden_character
from tests.change_estate import PARAMETER, RUNBOOK, SignedEstate, code_of, entered_estate, tomorrow
from tests.repo_values import git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

ID = f"CHG-{SystemClock().now().year}-0001"


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignedEstate:
    found = entered_estate(tmp_path, monkeypatch)
    monkeypatch.setattr(console, "_width", 100)
    return found


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a function that runs a task, checks its exit code and gives all that was said."""

    def run(task: Any, *args: Any, code: ExitCode = ExitCode.OK, **options: Any) -> str:
        ended = code_of(task, *args, **options)
        shown = capsys.readouterr()
        text = shown.out + shown.err
        assert ended == code, text
        assert "Traceback" not in text
        return " ".join(text.split())

    return run


def request(estate: SignedEstate, said: Any, *, by: str = "wang-jing", code: ExitCode = ExitCode.OK, **how: Any) -> str:
    options: dict[str, Any] = {
        "runbook": RUNBOOK, "env": "rehearsal", "window": tomorrow(), "reason": "The quarterly switchover",
        "key": estate.key(by), **how,
    }  # fmt: skip
    return str(
        said(tasks.new, how.pop("param", [PARAMETER]), code=code, **{k: v for k, v in options.items() if k != "param"})
    )


def planned(estate: SignedEstate, said: Any) -> None:
    request(estate, said)
    said(tasks.plan, ID)
    estate.commit()


def approve(estate: SignedEstate, said: Any, by: str, code: ExitCode = ExitCode.OK, **how: Any) -> str:
    return str(said(tasks.approve, ID, key=estate.key(by), yes=True, code=code, **how))


def files(estate: SignedEstate) -> set[str]:
    return {path.relative_to(estate.root).as_posix() for path in (estate.root / "changes").rglob("*")}


def test_from_the_request_to_the_last_approval(estate: SignedEstate, said: Any) -> None:
    told = request(estate, said)
    assert ID in told
    assert "risk high: it can interrupt 2 services of tier 1, promote cannot be undone" in told
    assert "requested" in said(tasks.status)
    told = said(tasks.plan, ID)
    assert "the rule rehearsal-runs wants 1" in told
    assert "on duty then" in told
    told = approve(estate, said, "zhang-tao")
    assert "the rule tier-one-runs wants 1" in told
    assert "1/2" in said(tasks.status)
    told = approve(estate, said, "lin-mei")
    assert f"./inv changes.apply {ID}" in told
    assert "approved" in said(tasks.status)
    told = said(tasks.show, ID, plan=True)
    assert "✓ approved" in told
    assert "pg_promote" in told or "promote" in told
    assert "已批准" in said(tasks.status, lang="zh")
    record = find_change(estate.root, ID)
    assert record.bound is not None
    assert all(json.loads(each.raw)["digest"] == record.bound.digest for each in record.approvals)


def test_ids_are_used_once(estate: SignedEstate, said: Any) -> None:
    request(estate, said)
    estate.commit()
    git(estate.root, "rm", "-rq", f"changes/{ID}")  # taken away again, but HEAD has it
    assert ID.replace("0001", "0002") in request(estate, said)
    (estate.root / f"changes/{ID.replace('0001', '0003')}").mkdir()  # broken, and taken
    assert ID.replace("0001", "0004") in request(estate, said)


@pytest.mark.parametrize(
    ("how", "code", "wanted"),
    [
        ({"by": "stranger"}, ExitCode.REFUSED, "belongs to no person of the trusted base"),
        ({"key": "/nowhere"}, ExitCode.PREREQUISITE, "there is no key in /nowhere"),
        (
            {"runbook": "RB-DB-SWITCHOVE"},
            ExitCode.USAGE,
            "there is no runbook 'RB-DB-SWITCHOVE' → did you mean 'RB-DB-SWITCHOVER'",
        ),
        ({"runbook": "../runbooks/RB-DB-SWITCHOVER"}, ExitCode.USAGE, "there is no runbook '../runbooks"),
        (
            {"env": "lab"},
            ExitCode.REFUSED,
            f"is the lab, and needs no change: nothing there is anybody's service → ./inv runbooks.run {RUNBOOK} --env",
        ),
        ({"env": "nowhere"}, ExitCode.USAGE, "environments has no 'nowhere'"),
        ({"env": ""}, ExitCode.USAGE, "say where it runs"),
        ({"param": ["pair=nothing"]}, ExitCode.USAGE, "nothing"),
        ({"reason": " "}, ExitCode.USAGE, "a change has a reason"),
        ({"reason": "one\ntwo"}, ExitCode.USAGE, "a line break"),
        ({"reason": "abc \u202e def"}, ExitCode.USAGE, "the character U+202E"),
        ({"window": ""}, ExitCode.USAGE, "does not run without a window"),
        ({"window": "tomorrow"}, ExitCode.USAGE, "has no '/'"),
        ({"type_": "emergency"}, ExitCode.USAGE, "an emergency is not requested"),
        ({"type_": "odd"}, ExitCode.USAGE, "normal or standard"),
        ({"type_": "standard", "runbook": "RB-DB-FAILOVER"}, ExitCode.REFUSED, "is no standard change"),
        ({"risk": "none"}, ExitCode.USAGE, "low, medium, high"),
        ({"risk": "low"}, ExitCode.REFUSED, "says that its risk is low, and it is"),
        ({"configuration": True}, ExitCode.USAGE, "--runbook RUNBOOK, or --configuration"),
        ({"configuration": True, "runbook": ""}, ExitCode.USAGE, "neither --env nor --param"),
        ({"runbook": ""}, ExitCode.USAGE, "say what changes"),
    ],
)
def test_a_request_that_cannot_be_is_refused_and_nothing_is_written(
    estate: SignedEstate, said: Any, how: dict[str, Any], code: ExitCode, wanted: str
) -> None:
    assert wanted in request(estate, said, code=code, **how)
    assert files(estate) == set()


def test_a_standard_change_needs_no_approval(estate: SignedEstate, said: Any) -> None:
    request(estate, said, type_="standard", risk="high")
    told = said(tasks.plan, ID)
    assert "nothing is missing" in told
    assert "approved" in said(tasks.status)


def test_a_runbook_that_is_not_committed_is_named(estate: SignedEstate, said: Any) -> None:
    text = (estate.root / f"runbooks/{RUNBOOK}.yaml").read_text().replace(RUNBOOK, "RB-NEW")
    (estate.root / "runbooks/RB-NEW.yaml").write_text(text)
    assert "git add runbooks/RB-NEW.yaml" in request(estate, said, runbook="RB-NEW", code=ExitCode.REFUSED)


def test_a_plan_is_made_of_committed_files_alone(estate: SignedEstate, said: Any) -> None:
    request(estate, said)
    (estate.root / "playbooks/lab_hosts.yml").write_text("- hosts: all\n")
    told = said(tasks.plan, ID, code=ExitCode.REFUSED)
    assert "playbooks/lab_hosts.yml" in told
    assert not (estate.root / f"changes/{ID}/plan.json").exists()
    git(estate.root, "checkout", "-q", "playbooks/lab_hosts.yml")
    (estate.root / "drills/records").mkdir(parents=True)
    (estate.root / "drills/records/other").write_text("free paths do not matter")
    said(tasks.plan, ID)


def test_a_plan_of_a_commit_that_the_base_does_not_have_says_so(estate: SignedEstate, said: Any) -> None:
    estate.commit({"playbooks/lab_hosts.yml": "- hosts: all\n"})
    request(estate, said)
    assert "playbooks/lab_hosts.yml" in said(tasks.plan, ID)


def test_a_signed_plan_stays(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    said(tasks.plan, ID)  # nobody has signed: it may be planned again
    approve(estate, said, "zhang-tao")
    before = (estate.root / f"changes/{ID}/plan.json").read_bytes()
    assert "has been approved by zhang-tao" in said(tasks.plan, ID, code=ExitCode.REFUSED)
    assert (estate.root / f"changes/{ID}/plan.json").read_bytes() == before


@pytest.mark.parametrize(
    ("by", "how", "code", "wanted"),
    [
        ("wang-jing", {}, ExitCode.REFUSED, "asked for"),
        ("gao-fei", {}, ExitCode.REFUSED, "may not approve"),
        ("stranger", {}, ExitCode.REFUSED, "no person of the trusted base"),
        ("zhang-tao", {"expires": "8d"}, ExitCode.USAGE, "7 days at most"),
        ("zhang-tao", {"expires": "1h"}, ExitCode.REFUSED, "before the window begins"),
        ("zhang-tao", {"expires": "soon"}, ExitCode.USAGE, "no length of time"),
        ("zhang-tao", {"verdict": "accepted", "reason": "x"}, ExitCode.REFUSED, "it is approved, not reviewed"),
        ("zhang-tao", {"verdict": "good"}, ExitCode.USAGE, "accepted or rejected"),
        ("zhang-tao", {"head": "nowhere"}, ExitCode.USAGE, "there is no commit 'nowhere'"),
        ("zhang-tao", {"reason": "x"}, ExitCode.USAGE, "--reason goes with --verdict"),
    ],
)
def test_an_approval_that_may_not_be_is_refused_and_nothing_is_written(
    estate: SignedEstate, said: Any, *, by: str, how: dict[str, Any], code: ExitCode, wanted: str
) -> None:
    planned(estate, said)
    before = files(estate)
    assert wanted in approve(estate, said, by, code, **how)
    assert files(estate) == before


def test_without_a_terminal_nobody_signs_by_chance(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    told = said(tasks.approve, ID, key=estate.key("zhang-tao"), code=ExitCode.STOPPED)
    assert "nothing was signed" in told


def test_a_swapped_plan_md_is_refused(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    page = estate.root / f"changes/{ID}/plan.md"
    page.write_text(page.read_text().replace("promote", "look"))
    assert "plan.md does not say what plan.json says" in approve(estate, said, "zhang-tao", ExitCode.REFUSED)


def test_an_altered_plan_is_refused_with_the_difference(estate: SignedEstate, said: Any) -> None:
    """Somebody alters plan.json and renders plan.md again: what would run is made anew, and is another plan."""
    from drillbook.change.records.reading import read_bound
    from drillbook.change.records.render import plan_file

    planned(estate, said)
    folder = estate.root / f"changes/{ID}"
    value = json.loads((folder / "plan.json").read_bytes())
    value["plan"]["steps"][0]["timeout"] = 1.0
    (folder / "plan.json").write_bytes(encoded(value))
    record = find_change(estate.root, ID)
    (folder / "plan.md").write_bytes(plan_file(record.request, read_bound(encoded(value))))
    told = approve(estate, said, "zhang-tao", ExitCode.REFUSED)
    assert "timeout" in told
    assert "approved: 1.0" in told
    assert "is not what would run now (1 difference" in told


def test_a_playbook_that_changed_after_the_plan_is_named(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    head = git(estate.root, "rev-parse", "HEAD")
    estate.commit({"playbooks/roles/base/tasks/main.yml": "- name: other\n"})
    told = approve(estate, said, "zhang-tao", ExitCode.REFUSED)
    assert "file playbooks/roles/base/tasks/main.yml" in told
    approve(estate, said, "zhang-tao", head=head)


@pytest.mark.parametrize(("head", "branch"), [("asked", "asked"), ("origin/asked", "asked"), ("", "BRANCH")])
def test_a_change_of_another_branch_is_approved_from_main(
    estate: SignedEstate, said: Any, *, head: str, branch: str
) -> None:
    git(estate.root, "switch", "-q", "-c", "asked")
    planned(estate, said)
    commit = git(estate.root, "rev-parse", "HEAD")
    git(estate.root, "update-ref", "refs/remotes/origin/asked", commit)
    git(estate.root, "switch", "-q", "main")
    assert files(estate) == set()
    assert "there is no change" in approve(estate, said, "zhang-tao", ExitCode.USAGE)
    told = said(tasks.approve, "0001", key=estate.key("zhang-tao"), yes=True, head=head or commit)
    assert f"git switch {branch} && git add changes/{ID}" in told
    assert "the rule tier-one-runs wants 1" in told
    assert "is there already" in approve(estate, said, "zhang-tao", ExitCode.REFUSED, head=head or commit)
    git(estate.root, "switch", "-q", "asked")  # the files come along
    assert [each.approver for each in find_change(estate.root, ID).approvals] == ["zhang-tao"]
    assert "1/2" in said(tasks.status)


def test_an_approved_change_that_the_base_would_run_otherwise_says_so(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    approve(estate, said, "zhang-tao")
    approve(estate, said, "lin-mei")
    assert "cannot run" not in said(tasks.status) + said(tasks.show, ID)
    estate.commit({"playbooks/roles/base/tasks/main.yml": "- name: other\n"})
    estate.pin()
    told = said(tasks.status)
    assert "approved; cannot run:" in told
    assert "the base differs" in told
    told = said(tasks.show, ID)
    assert "cannot run now: the trusted base would run something else: file playbooks/roles/base/tasks/main.yml" in told
    assert "changes.apply" not in told
    estate.commit({f"runbooks/{RUNBOOK}.yaml": None})
    estate.pin()
    assert "which is not there" in said(tasks.show, ID)


def test_a_deleted_runbook_is_named(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    estate.commit({f"runbooks/{RUNBOOK}.yaml": None})
    assert "which is not there" in approve(estate, said, "zhang-tao", ExitCode.USAGE)


def test_a_configuration_is_requested_planned_and_approved_by_what_changes(estate: SignedEstate, said: Any) -> None:
    base = estate.base.commit
    options = {"configuration": True, "runbook": "", "env": "", "param": []}
    assert "nothing to approve" in request(estate, said, code=ExitCode.REFUSED, **options)
    text = (estate.root / "cmdb.d/policies.yaml").read_text().replace("yearly: 72 h", "yearly: 48 h")
    estate.commit({"cmdb.d/policies.yaml": text})
    told = request(estate, said, **options)
    assert "risk high: 1 file, for which a rule wants 2 approvals" in told
    told = said(tasks.plan, ID)
    assert "cmdb.d/policies.yaml" in told
    assert "changed sha256:" in told
    estate.commit()
    # Who signs digests reads what they are of, in words: the same that a review would say, from the same files.
    told = approve(estate, said, "zhang-tao")
    move = find_change(estate.root, ID).bound.configuration
    assert f"read from the very files that are signed ({move.old[:19]}… → {move.new[:19]}…)" in told
    assert "<code>72 h</code> → <code>48 h</code>" in told
    assert told.index("48 h") < told.index("changed sha256:")
    approve(estate, said, "lin-mei")
    assert "trust.advance" in said(tasks.show, ID)
    assert find_change(estate.root, ID).bound is not None
    # The base has its state by now: it succeeded.
    estate.pin()
    assert estate.base.commit != base
    assert "succeeded" in said(tasks.close, ID, key=estate.key("wang-jing"))
    verify_result(find_change(estate.root, ID), estate.base)


def test_words_of_other_files_than_those_that_are_signed_are_never_shown(estate: SignedEstate, said: Any) -> None:
    text = (estate.root / "cmdb.d/policies.yaml").read_text()
    estate.commit({"cmdb.d/policies.yaml": text.replace("yearly: 72 h", "yearly: 48 h")})
    request(estate, said, configuration=True, runbook="", env="", param=[])
    said(tasks.plan, ID)
    signed = estate.commit()
    estate.commit({"cmdb.d/policies.yaml": text.replace("yearly: 72 h", "yearly: 24 h")})
    at, move = here(estate.root), find_change(estate.root, ID).bound.configuration
    with pytest.raises(Refused, match="do not have the files that would be signed"):
        show_meaning(move, at, at.repo.resolve("HEAD"), language="en")
    show_meaning(move, at, signed, language="zh")


def test_a_change_that_is_given_up_is_withdrawn_and_final(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    said(tasks.close, ID, key=estate.key("wang-jing"))
    assert "withdrawn" in said(tasks.status)
    assert "closed is final" in said(tasks.close, ID, key=estate.key("wang-jing"), code=ExitCode.REFUSED)
    assert "closed is final" in said(tasks.plan, ID, code=ExitCode.REFUSED)
    assert "closed is final" in approve(estate, said, "zhang-tao", ExitCode.REFUSED)


def run_of(estate: SignedEstate, *, closed: bool) -> str:
    """Write the journal of a run of the change, as the engine does."""
    run = f"{SystemClock().now():%Y%m%dT%H%M%SZ}-{SystemClock().token()}"
    folder = estate.root / ".drillbook/runs" / run
    folder.mkdir(parents=True)
    journal = Journal.create(folder / "journal.jsonl", SystemClock())
    record = find_change(estate.root, ID)
    assert record.bound is not None
    assert record.bound.plan is not None
    journal.append("run.opened", run=run, plan=record.bound.plan.digest, change_id=ID)
    journal.append("step.started", step="promote", attempt=1, key="k", item="db-2", action="run")
    journal.append("step.ended", step="promote", attempt=1, outcome="failed", detail="exit code 1\x1b[2J", seconds=0.1)
    journal.append("run.stopped", reason="failed", message="step promote: exit code 1", remedy="", step="promote")
    journal.append("run.resumed", operator="ann@host", executor="wang-jing", process=1)
    journal.append("step.started", step="promote", attempt=2, key="k", item="db-2", action="run")
    journal.append("step.ended", step="promote", attempt=2, outcome="succeeded", detail="", seconds=0.1)
    journal.append("step.done", step="promote")
    if closed:
        journal.append("run.closed", outcome="succeeded", message="")
    journal.close()
    (folder / "journal.sig").write_bytes(b"the journal's signature")
    return run


def test_a_run_is_closed_with_what_went_otherwise_and_its_journal(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    run = run_of(estate, closed=True)
    told = said(tasks.close, ID, key=estate.key("zhang-tao"))
    assert "succeeded" in told
    record = find_change(estate.root, ID)
    assert record.result is not None
    assert [(each.kind, each.step) for each in record.result.deviations] == [
        ("failed", "promote"), ("stopped", "promote"), ("resumed", ""), ("repeated", "promote"),
    ]  # fmt: skip
    assert all(forbidden_character(each.text) is None for each in record.result.deviations)
    kept = estate.root / f"changes/{ID}/runs/{run}"
    assert (kept / "journal.jsonl").read_bytes() == (estate.root / f".drillbook/runs/{run}/journal.jsonl").read_bytes()
    assert record.runs[0].signature == b"the journal's signature"
    assert record.result.runs[0].run == run
    verify_result(record, estate.base)


def test_a_change_whose_run_goes_on_is_not_closed(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    run_of(estate, closed=False)
    assert "running" in said(tasks.status)
    told = said(tasks.close, ID, key=estate.key("wang-jing"), code=ExitCode.REFUSED)
    assert "has a run that has not ended" in told
    assert "its plan does not change any more" in said(tasks.plan, ID, code=ExitCode.REFUSED)


def emergency(estate: SignedEstate, said: Any, *, days_ago: int) -> None:
    """Turn the planned change into the record of an emergency of some days ago."""
    from datetime import timedelta

    from drillbook.change.records.reading import read_bound, read_request
    from drillbook.change.records.render import plan_file
    from drillbook.change.trust.bound import bind_commit

    planned(estate, said)
    folder = estate.root / f"changes/{ID}"
    value = json.loads((folder / "request.json").read_bytes())
    at = timestamp(SystemClock().now() - timedelta(days=days_ago))
    raw = encoded({**value, "type": "emergency", "window": None, "requested_at": at})
    base = estate.base
    bound = bind_commit(read_request(raw), estate.repo, base=base.commit, head=base.commit, engine=base.engine)
    (folder / "request.json").write_bytes(raw)
    (folder / "request.sig").write_bytes(estate.signer("wang-jing").sign(raw, namespace="drillbook-request"))
    (folder / "plan.json").write_bytes(bound)
    (folder / "plan.md").write_bytes(plan_file(read_request(raw), read_bound(bound)))
    run_of(estate, closed=True)


def test_an_emergency_is_owed_until_somebody_else_reviews_it(estate: SignedEstate, said: Any) -> None:
    emergency(estate, said, days_ago=1)
    assert "owes its review (review due in 48 h)" in said(tasks.show, ID)
    assert "nobody has reviewed it" in said(tasks.close, ID, key=estate.key("wang-jing"), code=ExitCode.REFUSED)
    assert "is reviewed" in approve(estate, said, "zhang-tao", ExitCode.REFUSED)
    options = {"verdict": "rejected", "reason": "It could have waited"}
    assert "cannot review it too" in approve(estate, said, "wang-jing", ExitCode.REFUSED, **options)
    assert "may not review" in approve(estate, said, "gao-fei", ExitCode.REFUSED, **options)
    approve(estate, said, "zhang-tao", **options)
    assert "It could have waited" in said(tasks.show, ID)
    assert "reviewed" in said(tasks.status)
    said(tasks.close, ID, key=estate.key("wang-jing"))


def test_an_overdue_review_ends_with_a_code_of_its_own(estate: SignedEstate, said: Any) -> None:
    emergency(estate, said, days_ago=4)
    assert "overdue" in said(tasks.status, code=ExitCode.MISSED)
    assert "补审已逾期" in said(tasks.show, ID, lang="zh", code=ExitCode.MISSED)


def test_broken_records_are_shown(estate: SignedEstate, said: Any) -> None:
    planned(estate, said)
    (estate.root / f"changes/{ID}/approvals").mkdir()
    (estate.root / f"changes/{ID}/approvals/zhang-tao.json").write_text("{}")
    told = said(tasks.status, code=ExitCode.INVALID)
    assert f"{ID} broken" in told
    assert "approvals/zhang-tao.sig:1: file: it is missing" in told


def test_without_a_pin_changes_are_shown_and_nothing_is_judged(
    estate: SignedEstate, said: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(estate, said)
    approve(estate, said, "zhang-tao")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    told = said(tasks.status)
    assert "1 signed, not judged" in told
    assert "trust.pin" in told
    assert "trust.pin" in said(tasks.plan, ID, code=ExitCode.REFUSED)
