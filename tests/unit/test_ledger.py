"""The git remote as arbiter: claims, locks and the log of runs, in a bare repository on this disk."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import Locked, Refused, RemoteUnreachable, UsageError
from drillbook.ledger.claims import claim_ref, close_run, give_up, lock_ref, open_run
from drillbook.ledger.entries import LOST, NAMESPACE, entries
from drillbook.ledger.remote import LEDGER, Move, Remote
from tests.journal_runs import make_key, signers_of
from tests.ledger_help import bare, entry, loose, remote

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def url(tmp_path: Path) -> Path:
    return bare(tmp_path / "server.git")


@pytest.fixture
def ours(tmp_path: Path, url: Path) -> Remote:
    return remote(tmp_path / "ours", url)


def refs_of(url: Path) -> list[str]:
    told = subprocess.run(
        ["git", f"--git-dir={url}", "for-each-ref", "--format=%(refname)"], check=True, capture_output=True, text=True
    )
    return told.stdout.split()


def commit(of: Remote, text: str, parent: str | None = None) -> str:
    return of.store.commit({"file": text.encode()}, message="m", who="ada", seconds=0, parent=parent)


# --- refs ----------------------------------------------------------------------------------------------------------


def test_a_ref_moves_only_from_where_it_is_said_to_be(ours: Remote) -> None:
    one, two, three = (commit(ours, text) for text in "123")
    assert ours.update([Move(LEDGER, None, one)])
    assert not ours.update([Move(LEDGER, None, two)])
    assert not ours.update([Move(LEDGER, two, three)])
    assert ours.update([Move(LEDGER, one, two)])
    assert ours.fetch() == {LEDGER: two}
    assert not ours.update([Move(LEDGER, one, None)])
    assert ours.update([Move(LEDGER, two, None)])
    assert ours.fetch() == {}


def test_all_moves_are_made_or_none(ours: Remote, url: Path) -> None:
    one = commit(ours, "1")
    assert ours.update([Move(lock_ref("rehearsal", "db-2"), None, one)])
    wanted = [Move(lock_ref("rehearsal", item), None, commit(ours, "2")) for item in ("db-1", "db-2", "db-3")]
    assert not ours.update(wanted)
    assert refs_of(url) == [lock_ref("rehearsal", "db-2")]


def test_a_move_that_was_made_already_counts_as_made(ours: Remote) -> None:
    """The answer of the remote was lost, say: asked again, it is as it should be."""
    one = commit(ours, "1")
    assert ours.update([Move(LEDGER, None, one)])
    assert ours.update([Move(LEDGER, None, one)])


@pytest.mark.parametrize("broken", ["/nowhere/at/all.git", "ssh://git@127.0.0.1:1/x.git", "ext::sh -c true"])
def test_a_remote_that_does_not_answer_is_said_so(tmp_path: Path, broken: str) -> None:
    with pytest.raises(RemoteUnreachable, match="cannot be used"):
        remote(tmp_path / "ours", broken, seconds=5).fetch()
    of = remote(tmp_path / "ours", broken, seconds=5)
    moves = [Move(LEDGER, None, commit(of, "1"))]
    with pytest.raises(RemoteUnreachable):
        of.update(moves)


def test_a_remote_that_says_nothing_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 600\n")
    silent.chmod(0o700)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(silent))
    with pytest.raises(RemoteUnreachable, match=r"did not end within 0\.5 s"):
        remote(tmp_path / "ours", "ssh://git@host.invalid/x.git", seconds=0.5).fetch()


@pytest.mark.parametrize("url", ["", "--upload-pack=touch /tmp/x", "a\nb"])
def test_what_is_no_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(Refused, match="no git remote"):
        Remote(tmp_path, url)


def test_a_server_that_does_not_take_such_refs_is_said_so(ours: Remote, url: Path) -> None:
    hook = url / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not allowed here >&2\nexit 1\n")
    hook.chmod(0o700)
    with pytest.raises(Refused, match="does not take refs under refs/drillbook/") as refused:
        ours.update([Move(LEDGER, None, commit(ours, "1"))])
    assert not isinstance(refused.value, RemoteUnreachable)


def test_the_checkouts_own_settings_have_no_say(tmp_path: Path, url: Path) -> None:
    """A hook or a rewritten URL in the checkout's .git would lead the push elsewhere, or run something."""
    root = tmp_path / "checkout"
    subprocess.run(["git", "init", "--quiet", root], check=True)
    other = bare(tmp_path / "other.git")
    subprocess.run(["git", "-C", root, "config", f"url.{other}.insteadOf", str(url)], check=True)
    for name in ("pre-push", "reference-transaction"):
        hook = root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o700)
    of = remote(root, url)
    assert of.update([Move(LEDGER, None, commit(of, "1"))])
    assert refs_of(url) == [LEDGER]
    assert refs_of(other) == []
    assert not (tmp_path / "ran").exists()
    assert refs_of(root / ".git") == []


