"""A promotion and a failback of cold standbys as the runbooks say to type them: each line, in order, and twice.

Whoever types at night types a line again when he is not sure; the second time must do no harm.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import DrillbookError
from drillbook.hosts.connection import Hosts
from drillbook.lab.access import lab_access
from drillbook.lab.power import LabPower
from drillbook.plan.targets import target_of
from drillbook.source import plain
from drillbook.tasks.wiring import load_estate, plan_of
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.plan.model import Hand

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

PROMOTION, FAILBACK, SNAPSHOT = "RB-STANDBY-PROMOTION", "RB-STANDBY-FAILBACK", "RB-STANDBY-SNAPSHOT"
# Written on the host that serves, in what its snapshot takes.
WRITTEN = {"web-spare": "/srv/www/by-hand.txt"}
MANIFEST = (
    "cd /; find etc srv var/lib/ldap var/lib/nginx var/spool/squid var/log/squid var/log/nginx var/backups root home "
    "-printf '%p|%y|%m|%u|%g|%l\\n' | sort; find etc srv var/lib/ldap -type f -exec sha256sum {} + | sort -k 2"
)


class Night:
    """The hosts of one protection, a shell on each, and whoever types there."""

    def __init__(self, protection: str) -> None:
        self.estate = load_estate(ROOT)
        found = self.estate.cmdb.protections[protection]
        self.id, self.settings = protection, plain(found.get("settings"))
        self.primary, self.spare = found.get("members")["primary"], found.get("members")["spare"]
        self.witness, self.store = self.settings["witness"], found.get("snapshot")["host"]
        items = (self.primary, self.spare, self.witness, self.store)
        self.hosts = Hosts({item: target_of(self.estate.cmdb, item, "lab") for item in items}, lab_access())
        self.exported: dict[str, list[str]] = {}
        self.archive = ""

    def sh(self, item: str, line: str) -> str:
        done = self.hosts[item].run(["/bin/bash", "-c", line], timeout=60)
        assert done.exit_code == 0, f"{item}$ {line}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def lines(self, runbook: str) -> Iterator[tuple[str, Hand]]:
        plan = plan_of(self.estate, runbook, environment="lab", parameters={"protection": self.id})
        for step in plan.steps:
            for hand in step.by_hand:
                yield step.id, hand

    def type_it(self, hand: Hand) -> tuple[int, str]:
        """Type one line as root, in a shell that knows what was exported in it before; give the code and all said."""
        assert hand.item is not None
        assert isinstance(hand.do, str)
        line = hand.do.replace("ARCHIVE=NAME", f"ARCHIVE={self.archive}")
        exported = self.exported.setdefault(hand.item, [])
        done = self.hosts[hand.item].run(["/bin/bash", "-c", "\n".join([*exported, line])], timeout=120)
        if line.startswith("export ") or " && export " in line:
            exported.append(line)
        return done.exit_code, (done.stdout + done.stderr).strip()

    def follow(self, runbook: str) -> dict[str, list[str]]:
        """Type all lines, each twice; give what the first time said, by the step."""
        said: dict[str, list[str]] = {}
        for step, hand in self.lines(runbook):
            if step == "power-on":
                self.comes_back()
            if hand.item is None or "OLDEST" in hand.do:
                continue
            code, first = self.type_it(hand)
            said.setdefault(step, []).append(first)
            assert code == 0 or step in ("fence", "wipe"), f"{hand.item}$ {hand.do}\n{first}"
            self.type_it(hand)
        return said

    def again(self, runbook: str, *steps: str) -> None:
        """Type the lines of these steps once more, when all is done."""
        for step, hand in self.lines(runbook):
            if step in steps and hand.item is not None:
                self.type_it(hand)

    def comes_back(self) -> None:
        LabPower(self.primary).on()
        for _ in range(100):
            self.hosts[self.primary].close()
            try:
                self.sh(self.primary, "systemctl is-active drillbook-hold.service")
            except (DrillbookError, AssertionError):
                time.sleep(0.2)
            else:
                return
        pytest.fail(f"{self.primary} does not come up")

    def borg(self, command: str, *archives: str) -> str:
        """Ask the repository, on its host, as its account does."""
        snapshot = self.estate.cmdb.protections[self.id].get("snapshot")
        account = snapshot["account"]
        base = f"/var/cache/drillbook-{account}"
        return self.sh(
            self.store,
            f"cd /; install -d -o {account} {base}; export BORG_BASE_DIR={base} "
            f'BORG_PASSPHRASE="$(/usr/local/lib/drillbook/passphrase {self.id})"; '
            f"runuser -u {account} -- borg {command} {snapshot['repository']} {' '.join(archives)}",
        )

    def archives(self) -> list[str]:
        return self.borg("list --short").split()

    def clean(self) -> None:
        """Take away what was written, and what the failback kept."""
        self.sh(self.primary, "rm -rf /var/lib/drillbook/by-hand")
        if self.id in WRITTEN:
            self.sh(self.primary, f"rm -f {WRITTEN[self.id]}")
            return
        for text in self.written(self.primary) & {"before", "meanwhile", "afterwards"}:
            self.directory(f"ldapdelete %s cn={text},{self.settings['entries']}")

    def directory(self, line: str) -> None:
        """Change the directory as its users do, from the witness; %s is who they are and where it is."""
        password = (
            'import json; print(json.load(open("/etc/drillbook-probe.secrets.json"))["login"]["password"], end="")'
        )
        address = self.estate.cmdb.protections[self.id].get("service_address")["lab"]
        bind = f"-x -H ldap://{address} -D {self.settings['user']} -y <(python3 -c '{password}')"
        self.sh(self.witness, line.replace("%s", bind))

    def write(self, item: str, text: str) -> None:
        """Write where the role is; into a directory as its users do."""
        if self.id in WRITTEN:
            self.sh(item, f"echo {text} >> {WRITTEN[self.id]}")
            return
        entry = f"dn: cn={text},{self.settings['entries']}\nobjectClass: organizationalRole\ncn: {text}\n"
        self.directory(f"ldapadd %s <<'END'\n{entry}END")

    def written(self, item: str) -> set[str]:
        if self.id in WRITTEN:
            return set(self.sh(item, f"cat {WRITTEN[self.id]}").split())
        return set(self.sh(item, "slapcat -n 1 | sed -n 's/^cn: //p'").split())

    def serves(self, item: str) -> None:
        units = " ".join(self.settings["units"])
        held = self.sh(item, f"cat /run/drillbook-hold/{self.id}; hostname; systemctl is-active {units}")
        assert held.startswith("up: "), held
        assert held.split("\n")[1:] == [self.settings["hostname"], "active"]


# The internet proxy differs from the web host in names alone.
@pytest.mark.parametrize("protection", ["web-spare", "login-spare"])
def test_a_promotion_and_a_failback_by_hand(protection: str) -> None:
    night = Night(protection)
    taken = night.archives()
    try:
        cold = night.sh(night.spare, MANIFEST)
        night.write(night.primary, "before")
        night.follow(SNAPSHOT)
        # Read through and noted is what a run took; by hand it is chosen from borg's list.
        night.archive = night.archives()[-1]
        LabPower(night.primary).off()
        night.hosts[night.primary].close()
        said = night.follow(PROMOTION)
        assert said["claim"] == [night.spare]
        night.serves(night.spare)
        night.write(night.spare, "meanwhile")
        night.again(PROMOTION, "restore", "install", "start")
        assert night.written(night.spare) >= {"before", "meanwhile"}
        night.serves(night.spare)

        said = night.follow(FAILBACK)
        assert (said["release"], said["claim"]) == (["nobody"], [night.primary])
        night.serves(night.primary)
        assert night.written(night.primary) >= {"before", "meanwhile"}
        assert night.sh(night.spare, MANIFEST) == cold
        assert said["wipe"][-1].split("\n")[-1] == night.spare
        night.write(night.primary, "afterwards")
        night.again(FAILBACK, "set-aside", "release", "stop-spare", "restore", "install", "wipe")
        night.serves(night.primary)
        assert night.written(night.primary) >= {"before", "meanwhile", "afterwards"}
        assert night.sh(night.spare, MANIFEST) == cold
    finally:
        # More than the schedule makes: the next run would read none of them.
        night.borg("delete", *(each for each in night.archives() if each not in taken))
        night.clean()
        night.hosts.close()
