"""What an insider would try, on the lab's hosts under production's rules: refused, and no packet was sent.

The table in docs/attacks.md names these tests; another test compares the two.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from drillbook.canonical import canonical_json
from tests.capture import Capture
from tests.rehearsal import (
    APPROVER,
    EXECUTOR,
    GIVEN,
    REQUESTER,
    ROOT,
    RUNBOOK,
    SECOND,
    SPECIALIST,
    Rehearsal,
    Said,
    make_key,
    make_rehearsal,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


WAITING, READY = (f"CHG-{datetime.now(UTC).year}-{number}" for number in ("0001", "0002"))
"""Changes that every test finds: one that is planned, one that is approved."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    made = make_rehearsal(tmp_path_factory.mktemp("rehearsal"))
    assert (made.planned(), made.approved()) == (WAITING, READY)
    return made


@pytest.fixture
def it(made: Rehearsal) -> Iterator[Rehearsal]:
    """The rehearsal; afterwards everything is as it was, in the clone, in the remote and in the trust folder."""
    start = made.git("rev-parse", "HEAD")
    trust = made.folder / "home/.config"
    shutil.copytree(trust, made.folder / "trust-before", symlinks=True)
    yield made
    subprocess.run(["chmod", "-R", "u+w", str(trust)], check=True)
    shutil.rmtree(trust)
    shutil.move(made.folder / "trust-before", trust)
    made.git("reset", "--quiet", "--hard", start)
    made.git("clean", "--quiet", "-d", "--force")
    made.git("push", "--quiet", "--force", "origin", f"{start}:refs/heads/main")
    for ref in made.git("for-each-ref", "--format=%(refname)", "refs/drillbook", folder=made.remote).split():
        made.git("update-ref", "-d", ref, folder=made.remote)
    runs = made.work / ".drillbook/runs"
    subprocess.run(["chmod", "-R", "u+w", str(made.work / ".drillbook")], check=False)
    shutil.rmtree(runs, ignore_errors=True)


def refused(action: Callable[[], Said], *words: str) -> None:
    """Do it under a capture: refused with these words, and no packet went to any host."""
    with Capture() as capture:
        action().refused(*words)
    assert capture.packets == []


def plan_file(it: Rehearsal, change: str) -> Path:
    return it.work / "changes" / change / "plan.json"


def test_the_capture_sees_what_an_allowed_run_sends(it: Rehearsal) -> None:
    """Otherwise an empty capture would prove nothing."""
    change = READY
    with Capture() as capture:
        said = it.apply(change)
    assert said.code == 0, said.text
    assert len(capture.packets) > 20


def test_approve_your_own_change(it: Rehearsal) -> None:
    change = WAITING
    refused(lambda: it.approve(change, REQUESTER), "cannot approve it")


def test_apply_what_you_approved(it: Rehearsal) -> None:
    change = READY
    refused(lambda: it.apply(change, APPROVER), "approve")


def test_apply_without_an_approval(it: Rehearsal) -> None:
    change = WAITING
    refused(lambda: it.apply(change), "approv")


def test_alter_a_playbook_after_the_approval(it: Rehearsal) -> None:
    change = READY
    playbook = next((it.work / "playbooks").glob("*.yml"))
    playbook.write_text(playbook.read_text() + "\n# and one more thing\n")
    refused(lambda: it.apply(change), "playbooks/")
    it.commit("Nothing to see here")
    refused(lambda: it.apply(change), "not what was approved", playbook.name)
    it.push()
    refused(lambda: it.apply(change), "not what was approved", playbook.name)


def test_alter_the_cmdb_slice_after_the_approval(it: Rehearsal) -> None:
    change = READY
    core = it.work / "cmdb.d/core.yaml"
    core.write_text(core.read_text().replace("10.213.0.12", "10.213.0.13"))
    it.commit("A better address")
    it.push()
    refused(lambda: it.apply(change), "core-db-2")


def test_alter_the_plan_after_the_approval(it: Rehearsal) -> None:
    change = READY
    path = plan_file(it, change)
    value = json.loads(path.read_bytes())
    value["plan"]["steps"][0]["timeout"] += 1
    path.write_bytes(canonical_json(value) + b"\n")
    refused(lambda: it.apply(change), change)


def test_swap_plan_md(it: Rehearsal) -> None:
    change = WAITING
    page = it.work / "changes" / change / "plan.md"
    page.write_text(page.read_text().replace("core-db-1", "core-db-9"))
    refused(lambda: it.approve(change), "plan.md")