# --- runs ----------------------------------------------------------------------------------------------------------


def test_opening_a_run_claims_locks_and_logs_it(ours: Remote, url: Path) -> None:
    tip = open_run(ours, loose(entry("run-1")), locks=["db-1", "db-2"], claim=True)
    assert refs_of(url) == [
        claim_ref("CHG-2026-0001"), LEDGER, lock_ref("rehearsal", "db-1"), lock_ref("rehearsal", "db-2")
    ]  # fmt: skip
    ledger = entries(ours)
    assert ledger.tip == tip
    assert [each.entry for each in ledger.open_runs()] == [entry("run-1")]
    assert ledger.flaws == ()


def test_closing_gives_the_locks_free_and_keeps_the_claim(ours: Remote, url: Path) -> None:
    open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True)
    close_run(ours, loose(entry("run-1", "closed", result="succeeded", count=9)))
    assert refs_of(url) == [claim_ref("CHG-2026-0001"), LEDGER]
    ledger = entries(ours)
    assert ledger.open_runs() == ()
    assert [each.entry.what for each in ledger.entries] == ["opened", "closed"]
    assert ledger.find("run-1", "closed").entry.count == 9


def test_a_lock_that_is_held_says_by_whom_and_since_when(ours: Remote, tmp_path: Path, url: Path) -> None:
    open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True)
    theirs = remote(tmp_path / "theirs", url)
    other = loose(entry("run-2", change="CHG-2026-0002", executor="ben", machine="desk-2"))
    before = refs_of(url)
    with pytest.raises(Locked, match=r"db-1 in rehearsal is held by run run-1 of ada on desk-1, since 2026-11-22T12:"):
        open_run(theirs, other, locks=["db-0", "db-1"], claim=True)
    assert refs_of(url) == before
    assert [each.entry.run for each in entries(ours).entries] == ["run-1"]
    close_run(ours, loose(entry("run-1", "closed")))
    open_run(theirs, other, locks=["db-0", "db-1"], claim=True)


def test_a_change_is_applied_once_even_after_its_run_ended(ours: Remote, tmp_path: Path, url: Path) -> None:
    open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True)
    close_run(ours, loose(entry("run-1", "closed")))
    with pytest.raises(Refused, match="CHG-2026-0001 was applied before, by run run-1 of ada") as refused:
        open_run(remote(tmp_path / "theirs", url), loose(entry("run-2")), locks=["db-1"], claim=True)
    assert not isinstance(refused.value, Locked)


def test_a_change_whose_claim_was_taken_away_is_not_applied_again(ours: Remote, tmp_path: Path, url: Path) -> None:
    open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True)
    close_run(ours, loose(entry("run-1", "closed")))
    subprocess.run(["git", f"--git-dir={url}", "update-ref", "-d", claim_ref("CHG-2026-0001")], check=True)
    with pytest.raises(Refused, match="was applied before, by run run-1 of ada"):
        open_run(remote(tmp_path / "theirs", url), loose(entry("run-2")), locks=["db-1"], claim=True)


def test_the_same_run_again_takes_only_what_is_missing(ours: Remote) -> None:
    first = open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True)
    assert open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True) == first
    assert open_run(ours, loose(entry("run-1")), locks=["db-1", "db-2"], claim=True) == first
    assert lock_ref("rehearsal", "db-2") in ours.fetch()


def test_a_run_that_the_remote_never_heard_of_is_entered_at_its_end(ours: Remote) -> None:
    """Break-glass without the remote: it is told as soon as that can be reached."""
    opened, closed = loose(entry("run-1", type="emergency")), loose(entry("run-1", "closed", type="emergency"))
    tip = close_run(ours, opened, closed)
    assert [each.entry.what for each in entries(ours).entries] == ["opened", "closed"]
    assert close_run(ours, opened, closed) == tip


def test_another_entry_under_the_same_name_is_refused(ours: Remote) -> None:
    close_run(ours, loose(entry("run-1", "closed", head="sha256:" + "c" * 64)))
    with pytest.raises(Refused, match=r"another entry run-1-closed\.json"):
        close_run(ours, loose(entry("run-1", "closed")))


