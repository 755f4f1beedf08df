"""Reviews of whole pull requests: real repositories, real commits, and what is said of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.errors import ExitCode, Refused, UsageError
from drillbook.evidence.record import write_record
from drillbook.repo.git import Repository
from drillbook.review.comment import LIMIT, comment
from drillbook.review.compose import find_range
from drillbook.review.drills import Fate
from drillbook.review.model import Verdict
from drillbook.review.sides import read_side
from drillbook.review.to_json import to_json
from tests.evidence_values import journal, observed, result
from tests.review_ground import CASES, Ground, estate, make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make(tmp_path)


def changed(ground: Ground, change: Callable[[Any], object]) -> None:
    data = estate()
    change(data)
    ground.estate(data)


def test_nothing_changed(ground: Ground) -> None:
    ground.commit()
    review = ground.review()
    assert (review.verdict, review.exit_code) == (Verdict.PLAIN, ExitCode.OK)
    assert "Nothing changed that this review looks at." in comment(review)


def test_of_free_files_alone_nothing_is_wanted(ground: Ground) -> None:
    ground.write("docs/a.md", "hello\n")
    ground.commit()
    review = ground.review()
    assert review.looked_past == {"docs/": 1}
    assert "<code>docs/</code> 1 file" in comment(review)


def test_a_weaker_promise_is_said_first(ground: Ground) -> None:
    changed(ground, lambda data: data["services"]["web"].update(rto="4 h"))
    ground.commit()
    review = ground.review()
    assert (review.verdict, review.weaker, review.exit_code) == (Verdict.LOOK, 1, ExitCode.OK)
    text = comment(review)
    assert text.splitlines()[1:3] == [
        "> [!WARNING]",
        "> **Look before you approve: 1 promise gets weaker; no change covers the new configuration.**",
    ]
    assert "RTO <code>1 h</code> → <code>4 h</code> **(weaker)**" in text
    assert "| <code>web</code> | <code>2</code> | <code>1 h</code> → <code>4 h</code> |" in text


def test_an_invalid_head_is_told_with_its_findings(ground: Ground) -> None:
    changed(ground, lambda data: data["config_items"]["db-2"].update(room="room-a", rack="a1"))
    ground.commit()
    review = ground.review()
    assert (review.verdict, review.exit_code) == (Verdict.INVALID, ExitCode.INVALID)
    assert [each.rule for each in review.new] == ["same-rack"]
    assert review.cmdb is not None
    assert [each.id for each in review.cmdb.entries] == ["db-2"]  # what changed is told all the same


@pytest.mark.parametrize(
    ("path", "content", "rule"),
    [
        ("cmdb.d/rest.yaml", "a: [\n", "yaml-syntax"),
        ("cmdb.d/rest.yaml", b"\xff\xfe", "encoding"),
        ("cmdb.yaml", "organisation: X\ninclude: [../../etc/passwd]\n", "include"),
        ("cmdb.yaml", "organisation: X\ninclude: ['/etc/*']\n", "include"),
        ("runbooks/RB-SWITCH.yaml", "runbook: RB-SWITCH\n", "schema-missing"),
        ("drills/core-switch.yaml", "drill: x\n", "schema-missing"),
        ("cmdb.yaml", "", "yaml-top"),
    ],
)
def test_files_that_cannot_be_read_are_findings(ground: Ground, path: str, content: str | bytes, rule: str) -> None:
    ground.write(path, content)
    ground.commit()
    review = ground.review()
    assert review.exit_code is ExitCode.INVALID
    assert rule in {each.rule for each in review.new}
    for language in ("en", "zh"):
        assert f"<code>{rule}</code>" in comment(review, language)
    assert to_json(review)["exit_code"] == 3


def test_a_cmdb_that_is_gone(ground: Ground) -> None:
    (ground.root / "cmdb.yaml").unlink()
    ground.commit()
    assert ground.review().exit_code is ExitCode.INVALID


def test_what_the_base_had_wrong_is_not_new_and_what_is_mended_is_said(tmp_path: Path) -> None:
    ground = make(tmp_path)
    ground.git("switch", "-q", "base")
    changed(ground, lambda data: data["config_items"]["db-2"].update(room="room-a", rack="a1"))
    ground.commit()
    ground.git("switch", "-q", "-C", "proposal")
    ground.estate(estate())
    ground.commit()
    review = ground.review()
    assert [each.rule for each in review.mended] == ["same-rack"]
    assert not review.new
    assert review.exit_code is ExitCode.OK
    assert "Mended:" in comment(review)


def test_a_changed_playbook_makes_drills_stale_and_shows_its_lines(ground: Ground) -> None:
    ground.git("switch", "-q", "base")
    ground.git("switch", "-q", "-C", "proposal")
    path = "playbooks/checks/db.py"
    ground.write(path, (ground.root / path).read_text() + "\n\nMORE = 1\n")
    ground.commit()
    review = ground.review()
    assert [(each.path, each.called_by, each.added, each.removed) for each in review.procedures] == [
        (path, ("RB-SWITCH",), 3, 0)
    ]
    assert [(each.name, each.fate, [reason.kind for reason in each.reasons]) for each in review.drills] == [
        ("core-switch", Fate.STALE, ["sealed"])
    ]
    assert not review.stale  # it was never proved: nothing got stale
    assert "```diff\n@@" in comment(review)
    assert "+MORE = 1" in comment(review)


def test_each_thing_that_a_plan_is_made_from_is_a_reason(ground: Ground) -> None:
    changed(ground, lambda data: data["config_items"]["db-1"].update(rack="a2"))
    ground.write("drills/core-switch.yaml", (ground.root / "drills/core-switch.yaml").read_text() + "# more\n")
    runbook = ground.root / "runbooks/RB-SWITCH.yaml"
    ground.write("runbooks/RB-SWITCH.yaml", runbook.read_text().replace("timeout: 5 s", "timeout: 6 s"))
    ground.commit()
    (drill,) = ground.review().drills
    assert {each.kind: each.about for each in drill.reasons} == {"runbook": ("RB-SWITCH",), "cmdb": ("db-1",)}


def test_a_comment_in_a_drill_changes_nothing(ground: Ground) -> None:
    ground.write("drills/core-switch.yaml", "# first\n" + (ground.root / "drills/core-switch.yaml").read_text())
    ground.commit()
    assert not ground.review().drills


def test_a_drill_that_cannot_be_planned_any_more(ground: Ground) -> None:
    changed(ground, lambda data: data["protections"]["core-pair"]["settings"].pop("unit"))
    ground.commit()
    (drill,) = ground.review().drills
    assert drill.fate is Fate.BROKEN
    assert "unit" in drill.reasons[0].about[0]


def test_a_new_drill_and_one_that_is_gone(ground: Ground) -> None:
    text = (ground.root / "drills/core-switch.yaml").read_text()
    (ground.root / "drills/core-switch.yaml").unlink()
    ground.write("drills/other.yaml", text.replace("drill: core-switch", "drill: other"))
    ground.commit()
    assert {each.name: each.fate for each in ground.review().drills} == {"core-switch": Fate.GONE, "other": Fate.NEW}


def record(ground: Ground, folder: Path, *, at: datetime) -> None:
    """Write a record of the drill, of the plan that the work tree gives now."""
    side = read_side(ground.root, "")
    drill = side.drills["core-switch"]
    value = result(observed(), started=at, ended=at + timedelta(minutes=1))
    note = replace(value.drill, name=drill.name, file=drill.file, digest=drill.digest)
    run = replace(value.runs[0], plan=side.plan(drill.call, "lab"), steps=())
    folder.mkdir()
    path = journal(folder, "step.started")
    write_record(replace(value, drill=note, runs=(run,)), root=ground.root, journals={run.run: path})


def test_evidence_gets_stale_and_is_proved_anew(tmp_path: Path) -> None:
    ground = make(tmp_path)
    ground.git("switch", "-q", "base")
    record(ground, tmp_path / "first", at=datetime(2026, 11, 1, tzinfo=UTC))
    ground.commit()
    ground.git("switch", "-q", "-C", "proposal")
    changed(ground, lambda data: data["config_items"]["db-1"].update(rack="a2"))
    ground.commit()
    review = ground.review()
    assert [each.name for each in review.stale] == ["core-switch"]
    assert review.verdict is Verdict.LOOK
    text = comment(review)
    assert "1 drill proves nothing any more" in text.splitlines()[2]
    assert "<code>core-switch</code> (2026-11-01, met) proves nothing any more: in the CMDB <code>db-1</code>" in text
    assert "After merging: <code>./inv drills.run core-switch</code>" in text
    record(ground, tmp_path / "second", at=datetime(2026, 11, 2, tzinfo=UTC))
    ground.commit()
    review = ground.review()
    assert not review.stale
    assert [each.proved for each in review.drills] == [True]
    assert "<code>core-switch</code> (2026-11-02, met) changed, and was proved anew here" in comment(review)


def test_a_record_that_was_tampered_with_proves_nothing(tmp_path: Path) -> None:
    ground = make(tmp_path)
    changed(ground, lambda data: data["config_items"]["db-1"].update(rack="a2"))
    record(ground, tmp_path / "first", at=datetime(2026, 11, 1, tzinfo=UTC))
    (path,) = ground.root.glob("drills/records/*/record.json")
    path.write_text(path.read_text().replace("Zhang Tao", "Zhang San"))
    ground.commit()
    (drill,) = ground.review().drills
    assert (drill.last, drill.proved) == (None, False)


def test_records_are_only_ever_added(ground: Ground) -> None:
    ground.git("switch", "-q", "base")
    ground.write("changes/CHG-2026-0001/request.json", "{}\n")
    ground.write("drills/records/x/record.json", "{}\n")
    ground.commit()
    ground.git("switch", "-q", "-C", "proposal")
    ground.write("changes/CHG-2026-0001/request.json", "{ }\n")
    (ground.root / "drills/records/x/record.json").unlink()
    ground.commit()
    review = ground.review()
    assert review.exit_code is ExitCode.REFUSED
    assert {(each.rule, each.path, each.what) for each in review.forbidden} == {
        ("add-only", "changes/CHG-2026-0001/request.json", "M"),
        ("add-only", "drills/records/x/record.json", "D"),
    }


def test_a_record_that_is_renamed_is_one_that_goes(ground: Ground) -> None:
    ground.git("switch", "-q", "base")
    ground.write("drills/records/x/record.json", "a long enough text to be found again\n" * 9)
    ground.commit()
    ground.git("switch", "-q", "-C", "proposal")
    ground.git("mv", "drills/records/x", "drills/records/y")
    ground.commit()
    assert [(each.path, each.what) for each in ground.review().forbidden] == [("drills/records/x/record.json", "D")]


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (lambda data: data["people"]["dan"]["roles"].append("approve"), "roles", "<code>dan</code> gains"),
        (lambda data: data["people"]["ann"].update(roles=["approve", "operate"]), "roles", "<code>ann</code> loses"),
        (
            lambda data: data["people"]["dan"].update(
                signing_keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5vYm9keSdzIGtleSwgZm9yIHRlc3RzIG9ubHkgMDAw"]
            ),
            "key", "SHA256&#58;",
        ),
        (lambda data: data["services"]["core"].update(tier=2), "tier", "tier of <code>core</code>"),
        (lambda data: data["config_items"]["db-2"].update(in_lab=False), "lab", "in&#95;lab"),
        (
            lambda data: data["policies"]["approvals"]["rules"].popitem(), "policy",
            "policy <code>approvals</code>",
        ),
    ],
)  # fmt: skip
def test_what_changes_who_may_approve_has_a_box_of_its_own(
    ground: Ground, change: Callable[[Any], object], kind: str, said: str
) -> None:
    changed(ground, change)
    ground.commit()
    review = ground.review()
    assert kind in {each.kind for each in review.powers}
    box = comment(review).split("#### This changes who may approve")[1].split("####")[0]
    assert said in box


@pytest.mark.parametrize(
    ("path", "kind"),
    [("src/drillbook/x.py", "engine"), ("inv", "launcher"), ("tasks.py", "launcher"), ("requirements.lock", "lock"),
     (".github/workflows/x.yml", "pipeline"), (".gitlab-ci.yml", "pipeline"), (".github/CODEOWNERS", "owners"),
     (".gitattributes", "git"), ("playbooks/.gitattributes", "git"), ("pyproject.toml", "lock")],
)  # fmt: skip
def test_files_that_hold_people_to_it_are_in_the_box(ground: Ground, path: str, kind: str) -> None:
    ground.write(path, "x\n")
    ground.commit()
    assert (kind, (path,)) in {(each.kind, each.about) for each in ground.review().powers}


def test_a_stale_inventory_is_refused(ground: Ground) -> None:
    ground.write("inventories/production/hosts.yml", "all: {}\n")
    ground.commit()
    review = ground.review()
    assert [(each.rule, each.path) for each in review.forbidden] == [("stale", "inventories/production/hosts.yml")]
    assert review.exit_code is ExitCode.REFUSED


def test_the_base_may_have_moved_on(ground: Ground) -> None:
    changed(ground, lambda data: data["config_items"]["db-1"].update(rack="a2"))
    ground.commit()
    ground.git("switch", "-q", "base")
    changed(ground, lambda data: data["config_items"]["web-1"].update(ring=2))
    ground.commit("elsewhere")
    review = ground.review()
    assert review.range.moved_on == 1
    assert review.range.both == ("cmdb.d/rest.yaml",)
    assert review.cmdb is not None
    assert [each.id for each in review.cmdb.entries] == ["db-1"]  # and nothing that the base did meanwhile
    assert "The base has moved on by 1" in comment(review)


def test_no_common_history(ground: Ground) -> None:
    ground.git("switch", "-q", "--orphan", "other")
    ground.write("a", "b")
    ground.commit()
    with pytest.raises(Refused, match="no commit in common"):
        find_range(Repository(ground.root), "base", "other")


def test_a_name_of_nothing(ground: Ground) -> None:
    with pytest.raises(UsageError, match="there is no commit 'nowhere'"):
        find_range(Repository(ground.root), "base", "nowhere")
    with pytest.raises(UsageError, match="cannot name a commit"):
        find_range(Repository(ground.root), "--output=x", "proposal")


def test_a_shallow_clone(ground: Ground, tmp_path: Path) -> None:
    ground.commit("second")
    ground.git("clone", "-q", "--depth", "1", f"file://{ground.root}", str(tmp_path / "shallow"))
    with pytest.raises(Refused, match="shallow"):
        find_range(Repository(tmp_path / "shallow"), "HEAD", "HEAD")


def test_a_detached_head_is_as_good_as_a_branch(ground: Ground) -> None:
    changed(ground, lambda data: data["config_items"]["db-1"].update(rack="a2"))
    ground.git("switch", "-q", "--detach", ground.commit())
    assert ground.review(head="HEAD").cmdb


def test_the_comment_keeps_its_limit_and_says_what_it_left_out(ground: Ground) -> None:
    for number in range(40):
        ground.write(f"playbooks/large-{number}.yml", "".join(f"# {line} {'x' * 150}\n" for line in range(200)))
    ground.commit()
    review = ground.review()
    text = comment(review)
    assert len(text.encode()) <= LIMIT
    assert "**Cut here**" in text
    assert text.splitlines()[1] == "> [!WARNING]"
    for limit in (30_000, 8_000, 3_000):
        assert len(comment(review, limit=limit).encode()) <= limit
        assert comment(review, "zh", limit=limit).count("```") % 2 == 0


def test_the_json_has_the_shape_that_is_documented(ground: Ground) -> None:
    changed(ground, lambda data: data["services"]["web"].update(rto="4 h"))
    ground.commit()
    value = json.loads(json.dumps(to_json(ground.review())))
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", (CASES.parents[1] / "docs/review.md").read_text(), re.MULTILINE))
    assert set(value) == documented
    assert value["cmdb"]["entries"] == [
        {
            "kind": "changed", "section": "services", "what": "", "id": "web", "old_id": None,
            "file": "cmdb.d/rest.yaml", "line": value["cmdb"]["entries"][0]["line"],
            "fields": [{"path": ["rto"], "old": "1 h", "new": "4 h", "judgement": "weaker"}],
        }
    ]  # fmt: skip


def test_nothing_of_the_proposal_is_run(ground: Ground, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    code = f"import pathlib; pathlib.Path({str(trap)!r}).touch()\n"
    for path in ("tasks.py", "conftest.py", "sitecustomize.py", "src/drillbook/__init__.py", "playbooks/checks/db.py"):
        ground.write(path, code)
    ground.write("inv", f"#!/bin/sh\ntouch {trap}\n")
    ground.write(".gitattributes", "* filter=x diff=x merge=x\n")
    ground.git("config", "filter.x.smudge", f"touch {trap}")
    ground.git("config", "diff.x.textconv", f"touch {trap}")
    ground.git("config", "core.fsmonitor", f"touch {trap}")
    ground.git("add", "-A")
    ground.git("-c", "core.fsmonitor=false", "-c", "filter.x.clean=cat", "commit", "-q", "-m", "trap")
    trap.unlink(missing_ok=True)
    comment(ground.review())
    assert not trap.exists()
