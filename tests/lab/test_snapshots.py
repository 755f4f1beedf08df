"""Snapshots on real hosts: taken, read through, chosen from, and everything that can be wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from drillbook.artifacts.seal import seal
from drillbook.errors import ExitCode, HostUnreachable
from drillbook.facts.checks import Checks
from drillbook.facts.snapshots import CHECKS
from drillbook.hosts.connection import HostConnection, Hosts
from drillbook.lab.access import lab_access
from drillbook.lab.faults import make_fault
from drillbook.lab.power import LabPower
from drillbook.lab.state import read_state
from drillbook.plan.model import CheckRun
from drillbook.plan.targets import target_of
from drillbook.tasks.snapshots import ask
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb
    from drillbook.facts.checks import Choice

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

PROTECTION, HOLDER, SPARE, STORE, SECOND = "web-spare", "web-1", "spare-1", "backup-1", "mon-1"
REPOSITORY = f"/srv/snapshots/{PROTECTION}"
NOTES = f"/var/lib/drillbook/snapshots/{PROTECTION}.jsonl"
SECRET = f"/etc/drillbook/secrets/{PROTECTION}"
FORGET = "rm -rf /var/cache/drillbook /var/cache/drillbook-snapshots"
# What a holder can send: its key, its passphrase, borg as it likes.
AS_HOLDER = (
    'export BORG_BASE_DIR=/var/cache/drillbook BORG_RSH="ssh -F /etc/drillbook/ssh/config"'
    f' BORG_PASSCOMMAND="/usr/local/lib/drillbook/passphrase {PROTECTION}" BORG_DELETE_I_KNOW_WHAT_I_AM_DOING=YES\n'
    f"to=snapshots@$(awk -F '[ ,]' '$1 == \"{STORE}\" {{ print $2 }}' /etc/drillbook/ssh/known_hosts)\n"
    f"R=$to:{REPOSITORY}\nexec </dev/null\n"
)
AS_STORE = (
    "install -d -o snapshots /var/cache/drillbook-snapshots; export BORG_BASE_DIR=/var/cache/drillbook-snapshots"
    f' BORG_PASSPHRASE="$(/usr/local/lib/drillbook/passphrase {PROTECTION})"\n'
    f'cd {REPOSITORY}\nborg() {{ runuser -u snapshots -- borg "$@"; }}\n'
)


def inv(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def snapshot(*words: str) -> tuple[int, str]:
    """Take a snapshot of the protection; give the exit code, and all that was said, in one line."""
    done = inv("standby.snapshot", "--protection", PROTECTION, *words)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


class Ground:
    """The hosts, beside the engine."""

    def __init__(self, cmdb: Cmdb, folder: Path) -> None:
        items = (HOLDER, SPARE, STORE, SECOND)
        self.targets = {item: target_of(cmdb, item, "lab") for item in items}
        self.folder = folder

    def on(self, item: str, script: str, *, timeout: float = 60) -> tuple[int, str]:
        connection = HostConnection(self.targets[item], lab_access())
        try:
            done = connection.run(["/bin/sh", "-c", script], timeout=timeout)
        finally:
            connection.close()
        return done.exit_code, done.stdout + done.stderr

    def done(self, item: str, script: str) -> str:
        code, said = self.on(item, script)
        assert code == 0, said
        return said.strip()

    def until_up(self, item: str) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.done(item, "systemctl is-active ssh.service")
            except (HostUnreachable, AssertionError):
                assert time.monotonic() < deadline
                time.sleep(0.5)
            else:
                return

    def choose(self, max_age: str = "24 h") -> Choice:
        hosts = Hosts({STORE: self.targets[STORE]}, lab_access())
        try:
            checks = Checks(seal(ROOT, self.folder / f"sealed-{time.monotonic_ns()}"), hosts)
            arguments = {"protection": PROTECTION, "max_age": max_age}
            return checks.choose(CheckRun(CHECKS, "newest_verified", STORE, arguments))
        finally:
            hosts.close()

    def archives(self) -> list[str]:
        lines = self.done(STORE, f"cat {NOTES}").splitlines()
        return [json.loads(line)["archive"] for line in lines]


@pytest.fixture(scope="module")
def one(lab: object, estate: Cmdb, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Hosts with a snapshot of each role, and of one at least three; all are whole."""
    ground = Ground(estate, tmp_path_factory.mktemp("ground"))
    all_taken = inv("standby.snapshot")
    assert all_taken.returncode == 0, all_taken.stdout + all_taken.stderr
    while len(ground.archives()) < 3:
        assert snapshot()[0] == 0
    return ground