@pytest.mark.parametrize("name", ["a..b", "a.lock", "x.y"])
def test_every_name_of_an_item_can_be_locked(ours: Remote, name: str) -> None:
    open_run(ours, loose(entry("run-1")), locks=[name], claim=False)
    with pytest.raises(Locked, match=name):
        open_run(ours, loose(entry("run-2")), locks=[name], claim=False)


# --- what was done to the ledger -------------------------------------------------------------------------------------


def test_a_ledger_that_was_rewound_is_refused_and_told(ours: Remote, tmp_path: Path, url: Path) -> None:
    first = close_run(ours, loose(entry("run-1", "closed")))
    second = close_run(ours, loose(entry("run-2", "closed")))
    assert entries(ours, seen=second).flaws == ()
    subprocess.run(["git", f"--git-dir={url}", "update-ref", LEDGER, first], check=True)
    theirs = remote(tmp_path / "theirs", url)
    for of in (ours, theirs):
        assert "rewound or rewritten" in entries(of, seen=second).flaws[0]
        with pytest.raises(Refused, match="rewound or rewritten"):
            close_run(of, loose(entry("run-3", "closed")), seen=second)
    subprocess.run(["git", f"--git-dir={url}", "update-ref", "-d", LEDGER], check=True)
    with pytest.raises(Refused, match="now there is none"):
        open_run(ours, loose(entry("run-3")), locks=[], claim=False, seen=second)


def test_what_was_changed_or_removed_in_the_ledger_is_told(ours: Remote) -> None:
    tip = close_run(ours, loose(entry("run-1", "closed")))
    path = "entries/run-1-closed.json"
    other = entry("run-1", "closed", result="refused").to_bytes()
    changed = ours.store.commit({path: other}, message="m", who="ada", seconds=0, parent=tip)
    assert ours.update([Move(LEDGER, tip, changed)])
    ledger = entries(ours, seen=tip)
    assert any("entries are only ever added" in flaw for flaw in ledger.flaws)
    assert ledger.find("run-1", "closed").entry.result == ""
    gone = ours.store.commit({"other": b""}, message="m", who="ada", seconds=0)
    assert ours.update([Move(LEDGER, changed, gone)])
    assert any("rewound" in flaw for flaw in entries(ours, seen=tip).flaws)


@pytest.mark.parametrize(
    ("path", "data", "says"),
    [
        ("entries/x-opened.json", b"{}", "is not an entry"),
        ("entries/x-opened.json", entry("y").to_bytes(), "entry of another run"),
        ("entries/x-opened.json", entry("x").to_bytes(), "is not signed"),
        ("entries/x-opened.json.sig", b"", "without its entry"),
        ("readme", b"", "changes readme"),
        ("entries/x-opened.json", b'{"format":1,' + entry("x").to_bytes()[1:], "is not an entry"),
        ("entries/x-opened.json", entry("x", reason="\x1b[2J").to_bytes(), "is not an entry"),
    ],
)
def test_what_is_no_entry_is_told(ours: Remote, path: str, data: bytes, says: str) -> None:
    assert ours.update([Move(LEDGER, None, ours.store.commit({path: data}, message="m", who="ada", seconds=0))])
    ledger = entries(ours)
    assert ledger.entries == ()
    assert says in ledger.flaws[0]


# --- races -----------------------------------------------------------------------------------------------------------

RACER = """
import sys
from pathlib import Path
from drillbook.errors import Refused, Locked, DrillbookError
from drillbook.ledger.claims import open_run, close_run
from drillbook.ledger.remote import Remote
from tests.ledger_help import entry, loose

root, url, who, way, rounds = Path(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5])
remote = Remote(root, url)
for number in range(rounds):
    sys.stdin.readline()
    change, item = (f"CHG-{number}", "db-1") if way == "claim" else (f"CHG-{number}-{who}", "db-1")
    if way == "neither":
        item = f"db-{who}"
    run = f"run-{number}-{who}"
    try:
        open_run(remote, loose(entry(run, change=change, executor=who)), locks=[item], claim=True)
    except (Refused, Locked) as error:
        said = f"lost: {error.message}"
    else:
        said = "won"
    print(said, flush=True)
    sys.stdin.readline()
    if said == "won":
        close_run(remote, loose(entry(run, "closed", change=change, executor=who)))
    print("closed", flush=True)
"""