@pytest.mark.parametrize("mark", ["\u202e", "\x1b[2K", "\u2066"], ids=["right to left", "escape", "isolate"])
def test_hide_something_in_what_the_approver_sees(it: Rehearsal, mark: str) -> None:
    change = it.new()
    path = it.work / "changes" / change / "request.json"
    value = json.loads(path.read_bytes())
    value["reason"] += mark
    data = canonical_json(value) + b"\n"
    path.write_bytes(data)
    path.with_suffix(".sig").write_bytes(sign(it, REQUESTER, data, "drillbook-request"))
    said = it.inv("changes.plan", change)
    assert said.code in (3, 4), said.text
    assert mark not in said.text


def sign(it: Rehearsal, person: str, data: bytes, namespace: str) -> bytes:
    """Sign as OpenSSH does, outside drillbook."""
    return subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(it.key(person))],
        input=data, capture_output=True, check=True, timeout=30,
    ).stdout  # fmt: skip


def test_replay_an_approval_on_another_change(it: Rehearsal) -> None:
    change, other = READY, WAITING
    shutil.copytree(it.work / "changes" / change / "approvals", it.work / "changes" / other / "approvals")
    refused(lambda: it.apply(other), "change")


def forged(it: Rehearsal, of: str, person: str, **fields: str) -> None:
    """Give an approval that is signed well and says something else."""
    folder = it.work / "changes" / of / "approvals"
    value = json.loads((folder / f"{person}.json").read_bytes()) | fields
    data = canonical_json(value) + b"\n"
    (folder / f"{person}.json").write_bytes(data)
    (folder / f"{person}.sig").write_bytes(sign(it, person, data, "drillbook-approval"))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"environment": "production"}, "environment"),
        ({"repository": "1" * 40}, "repository"),
        ({"change": "CHG-2026-9999"}, "change"),
        ({"digest": "sha256:" + "0" * 64}, "plan"),
        ({"expires": "2026-01-01T00:00:00Z"}, "expire"),
    ],
    ids=["environment", "repository", "change", "plan", "expired"],
)
def test_replay_an_approval_that_was_meant_for_something_else(it: Rehearsal, fields: dict[str, str], word: str) -> None:
    change = READY
    for person in (APPROVER, SECOND):
        forged(it, change, person, **fields)
    refused(lambda: it.apply(change), word)


def test_sign_in_another_namespace(it: Rehearsal) -> None:
    change = READY
    for person in (APPROVER, SECOND):
        path = it.work / "changes" / change / "approvals" / f"{person}.json"
        path.with_suffix(".sig").write_bytes(sign(it, person, path.read_bytes(), "git"))
    refused(lambda: it.apply(change), "was made for git, not for drillbook-approval")


def test_sign_with_a_key_of_nobody(it: Rehearsal) -> None:
    change = WAITING
    make_key(it.folder / "keys/stranger")
    try:
        refused(lambda: it.approve(change, "stranger"), "key")
    finally:
        for path in (it.folder / "keys").glob("stranger*"):
            path.unlink()


PEOPLE, POLICIES = "cmdb.d/people.yaml", "cmdb.d/policies.yaml"
NOT_APPROVED = "is not approved"


def changed(it: Rehearsal, file: str, old: str, new: str) -> None:
    path = it.work / file
    text, count = re.subn(old, new, path.read_text())
    assert count, f"{file} has no {old}"
    path.write_text(text)


def add_a_key(it: Rehearsal) -> Callable[[], Said]:
    """A key of one's own for somebody who approves."""
    change = WAITING
    if not it.key("stranger").exists():
        make_key(it.key("stranger"))
    it.ok("trust.enrol", APPROVER, str(it.key("stranger")) + ".pub")
    return lambda: it.approve(change, "stranger")


def raise_a_role(it: Rehearsal) -> Callable[[], Said]:
    change = WAITING
    changed(it, PEOPLE, rf"(  {EXECUTOR}:\n(?:    .*\n)*?    roles: )\[operate\]", r"\1[operate, approve, manage]")
    return lambda: it.approve(change, EXECUTOR)


def lower_a_tier(it: Rehearsal) -> Callable[[], Said]:
    """Below tier one nobody who manages would be asked."""
    change = WAITING
    it.ok("changes.approve", change, "--yes", "--key", str(it.key(SPECIALIST)))
    changed(it, "cmdb.d/services.yaml", r"tier: 1\b", "tier: 3")
    return lambda: it.apply(change)


def call_it_a_lab(it: Rehearsal, environment: str) -> Callable[[], Said]:
    text = (it.work / "cmdb.d/environments.yaml").read_text()
    lab = re.search(r"  lab:\n((?:    .*\n)+)", text)
    assert lab is not None
    more = lab[1].replace("network: lab-net", "network: hq-servers") if environment == "production" else lab[1]
    changed(it, "cmdb.d/environments.yaml", rf"  {environment}:\n(?:    .*\n)+", f"  {environment}:\n{more}")
    return lambda: it.inv("runbooks.run", RUNBOOK, "--env", environment, *GIVEN, "--yes")