@pytest.fixture
def ground(one: Ground) -> Iterator[Ground]:
    """The same; repository, notes and password are put back afterwards."""
    kept = f"cp -a {REPOSITORY} {NOTES} /root/kept/ && cp -a {SECRET} /root/kept/{PROTECTION}.secret"
    one.done(STORE, f"rm -rf /root/kept && mkdir /root/kept && {kept}")
    one.done(SECOND, f"cp -a {SECRET} /root/secret")
    yield one
    one.done(
        STORE,
        f"rm -rf {REPOSITORY} && cp -a /root/kept/{PROTECTION} {REPOSITORY} && cp -a /root/kept/*.jsonl {NOTES}"
        f" && cp -a /root/kept/{PROTECTION}.secret {SECRET}",
    )
    one.done(SECOND, f"cp -a /root/secret {SECRET}")
    for item in (HOLDER, SPARE, STORE):
        one.done(item, FORGET)


@pytest.mark.usefixtures("one")
def test_snapshots_of_all_roles_are_taken_and_can_be_used() -> None:
    told = inv("standby.status", "--json")
    assert told.returncode == 0, told.stdout
    for each in json.loads(told.stdout):
        assert each["newest_verified"]["archive"] == each["newest"]["archive"], each
        assert (each["newest"]["holder"], each["due"]) == (each["holder"], False)
        assert [place["answers"] for place in each["password"]] == [True, True]
    due = inv("standby.snapshot", "--due")
    assert (due.returncode, due.stdout.strip()) == (0, "Nothing is due.")


def test_what_comes_back_is_what_was_sent(one: Ground) -> None:
    sent = one.done(HOLDER, "cd / && find etc/nginx srv/www -type f -exec sha256sum {} + | sort")
    archive = one.archives()[-1]
    script = f"{AS_HOLDER}rm -rf /tmp/in && mkdir /tmp/in && cd /tmp/in && borg extract $R::{archive} && "
    # The spare's own key may read it.
    came = one.done(SPARE, f"{script}find etc/nginx srv/www -type f -exec sha256sum {{}} + | sort; rm -rf /tmp/in")
    assert came == sent
    assert len(sent.splitlines()) > 10


def test_the_chooser_gives_the_newest_first_and_at_most_three(one: Ground) -> None:
    found = one.choose()
    assert found.fact.held
    assert found.said["value"] == one.archives()[:-4:-1]
    assert found.said["detail"].startswith(f"{one.archives()[-1]}, ")


