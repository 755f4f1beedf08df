"""What a review says of changes: real keys, real signatures, a pinned base, the tasks as people type them."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.clock import SystemClock
from drillbook.errors import ExitCode
from drillbook.tasks import changes as tasks
from drillbook.tasks.change_review import review
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
    git(found.root, "switch", "-q", "-c", "proposal")
    return found


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a function that runs a task, checks its exit code and gives what it printed."""

    def run(task: Any, *args: Any, code: ExitCode = ExitCode.OK, **options: Any) -> str:
        ended = code_of(task, *args, **options)
        shown = capsys.readouterr()
        assert ended == code, shown.out + shown.err
        return shown.out

    return run


def propose(estate: SignedEstate, said: Any, *, by: str = "wang-jing", **how: Any) -> None:
    options = {
        "runbook": RUNBOOK,
        "env": "rehearsal",
        "window": tomorrow(),
        "reason": "The quarterly switchover",
        **how,
    }
    said(tasks.new, [PARAMETER] if options["runbook"] else [], key=estate.key(by), **options)
    said(tasks.plan, ID)
    estate.commit()


def approve(estate: SignedEstate, said: Any, by: str) -> None:
    said(tasks.approve, ID, key=estate.key(by), yes=True)
    estate.commit()


def found(said: Any, *, code: ExitCode = ExitCode.OK) -> dict[str, Any]:
    value = json.loads(said(review, json=True, code=code))
    assert isinstance(value, dict)
    return value