def let_others_approve(it: Rehearsal) -> Callable[[], Said]:
    change = WAITING
    changed(it, POLICIES, r"approved_by: \[[a-z, ]+\]", "approved_by: [operate]")
    return lambda: it.approve(change, EXECUTOR)


def alter_the_engine(it: Rehearsal) -> Callable[[], Said]:
    change = WAITING
    changed(it, "src/drillbook/change/gate/conditions.py", r"    if missing:\n", "    if missing and False:\n")
    return lambda: it.apply(change)


GRABS: dict[str, tuple[Callable[[Rehearsal], Callable[[], Said]], str]] = {
    "add a key": (add_a_key, "key"),
    "raise a role": (raise_a_role, "may not"),
    "lower a tier": (lower_a_tier, "tier — approved: 1; would run: 3"),
    "call production a lab": (partial(call_it_a_lab, environment="production"), ""),
    "call rehearsal a lab": (partial(call_it_a_lab, environment="rehearsal"), ""),
    "let operators approve": (let_others_approve, "may not"),
    "alter the engine": (alter_the_engine, NOT_APPROVED),
}


@pytest.mark.parametrize("grab", GRABS)
def test_grab_authority_in_the_same_pull_request(it: Rehearsal, grab: str) -> None:
    """The base does not move to it, by whatever ref; what is decided is decided by the base."""
    take, word = GRABS[grab]
    use = take(it)
    commit = it.commit(grab)
    it.push()
    it.git("update-ref", "refs/remotes/origin/main", commit)
    refused(lambda: it.inv("trust.advance"), commit[:7])
    refused(lambda: it.inv("trust.advance", "--to", commit), commit[:7])
    refused(use, word)


def test_move_the_base_back(it: Rehearsal) -> None:
    start = it.git("rev-parse", "HEAD")
    it.approved()
    it.ok("trust.advance")
    refused(lambda: it.inv("trust.advance", "--to", start), "only moves forward")


@pytest.mark.parametrize("place", ["key", "person", "forge"])
def test_a_newline_that_would_enter_a_generated_file(it: Rehearsal, place: str) -> None:
    path = it.work / "cmdb.d/people.yaml"
    evil = '"x\\n* @intruder\\nintruder namespaces=\\"drillbook-*\\" ssh-ed25519 AAAA"'
    text = path.read_text()
    path.write_text({
        "key": text.replace("  ma-chao:\n", f"  ma-chao:\n    signing_keys: [{evil}]\n"),
        "person": text.replace("  ma-chao:\n", f"  {evil}:\n"),
        "forge": text.replace("  ma-chao:\n", f"  ma-chao:\n    forge: {evil}\n"),
    }[place])  # fmt: skip
    said = it.inv("trust.owners")
    assert said.code == 3, said.text
    assert "cmdb.d/people.yaml:" in said.text
    assert "intruder" not in (it.work / ".github/CODEOWNERS").read_text()


def test_apply_twice(it: Rehearsal) -> None:
    change = READY
    said = it.apply(change)
    assert said.code == 0, said.text
    refused(lambda: it.apply(change), "once")


def test_apply_outside_the_window(it: Rehearsal) -> None:
    soon = datetime.now(UTC) + timedelta(hours=20)
    change = it.approved("--window", f"{soon:%Y-%m-%dT%H:%MZ}/1h")
    refused(lambda: it.apply(change), "window")
    said = it.inv(
        "changes.new", "--runbook", RUNBOOK, "--env", "rehearsal", *GIVEN, "--reason", "it was yesterday",
        "--window", f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%MZ}/1h", "--key", str(it.key(REQUESTER)),
    )  # fmt: skip
    assert said.code == 2, said.text
    assert "over" in said.text


def test_set_the_clock_back(it: Rehearsal) -> None:
    """The machine has seen a later time than the one that it says now."""
    change = READY
    (pin,) = (it.folder / "home/.config/drillbook/trust").glob("*/pin.json")
    value = json.loads(pin.read_bytes())
    value["last_seen"] = "2098-01-01T00:00:00.000000Z"
    pin.write_bytes(canonical_json(value) + b"\n")
    refused(lambda: it.apply(change), "clock")


def test_edit_a_journal_and_compute_its_hashes_anew(it: Rehearsal) -> None:
    from drillbook.journal.record import GENESIS, make_record, read_journal

    change = READY
    assert it.apply(change).code == 0
    (journal,) = (it.work / ".drillbook/runs").glob("*/journal.jsonl")
    assert it.inv("journal.verify").code == 0
    lines, prev = b"", GENESIS
    for record in read_journal(journal):
        data = {**record.data, "executor": "somebody-else"} if "executor" in record.data else dict(record.data)
        fresh = make_record(seq=record.seq, time=record.time, mono=record.mono, kind=record.kind, data=data, prev=prev)
        lines, prev = lines + fresh.line(), fresh.hash
    assert lines != journal.read_bytes()
    journal.chmod(0o600)
    journal.write_bytes(lines)
    said = it.inv("journal.verify")
    assert said.code == 40, said.text
    assert journal.parent.name in said.text