def test_a_damaged_newest_is_told_and_the_one_before_is_chosen(ground: Ground) -> None:
    before = ground.archives()[-1]
    ground.done(HOLDER, "head -c 3000000 /dev/urandom > /srv/www/only-in-the-newest")
    try:
        assert snapshot()[0] == 0
        # A piece that nothing older has: the largest of the newest segments.
        ground.done(
            STORE,
            f"cd {REPOSITORY}/data/0 && f=$(ls -S -t | head -n 6 | xargs ls -S | head -n 1)"
            " && printf damaged | dd of=$f bs=1 seek=1000000 conv=notrunc 2>/dev/null",
        )
        code, said = snapshot()
        assert (code, "is damaged: " in said) == (ExitCode.FAILED, True), said
    finally:
        ground.done(HOLDER, "rm -f /srv/www/only-in-the-newest")
    found = ground.choose()
    assert found.said["value"][0] == before
    assert "a newer one is passed over: " in found.said["detail"]
    told = inv("standby.status")
    assert told.returncode == 0, told.stdout  # there is one to use
    assert "damaged" in told.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("rm -f {notes}", "there is no snapshot of web-spare; take one while its host lives"),
        (r"sed -i 's/\"ok\": true/\"ok\": false/' {notes}", "no snapshot of web-spare is verified; the newest: "),
        (r"sed -i -E 's/(\"taken\": \")[0-9]{{4}}/\12025/' {notes}", "d old ("),
        (r"sed -i -E 's/(\"taken\": \")[0-9]{{4}}/\12099/' {notes}", "its clock is wrong"),
        ("echo '{{' >> {notes}", "is not what a snapshot notes"),
    ],
)
def test_without_one_that_can_be_used_nothing_is_chosen_and_the_reason_is_said(
    ground: Ground, change: str, says: str
) -> None:
    ground.done(STORE, change.format(notes=NOTES))
    found = ground.choose()
    assert (found.fact.held, found.said) == (False, None)
    assert says in found.fact.detail
    assert [each.missed for each in ask(ROOT) if each.protection == PROTECTION] == [True]


def test_with_a_wrong_password_in_the_first_place_the_second_gives_it(ground: Ground) -> None:
    ground.done(STORE, f"echo wrong > {SECRET}")
    code, said = snapshot()
    assert code == 0, said
    for step in ("take", "verify"):
        assert f"{step}: the passphrase of {PROTECTION} that {STORE} gives is wrong" in said


def test_without_a_place_that_gives_the_right_password_it_ends(ground: Ground) -> None:
    ground.done(STORE, f"rm {SECRET}")
    ground.done(SECOND, f"echo wrong > {SECRET}")
    code, said = snapshot()
    assert (code, "no place gives the password" in said) == (ExitCode.FAILED, True), said
    assert "snapshot.password_kept" in said
    assert f"{STORE} does not give the passphrase of {PROTECTION}" in said
    assert f"the passphrase of {PROTECTION} that {SECOND} gives is wrong" in said
    places = {each.protection: each.places for each in ask(ROOT)}
    assert [place for place, wrong in places[PROTECTION] if wrong] == [STORE, SECOND]


def test_a_repository_host_that_does_not_answer_is_told(ground: Ground) -> None:
    fault = make_fault("freeze", STORE, {}, lab=read_state())
    fault.inject()
    try:
        code, said = snapshot()
        told = inv("standby.status")
    finally:
        fault.heal()
    assert (code, f"{STORE} " in said) == (ExitCode.UNREACHABLE, True), said
    assert told.returncode == ExitCode.MISSED, told.stdout


def test_two_at_once_the_second_says_why(ground: Ground) -> None:
    ground.done(
        STORE,
        f"{AS_STORE}(borg with-lock . sh -c 'echo $$ > /tmp/locker; exec sleep 60' &) >/dev/null 2>&1 </dev/null\n"
        "until [ -s /tmp/locker ]; do sleep 0.1; done",
    )
    code, said = snapshot()
    ground.done(
        STORE, "kill $(cat /tmp/locker); while [ -e /proc/$(cat /tmp/locker) ]; do sleep 0.1; done; rm /tmp/locker"
    )
    assert (code, "another snapshot of web-spare is being taken" in said) == (ExitCode.FAILED, True), said


