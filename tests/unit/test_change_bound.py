"""What is bound: the same request, commit and engine give the same bytes; everything that matters gives others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.change.records.reading import read_bound, read_request
from drillbook.change.records.render import change_page, is_rendering, plan_file
from drillbook.change.records.strict import encoded
from drillbook.change.trust.bound import bind_commit
from drillbook.errors import Refused, UsageError
from drillbook.repo.tree import tree_digest
from tests.change_estate import SignedEstate, signed_estate
from tests.change_values import ENGINE, plan_with_all, request
from tests.change_values import bound as value_of

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.change.records.model import Request

pytestmark = pytest.mark.slow

RUNBOOK = {
    "kind": "runbook", "runbook": "RB-DB-SWITCHOVER", "environment": "rehearsal", "parameters": {"pair": "core-db"},
}  # fmt: skip


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignedEstate:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return signed_estate(tmp_path)


def asked(**fields: object) -> Request:
    return read_request(encoded(request(**{"subject": RUNBOOK, **fields})))


def bytes_of(estate: SignedEstate, asked: Request, head: str = "HEAD") -> bytes:
    repo = estate.repo
    return bind_commit(asked, repo, base=estate.base.commit, head=repo.resolve(head), engine=ENGINE)


def test_a_runbooks_plan_is_bound_to_the_commit_and_not_to_the_work_tree(estate: SignedEstate) -> None:
    first = bytes_of(estate, asked())
    (estate.root / "playbooks/lab_hosts.yml").write_text("- hosts: all\n")
    (estate.root / "runbooks/RB-DB-SWITCHOVER.yaml").unlink()
    assert bytes_of(estate, asked()) == first
    bound = read_bound(first)
    assert bound.plan is not None
    assert bound.environment == "rehearsal"
    assert [path for path, _, _ in bound.sealed] == sorted(path for path, _, _ in bound.sealed)


@pytest.mark.parametrize(
    "change",
    [
        {"playbooks/roles/base/tasks/main.yml": "- name: other\n"},
        {"playbooks/new.yml": "- hosts: all\n"},
    ],
)
def test_a_changed_file_that_a_playbook_may_include_gives_other_bytes(
    estate: SignedEstate, change: dict[str, str | bytes | None]
) -> None:
    before = bytes_of(estate, asked())
    estate.commit(change)
    assert bytes_of(estate, asked()) != before


@pytest.mark.parametrize(
    "fields",
    [
        {"reason": "Another"},
        {"window": None},
        {"type": "standard"},
        {"change": "CHG-2026-0008"},
        {"repository": "f" * 40},
        {"requested_by": "eve"},
    ],
)
def test_another_request_gives_other_bytes(estate: SignedEstate, fields: dict[str, object]) -> None:
    assert bytes_of(estate, asked(**fields)) != bytes_of(estate, asked())


def test_another_engine_gives_other_bytes(estate: SignedEstate) -> None:
    repo, base = estate.repo, estate.base
    found = {
        bind_commit(asked(), repo, base=base.commit, head=repo.head(), engine=engine)
        for engine in (ENGINE, "sha256:" + "f" * 64)
    }
    assert len(found) == 2


def test_a_change_whose_runbook_was_deleted_says_so(estate: SignedEstate) -> None:
    estate.commit({"runbooks/RB-DB-SWITCHOVER.yaml": None})
    with pytest.raises(UsageError, match="asks for the runbook RB-DB-SWITCHOVER, which is not there") as caught:
        bytes_of(estate, asked())
    assert "make a new change" in caught.value.remedy


def test_a_configuration_is_bound_to_both_states_and_every_file(estate: SignedEstate) -> None:
    base = estate.base.commit
    configuration = asked(subject={"kind": "configuration"})
    head = estate.commit(
        {
            "runbooks/RB-DB-FAILBACK.yaml": None,
            "docs/new.md": "new\n",
            "cmdb.yaml": (estate.root / "cmdb.yaml").read_text() + "\n",
            "changes/CHG-2026-0001/request.json": "{}\n",  # free: no part of it
        }
    )
    move = read_bound(bytes_of(estate, configuration)).configuration
    assert move is not None
    assert (move.old, move.new) == (tree_digest(estate.repo, base), tree_digest(estate.repo, head))
    assert [(each.path, each.status) for each in move.paths] == [
        ("cmdb.yaml", "M"), ("docs/new.md", "A"), ("runbooks/RB-DB-FAILBACK.yaml", "D"),
    ]  # fmt: skip


def test_a_configuration_that_changes_nothing_is_refused(estate: SignedEstate) -> None:
    estate.commit({"changes/CHG-2026-0001/request.json": "{}\n"})
    with pytest.raises(Refused, match="nothing to approve"):
        bytes_of(estate, asked(subject={"kind": "configuration"}))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_what_an_approver_must_see(estate: SignedEstate, language: str) -> None:
    bound = read_bound(bytes_of(estate, asked()))
    assert bound.plan is not None
    text = plan_file(asked(), bound, language).decode()
    assert is_rendering(text.encode(), asked(), bound)
    plain = text.replace("\\", "")
    for wanted in (
        bound.digest,
        "The quarterly switchover",
        "2026-11-23 20:00 – 22:00 UTC",
        *bound.plan.services,
        *bound.plan.targets,
        *(step.id for step in bound.plan.steps),
        *(content for _, _, content in bound.sealed),
        "RTO 60 s",
    ):
        assert wanted in plain, wanted


def test_the_page_is_of_the_bytes_alone(estate: SignedEstate) -> None:
    bound = read_bound(bytes_of(estate, asked()))
    other = asked(window=None)
    assert not is_rendering(plan_file(asked(), bound), other, read_bound(bytes_of(estate, other)))
    assert not is_rendering(None, asked(), bound)
    assert change_page(asked(), bound) == change_page(asked(), read_bound(bound.raw))


def test_markdown_of_a_request_is_not_markup(estate: SignedEstate) -> None:
    """An entity would become a mark that turns text around, and a link would lead elsewhere."""
    hostile = asked(reason="&#x202e;evil <b>x</b> [a](http://x) `q` ![i](y) | # h")
    page = plan_file(hostile, read_bound(bytes_of(estate, hostile))).decode()
    assert r"\&\#x202e;evil \<b\>x\</b\> \[a\](http://x) \`q\` !\[i\](y) \| \# h" in page


def test_services_are_named_by_tier_and_many_alike_in_one_line() -> None:
    value = value_of(plan=plan_with_all().to_json())
    counters = [f"counter-{number}" for number in range(30)]
    entries = value["plan"]["cmdb_slice"]["services"]
    entries |= {id_: {"tier": 3, "rto": "4 h"} for id_ in counters}
    entries |= {"strong": {"tier": 1, "rto": "9 min"}, "weak": {"tier": 4}}
    value["plan"]["services"] = ["weak", *counters, "strong"]
    lines = change_page(asked(), read_bound(encoded(value)))
    start = next(at for at, line in enumerate(lines) if line.text == "Services that can be interrupted")
    assert [(line.label, line.text) for line in lines[start + 1 : start + 4]] == [
        ("strong", "tier 1, RTO 9 min"),
        ("tier 3, RTO 4 h (30)", ", ".join(counters)),
        ("weak", "tier 4"),
    ]