def test_a_change_from_its_plan_to_its_last_approval(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    value = found(said)
    (change,) = value["changes"]
    assert (change["change"], change["requested_by"], change["ready"]) == (ID, "wang-jing", False)
    assert {each["rule"] for each in change["missing"]} == {"rehearsal-runs", "tier-one-runs"}
    assert any("zhang-tao" in each["who_could"] for each in change["missing"])
    assert value["verdict"] == "look"
    approve(estate, said, "zhang-tao")
    (change,) = found(said)["changes"]
    assert change["approved_by"] == ["zhang-tao"]
    assert [each["rule"] for each in change["missing"]] == ["tier-one-runs"]
    approve(estate, said, "lin-mei")
    value = found(said)
    (change,) = value["changes"]
    assert change["ready"]
    assert not change["missing"]
    assert not change["differs_from_head"]
    assert value["verdict"] == "plain"
    assert value["base"]["pinned"]
    text = said(review)
    assert "against the trusted base (<code>" in text
    assert "every rule is satisfied" in text
    assert f"The plan of <code>{ID}</code>" in text
    assert "申请人" in said(review, lang="zh")


def test_a_playbook_that_is_changed_after_the_approval(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    approve(estate, said, "zhang-tao")
    approve(estate, said, "lin-mei")
    path = estate.root / "playbooks/postgresql_rebuild.yml"
    estate.commit({"playbooks/postgresql_rebuild.yml": path.read_text() + "# and more\n"})
    value = found(said)
    (change,) = value["changes"]
    assert not change["ready"]
    assert [each["where"] for each in change["differs_from_head"]] == ["file playbooks/postgresql_rebuild.yml"]
    assert value["uncovered"]["files"] == 1
    assert "plan.json is not what this head gives" in said(review)


def test_the_cmdb_slice_is_changed_after_the_approval(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    path = estate.root / "cmdb.d/core.yaml"
    estate.commit({"cmdb.d/core.yaml": path.read_text().replace("rack: b01", "rack: b02", 1)})
    (change,) = found(said)["changes"]
    assert any("rack" in each["where"] for each in change["differs_from_head"])


def test_a_page_that_says_something_else(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    estate.commit({f"changes/{ID}/plan.md": "# A harmless plan\n"})
    (change,) = found(said)["changes"]
    assert change["plan_md_differs"]
    text = said(review)
    assert "plan.md is not what plan.json says" in text
    assert "harmless" not in text


def test_who_brings_along_the_right_to_approve_has_not_got_it(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    approve(estate, said, "zhang-tao")
    folder = estate.root / f"changes/{ID}/approvals"
    value = json.loads((folder / "zhang-tao.json").read_bytes())
    forged = json.dumps({**value, "approver": "gao-fei"}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    signature = estate.signer("gao-fei").sign(forged, namespace="drillbook-approval")
    people = (estate.root / "cmdb.d/people.yaml").read_text()
    assert "roles: [operate]" in people
    estate.commit(
        {
            f"changes/{ID}/approvals/gao-fei.json": forged,
            f"changes/{ID}/approvals/gao-fei.sig": signature,
            "cmdb.d/people.yaml": people.replace("roles: [operate]", "roles: [operate, approve, manage]"),
        }
    )
    value = found(said)
    (change,) = value["changes"]
    assert [each["rule"] for each in change["missing"]] == ["tier-one-runs"]
    assert not change["ready"]
    assert ("roles", ["gao-fei"]) in [(each["kind"], each["about"]) for each in value["authority"]]


def test_approvals_that_do_not_count_are_told_with_the_reason(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    approve(estate, said, "zhang-tao")
    folder = estate.root / f"changes/{ID}/approvals"
    approval = json.loads((folder / "zhang-tao.json").read_bytes())
    encoded = json.dumps({**approval, "approver": "lin-mei"}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    wrong = estate.signer("zhang-tao").sign(encoded, namespace="drillbook-approval")
    estate.commit({f"changes/{ID}/approvals/lin-mei.json": encoded, f"changes/{ID}/approvals/lin-mei.sig": wrong})
    (change,) = found(said)["changes"]
    assert change["approved_by"] == ["zhang-tao"]
    assert list(change["refused"]) == ["lin-mei"]
    assert "the approval by <code>lin-mei</code> does not count" in said(review)


def test_a_change_that_is_copied_to_another_id(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    shutil.copytree(estate.root / f"changes/{ID}", estate.root / f"changes/{ID[:-1]}2")
    estate.commit()
    value = found(said)
    assert [(each["change"], each["ready"], bool(each["findings"])) for each in value["changes"]] == [
        (ID, False, False), (f"{ID[:-1]}2", False, True),
    ]  # fmt: skip
    assert "its files are wrong" in said(review)


def test_a_runbook_that_is_deleted_under_its_change(estate: SignedEstate, said: Any) -> None:
    propose(estate, said)
    estate.commit({f"runbooks/{RUNBOOK}.yaml": None})
    value = found(said, code=ExitCode.INVALID)  # another runbook calls it, or a standard change names it
    (change,) = value["changes"]
    assert change["cannot_be_planned"]
    assert "no plan can be made from this head" in said(review, code=ExitCode.INVALID)


def test_a_change_of_the_configuration_covers_what_it_says_and_no_more(estate: SignedEstate, said: Any) -> None:
    core = (estate.root / "cmdb.d/core.yaml").read_text()
    estate.commit({"cmdb.d/core.yaml": core.replace("rack: b01", "rack: b02", 1)})
    assert found(said)["uncovered"]["files"] == 1
    propose(estate, said, runbook="", configuration=True, env="", reason="It moved")
    value = found(said)
    assert value["uncovered"] == {"files": 0, "missing": []}
    (change,) = value["changes"]
    assert not change["differs_from_head"]
    assert change["missing"]
    estate.commit({"docs/x.md": "a word\n"})
    value = found(said)
    assert value["uncovered"]["files"] == 2
    assert any(each["where"] == "file docs/x.md" for each in value["changes"][0]["differs_from_head"])


def test_a_window_inside_a_freeze(estate: SignedEstate, said: Any) -> None:
    # The freeze of the base counts; that the proposal would move it makes no difference.
    propose(estate, said, env="production", window=_year_end())
    (change,) = found(said)["changes"]
    assert change["freeze"]["id"].startswith("year-end")
    assert change["on_duty"][0] == "chen-wei"
    assert not change["ready"]
    assert "inside the freeze" in said(review)


def _year_end() -> str:
    year = SystemClock().now().year
    if year != 2026:
        pytest.skip("the shipped freeze periods are of another year")
    return "2026-12-28T20:00/2h"


def test_without_a_pin_the_base_that_is_named_counts_and_it_is_said(
    estate: SignedEstate, said: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    propose(estate, said)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    value = json.loads(said(review, json=True, base="main"))
    assert not value["base"]["pinned"]
    assert value["changes"][0]["missing"]
    assert "No trusted base is pinned here" in said(review, base="main")
    said(review, code=ExitCode.USAGE)  # there is no origin/main


def test_it_is_written_to_a_file(estate: SignedEstate, said: Any, tmp_path: Path) -> None:
    propose(estate, said)
    assert said(review, out=str(tmp_path / "review.md")) == ""
    assert (tmp_path / "review.md").read_text().startswith("<!-- drillbook review -->\n> [!WARNING]\n")
    said(review, lang="xx", code=ExitCode.USAGE)
    said(review, head="nowhere", code=ExitCode.USAGE)


def test_all_commands_name_the_same_rules_for_a_configuration(estate: SignedEstate, said: Any) -> None:
    """A rack is moved: the rule for firewalls, which wants two, is not about it, and nobody says that it were."""
    core = (estate.root / "cmdb.d/core.yaml").read_text()
    estate.commit({"cmdb.d/core.yaml": core.replace("rack: b01", "rack: b02", 1)})
    (wanted,) = found(said)["uncovered"]["missing"]
    told = said(
        tasks.new, [], key=estate.key("wang-jing"), runbook="", configuration=True, env="", window="", reason="Moved"
    )  # fmt: skip
    assert "a rule wants 1 approval" in told
    planned = said(tasks.plan, ID)
    estate.commit()
    (change,) = found(said)["changes"]
    assert change["missing"] == [wanted]
    shown = said(tasks.show, ID)
    for text in (planned, shown):
        assert wanted["rule"] in text
        assert "firewall-configuration" not in text
    approve(estate, said, wanted["who_could"][0])
    assert found(said)["changes"][0]["ready"]
    assert "trust.advance" in said(tasks.show, ID)