def test_a_lock_of_before_the_boot_is_nobodys(ground: Ground) -> None:
    """A store or a holder that lost its power while borg ran: whatever has borg's process number since, it is free."""
    assert snapshot()[0] == 0
    # As borg keeps it: a folder with a file, and a roster. Process 1 lives, so borg itself would never take it away.
    lock = (
        "mkdir $1/lock.exclusive; touch $1/lock.exclusive/$(hostname)@1.1-0; "
        """printf '{"exclusive": [["%s@1", 1, 0]]}' $(hostname) > $1/lock.roster; """
        "chown -R --reference=$1/README $1/lock.*"
    )
    for item, folder in ((STORE, REPOSITORY), (HOLDER, "$(echo /var/cache/drillbook/.cache/borg/????????????????*)")):
        ground.done(item, f"set -e; set -- {folder}; [ -d $1 ]; {lock}")
        LabPower(item).off()
        LabPower(item).on()
        ground.until_up(item)
    code, said = snapshot()
    assert code == 0, said


def test_a_path_that_is_not_there_ends_it(ground: Ground) -> None:
    ground.done(HOLDER, "mv /srv/www /srv/elsewhere")
    try:
        code, said = snapshot()
    finally:
        ground.done(HOLDER, "mv /srv/elsewhere /srv/www")
    assert (code, "/srv/www is not there" in said) == (ExitCode.FAILED, True), said


def verify(ground: Ground, keep: int, max_age: str = "24 h") -> tuple[int, str]:
    """Run the step on the store with other numbers than the CMDB's."""
    script = (ROOT / "runbooks/RB-STANDBY-SNAPSHOT.yaml").read_text()
    step = next(each for each in yaml.safe_load(script)["steps"] if each["id"] == "verify")
    text = step["run"]["script"].replace("'", "'\\''")
    values = f"{PROTECTION} snapshots {REPOSITORY} {keep} '{max_age}'"
    return ground.on(STORE, f"/bin/sh -eu -c '{text}' verify {values}")


def test_the_oldest_go_and_the_rest_stay_whole(ground: Ground) -> None:
    assert snapshot()[0] == 0
    first = ground.archives()[0]
    keep = len(ground.archives())
    assert verify(ground, keep - 1)[0] == 0  # what is young stays, whatever the number
    assert first in ground.archives()
    assert verify(ground, keep - 1, "0 s")[0] == 0
    assert first not in ground.archives()
    assert len(ground.archives()) == keep - 1
    assert verify(ground, 1, "0 s")[0] == 0
    assert len(ground.archives()) == 3  # the newest verified ones stay, whatever their age
    listed = ground.done(STORE, f"{AS_STORE}borg list --short .")
    assert listed.splitlines() == ground.archives()
    ground.done(STORE, f"{AS_STORE}borg check --archives-only --verify-data .")


def test_archives_that_the_schedule_did_not_make_push_nothing_out(ground: Ground) -> None:
    wanted = ground.archives()
    junk = "$R::junk.20261122T00000${n}Z"
    ground.done(HOLDER, f"{AS_HOLDER}for n in 1 2 3 4; do borg create {junk} /etc/hostname; done")
    code, said = verify(ground, 2, "0 s")
    assert (code, "4 archives came since the last run, and the schedule makes at most 3" in said) == (1, True), said
    assert ground.archives() == wanted
    assert set(wanted) < set(ground.done(STORE, f"{AS_STORE}borg list --short .").splitlines())


@pytest.mark.parametrize("name", ["before upgrade", f"{HOLDER}.before-upgrade"])
def test_an_archive_that_is_not_named_as_one_is_passed_over(ground: Ground, name: str) -> None:
    ground.done(HOLDER, f'{AS_HOLDER}borg create "$R::{name}" /etc/hostname')
    code, said = snapshot()
    assert (code, f'"{name}" is not named as a snapshot is' in said) == (0, True), said
    assert name not in ground.archives()
    assert ground.choose().said["value"][0] == ground.archives()[-1]


