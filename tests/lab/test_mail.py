"""The mail pair on real hosts: two copies, one door, and what only a dead host had comes back and is counted."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from drillbook.cmdb.addressing import address, service_address
from drillbook.hosts.connection import HostConnection
from drillbook.lab.access import lab_access
from drillbook.lab.faults import heal_all, make_fault
from drillbook.plan.model import PowerControl, Target
from drillbook.tasks.wiring import load_estate, plan_of
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.state import LabState

pytestmark = pytest.mark.lab

PAIR = "mail-pair"
ENVIRONMENT = "lab"
KEPT = "/var/lib/drillbook/mail"


class Mail:
    """The pair, as users and as an operator see it."""

    def __init__(self, estate: Cmdb, lab: LabState) -> None:
        pair = estate.protections[PAIR]
        self.settings = pair.get("settings")
        self.address = service_address(estate, PAIR, ENVIRONMENT)
        self.first, self.second = pair.get("members")["primary"], pair.get("members")["standby"]
        self.own = {item: address(estate, item, ENVIRONMENT) for item in (self.first, self.second)}
        self.lab = lab

    def send(self, subjects: list[str]) -> None:
        mailbox = self.settings["mailbox"]
        with smtplib.SMTP(self.address, self.settings["smtp_port"], timeout=10) as server:
            for subject in subjects:
                server.sendmail(mailbox, [mailbox], f"Subject: {subject}\r\n\r\nA test sent this.\r\n")

    def on(self, item: str, script: str) -> str:
        target = Target(item, self.lab.hosts[item].address, 22, "root", PowerControl("lab", {}))
        connection = HostConnection(target, lab_access())
        try:
            done = connection.run(["/bin/sh", "-c", script], timeout=60)
        finally:
            connection.close()
        assert done.exit_code == 0, done.stderr
        return done.stdout

    def count(self, item: str, tag: str) -> int:
        search = f"doveadm search -u {self.settings['mailbox']} mailbox INBOX subject {tag}"
        return len(self.on(item, search).splitlines())

    def wait(self, item: str, tag: str, wanted: int) -> None:
        for _ in range(100):
            if self.count(item, tag) == wanted:
                return
            time.sleep(0.2)
        pytest.fail(f"{item} has {self.count(item, tag)} messages, not {wanted}")


@pytest.fixture
def mail(estate: Cmdb, lab: LabState) -> Iterator[Mail]:
    yield Mail(estate, lab)
    heal_all(lab)


def run(runbook: str, *parameters: str) -> str:
    words = [word for each in (f"pair={PAIR}", *parameters) for word in ("--param", each)]
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "runbooks.run", runbook, *words, "--yes"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_message_is_on_both_hosts_and_only_one_door_is_open(mail: Mail) -> None:
    tag = f"both{time.time_ns()}"
    mail.send([f"{tag} {number}" for number in range(5)])
    mail.wait(mail.first, tag, 5)
    mail.wait(mail.second, tag, 5)
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(mail.own[mail.second], mail.settings["smtp_port"], timeout=5)


def test_what_only_the_dead_host_had_comes_back_and_is_counted(mail: Mail) -> None:
    copied, alone, queued = (f"{word}{time.time_ns()}" for word in ("copied", "alone", "queued"))
    mail.send([copied])
    mail.wait(mail.second, copied, 1)
    make_fault("isolate_replication", mail.first, {"peer": mail.second}, lab=mail.lab).inject()
    mail.send([alone] * 3)
    mail.wait(mail.first, alone, 3)
    # A message is in its mailbox before the queue hears of it; one that the queue keeps would be delivered again.
    mail.on(mail.first, "until postqueue -p | grep -q empty; do sleep 0.1; done")
    mail.on(mail.first, f"systemctl stop {mail.settings['mailbox_unit']}")
    mail.send([queued] * 2)
    # An earlier failback that nobody ended: what it listed is not this one's.
    mail.on(mail.first, f"mkdir -p {KEPT} && touch {KEPT}/begun {KEPT}/had {KEPT}/only && echo 9 >{KEPT}/queued; sync")
    make_fault("kill", mail.first, {}, lab=mail.lab).inject()
    run("RB-MAIL-FAILOVER")
    assert [mail.count(mail.second, tag) for tag in (copied, alone, queued)] == [1, 0, 0]
    heal_all(mail.lab)

    said = " ".join(run("RB-MAIL-FAILBACK").split())

    assert "3 messages that only this host had in a mailbox are back, and 2 from its queue" in said
    for item in (mail.first, mail.second):
        assert [mail.count(item, tag) for tag in (copied, alone, queued)] == [1, 3, 2]


def test_a_failover_typed_by_hand_lets_users_in_on_the_other_host(mail: Mail) -> None:
    plan = plan_of(load_estate(ROOT), "RB-MAIL-FAILOVER", environment=ENVIRONMENT, parameters={"pair": PAIR})
    typed = [hand for step in plan.steps for hand in step.by_hand if hand.item is not None]
    looks = [hand for hand in typed if "/dev/tcp/" in hand.do]
    assert looks
    for hand in looks:
        mail.on(mail.second, hand.do)  # it succeeds while the old primary is alive, and the person stops
    make_fault("kill", mail.first, {}, lab=mail.lab).inject()
    for hand in typed:
        mail.on(mail.second, f"! {{ {hand.do}; }} 2>/dev/null" if hand in looks else hand.do)
    tag = f"hand{time.time_ns()}"
    mail.send([tag])
    mail.wait(mail.second, tag, 1)
    heal_all(mail.lab)
    run("RB-MAIL-FAILBACK")
    assert [mail.count(item, tag) for item in (mail.first, mail.second)] == [1, 1]
