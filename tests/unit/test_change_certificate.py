"""changes.certificate, and the list of commands that a host lets pass."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.artifacts.seal import seal
from drillbook.change.records.record import find_change
from drillbook.clock import SystemClock
from drillbook.errors import ExitCode, Refused
from drillbook.execution.approved_commands import approved_commands
from drillbook.hosts.only import ONLY, list_digest, list_text, words_digest
from drillbook.plan.model import PlaybookRun
from drillbook.tasks import change_certificate, changes
from drillbook.tasks.wiring import load_estate, plan_of
from tests.change_estate import PARAMETER, RUNBOOK, code_of, entered_estate, tomorrow

if TYPE_CHECKING:
    from drillbook.plan.model import Plan
    from tests.change_estate import SignedEstate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
ID = f"CHG-{SystemClock().now().year}-0001"
BY, APPROVERS = "wang-jing", ("zhang-tao", "lin-mei")
LOGIN = "gao-fei"


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignedEstate:
    found = entered_estate(tmp_path, monkeypatch)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "ca"], check=True)
    return found


def test_the_officer_signs_for_an_approved_change_alone(
    estate: SignedEstate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = Path(estate.key(LOGIN)).with_suffix(".pub")
    public.write_text(f"{estate.keys[LOGIN].public} {LOGIN}\n")
    made, listed = public.with_name(f"{LOGIN}-cert.pub"), public.with_name(f"{LOGIN}-{ID}.list")

    def certificate(**options: Any) -> tuple[object, str]:
        capsys.readouterr()
        code = code_of(
            change_certificate.certificate, ID, **{"ca": str(tmp_path / "ca"), "for_": str(public), **options}
        )
        shown = capsys.readouterr()
        return code, " ".join((shown.out + shown.err).split())

    asked = {"runbook": RUNBOOK, "env": "rehearsal", "window": tomorrow(), "reason": "x", "key": estate.key(BY)}
    assert code_of(changes.new, [PARAMETER], **asked) is ExitCode.OK
    code, said = certificate()
    assert (code, "not planned yet" in said) == (ExitCode.REFUSED, True), said
    assert code_of(changes.plan, ID) is ExitCode.OK
    estate.commit()
    for approver in APPROVERS:
        code, said = certificate()
        assert (code, "is not approved" in said) == (ExitCode.REFUSED, True), said
        assert code_of(changes.approve, ID, key=estate.key(approver), yes=True) is ExitCode.OK
    assert not made.exists()
    assert not listed.exists()

    code, said = certificate(person=APPROVERS[1])  # who has no role that runs
    assert (code, "operate" in said) == (ExitCode.REFUSED, True), said
    stranger = Path(estate.key("stranger")).with_suffix(".pub")
    stranger.write_text(estate.keys["stranger"].public + "\n")
    code, said = certificate(for_=str(stranger))
    assert (code, "the key of nobody" in said) == (ExitCode.USAGE, True), said
    code, said = certificate(for_=str(tmp_path / "none.pub"))
    assert (code, "cannot be read" in said) == (ExitCode.USAGE, True), said
    code, said = certificate(ca=str(tmp_path / "none"))
    assert (code, "made no certificate" in said) == (ExitCode.USAGE, True), said
    assert not made.exists()

    code, said = certificate(source="192.0.2.7")
    assert code is ExitCode.OK, said
    assert "The executor brings that list to each host once" in said
    record = find_change(estate.root, ID)
    assert record.bound is not None
    assert record.bound.plan is not None
    text = listed.read_text()
    assert text == list_text(approved_commands(record.bound.plan, estate.root / "playbooks"))
    read = ["ssh-keygen", "-L", "-f", str(made)]
    told = subprocess.run(
        read, capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin"}
    ).stdout
    window = record.request.window
    assert window is not None
    for line in (
        f'Key ID: "{ID} {LOGIN}"', f"Valid: from {window.begins:%Y-%m-%dT%H:%M:%S} to {window.ends:%Y-%m-%dT%H:%M:%S}",
        f"force-command /usr/local/sbin/drillbook-only {ID} {list_digest(text)}", "source-address 192.0.2.7",
        "Extensions: (none)",
    ):  # fmt: skip
        assert line in told


def _plan(runbook: str) -> Plan:
    return plan_of(load_estate(ROOT), runbook, environment="lab", parameters={"pair": "core-db"})


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sealed copy of playbooks/, in which no cache of Python's is."""
    return seal(ROOT, tmp_path_factory.mktemp("sealed") / "artifacts").path


def test_a_plan_with_a_playbook_has_no_list(sealed: Path) -> None:
    plan = _plan("RB-DB-FAILBACK")
    assert any(isinstance(step.action, PlaybookRun) for step in plan.steps)
    with pytest.raises(Refused, match="runs a playbook"):
        approved_commands(plan, sealed)


def test_every_check_of_a_plan_is_found_to_ask_something(sealed: Path) -> None:
    """What is found by asking a host that answers nothing; a check of which nothing is found could never pass."""
    plan = _plan("RB-DB-SWITCHOVER")
    allowed = approved_commands(plan, sealed)
    checks = {(each.check.item, each.check.function) for each in plan.assumptions}
    plain = [each for each in allowed if each.step is None and each.words[:2] == ("/bin/sh", "-c")]
    assert len({each.words for each in plain}) >= len(checks)
    assert {each.item for each in plain} == set(plan.reachable)


def test_the_list_is_by_item_step_and_every_byte(sealed: Path) -> None:
    text = list_text(approved_commands(_plan("RB-DB-SWITCHOVER"), sealed))
    assert not text.endswith("\n"), "a shell's $(cat FILE) would lose it"
    assert len(set(text.splitlines())) == len(text.splitlines())
    assert words_digest(("a", "b")) != words_digest(("ab",)) != words_digest(("a", "b", ""))


def test_the_forced_command_is_a_script_that_dash_reads() -> None:
    subprocess.run(["/bin/sh", "-n"], input=ONLY, text=True, check=True)