def test_delete_the_newest_run(it: Rehearsal) -> None:
    change = READY
    assert it.apply(change).code == 0
    (run,) = (it.work / ".drillbook/runs").iterdir()
    subprocess.run(["chmod", "-R", "u+w", str(run)], check=True)
    shutil.rmtree(run)
    said = it.inv("journal.verify")
    assert said.code == 40, said.text
    assert run.name in said.text


def test_change_the_tree_between_check_and_run(it: Rehearsal) -> None:
    """The run is stopped once it has begun; what lies in the work tree and in its own folder is altered then."""
    change = READY
    child = it.start("changes.apply", change, "--yes", "--key", str(it.key(EXECUTOR)))
    runs = it.work / ".drillbook/runs"
    deadline = time.monotonic() + 60
    while not list(runs.glob("*/journal.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGSTOP)
    try:
        (folder,) = runs.iterdir()
        subprocess.run(["chmod", "-R", "u+w", str(folder / "artifacts")], check=True)
        for path in (*(folder / "artifacts").rglob("*.py"), *(it.work / "playbooks").rglob("*.py")):
            path.write_text("raise SystemExit('altered')\n")
    finally:
        child.send_signal(signal.SIGCONT)
    text, _ = child.communicate(timeout=300)
    assert "altered" not in text.replace("was altered", "")
    assert child.returncode in (0, 4), text


def test_go_on_with_a_run_that_the_ledger_does_not_know(it: Rehearsal) -> None:
    """A folder that says that it changed something would else pass without window, freeze and approvals of now."""
    child = it.start("changes.apply", READY, "--yes", "--key", str(it.key(EXECUTOR)))
    runs = it.work / ".drillbook/runs"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = list(runs.glob("*/journal.jsonl"))
        if found and b'"step.started"' in found[0].read_bytes():
            break
        time.sleep(0.002)
    child.kill()
    child.communicate(timeout=60)
    refs = it.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/drillbook", folder=it.remote).splitlines()
    for each in refs:
        it.git("update-ref", "-d", each.split()[0], folder=it.remote)
    (run,) = runs.iterdir()
    refused(lambda: it.inv("runbooks.resume", run.name, "--key", str(it.key(EXECUTOR))), "ledger")
    for each in refs:
        it.git("update-ref", *each.split(), folder=it.remote)
    it.ok("runbooks.abandon", run.name, "--key", str(it.key(EXECUTOR)))  # its hosts are held, and others need them


def test_race_two_applies(it: Rehearsal, tmp_path: Path) -> None:
    """Two engineers at once, each in a clone of their own; the campaign does it a hundred times."""
    change = READY
    codes = sorted(said.code for said in it.raced(change, tmp_path))
    assert codes in ([0, 4], [0, 6])


@pytest.mark.parametrize("fields", ["until: 2026-01-31", "revoked: 2026-01-31"])
def test_a_key_that_was_revoked_or_has_ended(it: Rehearsal, fields: str) -> None:
    """In an estate of its own, whose pinned base says so of the approvers' keys."""
    change = READY
    people = it.work / "cmdb.d/people.yaml"
    text = people.read_text()
    for person in (APPROVER, SECOND):
        public = " ".join(it.key(person).with_suffix(".pub").read_text().split()[:2])
        assert public in text
        text = re.sub(rf"(['\"]?){re.escape(public)}\1", f"{{key: {public}, {fields}}}", text)
    people.write_text(text)
    it.ok("trust.owners")
    commit = it.commit("Their keys count no longer")
    it.push()
    it.ok("trust.pin", commit, "--remote", str(it.remote), "--yes")
    refused(lambda: it.apply(change), "revoked" if "revoked" in fields else "ended")


def test_a_newline_that_would_enter_known_hosts(it: Rehearsal) -> None:
    path = it.work / "cmdb.d/core.yaml"
    text = path.read_text()
    evil = '"ssh-ed25519 AAAA\\n10.213.0.11 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIintruder"'
    path.write_text(re.sub(r"(  core-db-1:\s*\n)", rf"\1    host_keys: {{production: [{evil}]}}\n", text, count=1))
    assert path.read_text() != text
    said = it.inv("cmdb.check")
    assert said.code == 3, said.text
    assert "cmdb.d/core.yaml:" in said.text


def test_the_table_of_the_docs_names_these_tests() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/attacks.md").read_text()))
    here = {name for name in globals() if name.startswith("test_")}
    assert named == here - {"test_the_table_of_the_docs_names_these_tests"}