def race(tmp_path: Path, url: Path, way: str, *, rounds: int, racers: int = 2) -> list[list[str]]:
    """Let processes begin at once, round after round; give what each said in each round."""
    processes = []
    for number in range(racers):
        (tmp_path / f"racer-{number}").mkdir()
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", RACER, tmp_path / f"racer-{number}", url, f"p{number}", way, str(rounds)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
        )  # fmt: skip

    def together() -> list[str]:
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return [process.stdout.readline().strip() for process in processes]

    found = []
    try:
        for _ in range(rounds):
            found.append(together())
            assert together() == ["closed"] * racers
    finally:
        for process in processes:
            process.stdin.close()
            process.stdout.close()
            process.wait()
    return found


@pytest.mark.parametrize("rounds", [8, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("way", ["claim", "lock"])
def test_of_two_that_begin_at_once_exactly_one_runs(
    ours: Remote, tmp_path: Path, url: Path, way: str, rounds: int
) -> None:
    for said in race(tmp_path, url, way, rounds=rounds):
        assert sorted(text.partition(":")[0] for text in said) == ["lost", "won"], said
        loser = next(text for text in said if text != "won")
        assert "was applied before" in loser or "is held by run" in loser
    ledger = entries(ours)
    assert len(ledger.entries) == 2 * rounds
    assert ledger.flaws == ()


def test_runs_that_have_nothing_in_common_all_begin(ours: Remote, tmp_path: Path, url: Path) -> None:
    for said in race(tmp_path, url, "neither", rounds=5, racers=4):
        assert said == ["won"] * 4
    assert len(entries(ours).entries) == 2 * 5 * 4


# --- a machine that is gone for good ---------------------------------------------------------------------------------


def test_a_run_whose_machine_is_gone_is_given_up_with_name_and_reason(ours: Remote, tmp_path: Path, url: Path) -> None:
    ben = make_key(tmp_path, "ben")
    open_run(ours, loose(entry("run-1")), locks=["db-1"], claim=True)
    theirs = remote(tmp_path / "theirs", url)
    when = "2026-11-23T08:00:00.000000Z"
    give_up(theirs, "run-1", signer=ben, machine="desk-2", time=when, reason="desk-1 burnt")
    lost = entries(theirs).find("run-1", "closed")
    assert (lost.entry.result, lost.entry.executor, lost.entry.reason) == (LOST, "ben", "desk-1 burnt")
    signers_of(ben).verify(lost.raw, lost.signature, namespace=NAMESPACE, person="ben", at=lost.entry.moment)
    open_run(theirs, loose(entry("run-2", change="CHG-2026-0002")), locks=["db-1"], claim=True)
    with pytest.raises(Refused, match=r"run run-1 has ended \(lost\), says the ledger: ben.*: desk-1 burnt"):
        open_run(ours, loose(entry("run-1")), locks=["db-9"], claim=True)
    with pytest.raises(Refused, match="another entry"):
        close_run(ours, loose(entry("run-1", "closed", count=9, head="sha256:" + "c" * 64)))
    for run in ("run-1", "run-9"):
        with pytest.raises(UsageError):
            give_up(theirs, run, signer=ben, machine="desk-2", time=when, reason="")


# --- the directory -------------------------------------------------------------------------------------------------


def test_a_directory_that_a_commit_brought_starts_no_program(tmp_path: Path, ours: Remote, url: Path) -> None:
    """``.drillbook`` is not for git, but a commit can hold it all the same, and a checkout then has it."""
    program, ran = tmp_path / "program", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    ours.store.prepare()
    config = ours.store.folder / "config"
    config.write_text(
        config.read_text() + f'[core]\n\tsshCommand = {program}\n[remote "{url}"]\n\tuploadpack = {program}\n'
    )
    assert ours.fetch() == {}
    elsewhere = Remote(ours.store.root, "ssh://git@forge.invalid/estate.git", seconds=10)
    with pytest.raises(RemoteUnreachable):
        elsewhere.fetch()
    assert not ran.exists()


@pytest.mark.parametrize("name", ["commondir", "objects/info/alternates"])
def test_a_directory_that_leads_to_another_one_is_not_used(ours: Remote, name: str) -> None:
    ours.store.prepare()
    place = ours.store.folder / name
    place.parent.mkdir(exist_ok=True)
    place.write_text("/tmp\n")
    with pytest.raises(Refused, match="is not what this machine made"):
        ours.fetch()
    with pytest.raises(Refused, match="is not what this machine made"):
        ours.store.must("for-each-ref")
