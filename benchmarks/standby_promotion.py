"""Promotion of the cold spare against the floor: the same fence, restore, identity and start in one script, in turn.

``.venv/bin/python -m benchmarks.standby_promotion [-n 5] [--megabytes 100]``, on a healthy lab whose web host holds its
role. Content is put under its pages and a snapshot taken once. Each round kills the web host, then either runs
RB-STANDBY-PROMOTION, counted from the first journal record, or fences through the same power control and runs one
shell script on the spare, counted from before the fence; both until a user on the probe's host first gets the page
whole. The floor checks nothing, keeps nothing, and looks for no other host on the address. The way back is not
measured.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from statistics import median

from tests.harness import Pair

from benchmarks.figures import line, machine
from drillbook.cmdb.addressing import address, service_address
from drillbook.hosts.power import PowerState
from drillbook.journal.record import read_journal
from drillbook.lab.power import LabPower
from drillbook.tasks.common import state_folder

PROTECTION = "web-spare"
_MADE = "/srv/www/benchmark"
# The kernel is shared, and so its monotonic clock: prints the time of the first answer that has the page.
_USER = """
import sys, time, urllib.request
url, expected, until = sys.argv[1], sys.argv[2], time.monotonic() + float(sys.argv[3])
while time.monotonic() < until:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=0.2) as answer:
            if expected in answer.read().decode():
                print(time.monotonic())
                break
    except OSError:
        time.sleep(0.005)
"""
_FLOOR = """
export BORG_BASE_DIR=/run/floor BORG_RSH='ssh -F /etc/drillbook/ssh/config'
export BORG_PASSPHRASE="$(/usr/local/lib/drillbook/passphrase "$1")"
cd /
rm -rf /etc/nginx
borg extract --bypass-lock --noacls --noxattrs --noflags "$2::$3"
ip address replace "$5/$6" dev "$4"
timeout 0.1 arping -q -U -c 1 -I "$4" "$5" || true
hostname "$7"
systemctl start "$8" identity-ssh.service
"""
_COLD_AGAIN = """
systemctl stop "$5" identity-ssh.service
ip address del "$2/$3" dev "$1"
hostname "$4"
rm -rf /run/floor /srv/www /etc/ssh/identity "/etc/drillbook/roles/$6.conf" /etc/nginx
mv /root/nginx.cold /etc/nginx
systemctl start drillbook-hold
"""


class Cold:
    """The web role, its spare, and a user."""

    def __init__(self) -> None:
        self.lab = Pair()
        entry = self.lab.estate.cmdb.protections[PROTECTION]
        self.settings, self.snapshot = entry.get("settings"), entry.get("snapshot")
        self.primary, self.spare = entry.get("members")["primary"], entry.get("members")["spare"]
        self.address = service_address(self.lab.estate.cmdb, PROTECTION, "lab")
        store = address(self.lab.estate.cmdb, self.snapshot["host"], "lab")
        self.repository = f"{self.snapshot['account']}@{store}:{self.snapshot['repository']}"

    def sh(self, item: str, script: str, *arguments: str, timeout: float = 60) -> str:
        """Run a shell script on a host; it must succeed."""
        done = self.lab.hosts[item].run(["/bin/sh", "-eu", "-c", script, "sh", *arguments], timeout=timeout)
        if done.exit_code != 0:
            raise SystemExit(f"{item}: {done.stderr}")
        return done.stdout

    def run(self, runbook: str) -> str:
        """Run a runbook of the protection, which must succeed; give the run's id."""
        code, run, said = self.lab.child("run", runbook, "0", f"protection={PROTECTION}")
        if code != 0:
            raise SystemExit(f"{runbook} failed: {said}")
        return run

    def newest(self) -> str:
        """Give the newest archive that is noted."""
        notes = f"/var/lib/drillbook/snapshots/{PROTECTION}.jsonl"
        return str(json.loads(self.sh(self.snapshot["host"], f"tail -n 1 {notes}"))["archive"])

    def first_answer(self) -> tuple[threading.Thread, list[float]]:
        """Begin to ask for the page as a user; the list gets the time of the first good answer."""
        url = f"http://{self.address}{self.settings['asks']}"
        found: list[float] = []

        def ask() -> None:
            host = self.lab.hosts[self.settings["witness"]]
            said = host.run(["python3", "-c", _USER, url, self.settings["expect"], "60"], timeout=70).stdout
            found.extend(float(each) for each in said.split())

        thread = threading.Thread(target=ask)
        thread.start()
        return thread, found

    def wait_for_users(self) -> None:
        """Wait until the role is served again."""
        thread, found = self.first_answer()
        thread.join()
        if not found:
            raise SystemExit("users get no page to begin with")

    def ours(self) -> float:
        """Promote by the runbook; give the seconds from its first record to the first answer."""
        thread, found = self.first_answer()
        run = self.run("RB-STANDBY-PROMOTION")
        thread.join()
        return found[0] - read_journal(state_folder(self.lab.root) / "runs" / run / "journal.jsonl")[0].mono

    def floor(self, archive: str) -> float:
        """Promote by one script; give the seconds from before the fence to the first answer."""
        # Nobody tells the witness here, so hold would take the address away again.
        self.sh(self.spare, "systemctl stop drillbook-hold; cp -a /etc/nginx /root/nginx.cold")
        thread, found = self.first_answer()
        begun = time.monotonic()
        power = LabPower(self.primary)
        power.off()
        while power.state() is not PowerState.OFF:
            time.sleep(0.01)
        self.sh(
            self.spare, _FLOOR, PROTECTION, self.repository, archive, self.settings["interface"], self.address,
            str(self.settings["prefix"]), self.settings["hostname"], *self.settings["units"],
        )  # fmt: skip
        thread.join()
        if not found:
            raise SystemExit("the floor brought no page")
        return found[0] - begun

    def cold_again(self) -> None:
        """After the floor: the spare as it was, the web host up with its role."""
        self.sh(
            self.spare, _COLD_AGAIN, self.settings["interface"], self.address, str(self.settings["prefix"]),
            self.spare, *self.settings["units"], PROTECTION,
        )  # fmt: skip
        LabPower(self.primary).on()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=5, help="rounds of each")
    parser.add_argument("--megabytes", type=int, default=100)
    asked = parser.parse_args()
    cold = Cold()
    cold.wait_for_users()
    cold.sh(
        cold.primary,
        f"mkdir -p {_MADE}; for n in $(seq {asked.megabytes}); do head -c 1000000 /dev/urandom > {_MADE}/$n.bin; done",
    )
    seconds: dict[str, list[float]] = {"ours": [], "floor": []}
    for _ in range(asked.n):
        for who in ("floor", "ours"):
            cold.run("RB-STANDBY-SNAPSHOT")
            archive = cold.newest()
            cold.lab.kill(cold.primary)
            time.sleep(0.5)
            if who == "ours":
                seconds[who].append(cold.ours())
                cold.run("RB-STANDBY-FAILBACK")
            else:
                seconds[who].append(cold.floor(archive))
                cold.cold_again()
            cold.lab.hosts[cold.primary].close()
            cold.wait_for_users()
    cold.sh(cold.primary, f"rm -rf {_MADE} /var/lib/drillbook/standby")
    print(machine())
    print(f"{asked.megabytes} MB of content")
    print(line("drillbook: first record to first good answer", seconds["ours"]))
    print(line("one script by hand, the floor", seconds["floor"]))
    print(f"ratio of medians {median(seconds['ours']) / median(seconds['floor']):.2f} (at most 1.5)")


if __name__ == "__main__":
    main()