def test_an_archive_that_was_made_anew_under_its_name_was_deleted(ground: Ground) -> None:
    newest = ground.archives()[-1]
    ground.done(HOLDER, f"{AS_HOLDER}borg delete $R::{newest} && borg create $R::{newest} /etc/hostname")
    code, said = verify(ground, 14)
    assert (code, "1 of " in said and "deleted, and not by this host" in said) == (1, True), said


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        ("borg delete --force $R", "append-only"),
        ("borg delete --force $to:/srv/snapshots/login-spare::x", "Repository path not allowed"),
        ("borg init --encryption=none $to:/srv/snapshots/mine", "Repository path not allowed"),
        ("borg create $R::{newest} /etc/hostname", "already exists"),
        ("BORG_NEW_PASSPHRASE=mine borg key change-passphrase $R", "PermissionError"),
        ("ssh -F /etc/drillbook/ssh/config $to rm -rf {repository}", "borg: error: "),
        ("scp -F /etc/drillbook/ssh/config /etc/hostname $to:{repository}/config", "scp: "),
        ("ssh -F /etc/drillbook/ssh/config secrets@{store} rm {secret}", "may not have"),
    ],
)
def test_a_production_host_can_neither_take_a_snapshot_away_nor_write_over_one(
    one: Ground, attempt: str, why: str
) -> None:
    files = f"cd {REPOSITORY} && find config data {SECRET} -type f | sort | xargs sha256sum"
    before = one.done(STORE, files)
    attempt = attempt.format(newest=one.archives()[-1], repository=REPOSITORY, store=STORE, secret=SECRET)
    code, said = one.on(HOLDER, AS_HOLDER + attempt)
    assert (code != 0, why in said) == (True, True), said
    assert one.done(STORE, files) == before


def test_what_a_production_host_marks_as_deleted_stays_is_told_and_can_be_had_again(ground: Ground) -> None:
    """With the commands of docs/standby.md."""
    files = f"cd {REPOSITORY} && find config data -type f | sort | xargs sha256sum"
    wanted, before = ground.archives(), ground.done(STORE, files).splitlines()
    last = json.loads(ground.done(STORE, f"tail -n 1 {NOTES}"))["segment"]
    # borg appends a mark that an archive is gone, also when it is told to give the room back; no byte goes.
    ground.done(HOLDER, f"{AS_HOLDER}borg delete $R {' '.join(wanted)} && borg compact $R")
    assert set(before) <= set(ground.done(STORE, files).splitlines())
    code, said = snapshot()
    assert (code, "deleted, and not by this host" in said) == (ExitCode.FAILED, True), said
    page = (ROOT / "docs/standby.md").read_text()
    begin = page.index(f"    cd {REPOSITORY}\n")
    commands = page[begin : page.index("\n\n", begin)].replace(" -le N ", f" -le {last} ")
    said = ground.done(STORE, f"set -e\n{commands}\n")
    assert all(archive in said for archive in wanted), said
    assert ground.done(STORE, files).splitlines() == before
    ground.done(STORE, f"rm -rf {REPOSITORY}.before")
    ground.done(HOLDER, FORGET)
    code, said = snapshot()
    assert code == 0, said


def test_a_holder_that_dies_in_the_middle_does_not_keep_the_repository(ground: Ground) -> None:
    newest = ground.archives()[-1]
    # It has the repository's lock until it dies: what it is to send does not end.
    ground.done(HOLDER, f"{AS_HOLDER}(sleep 300 | borg create $R::half - &) >/dev/null 2>&1")
    ground.done(STORE, f"until [ -e {REPOSITORY}/lock.exclusive ]; do sleep 0.1; done")
    LabPower(HOLDER).off()
    # Sooner than a restore gives up waiting for the lock.
    ground.done(SPARE, f"{AS_HOLDER}borg extract --lock-wait 30 --dry-run $R::{newest}")
    LabPower(HOLDER).on()
    ground.until_up(HOLDER)
    assert "half" not in ground.done(STORE, f"{AS_STORE}borg list --short .")
