"""The hosts that one spare stands in for: what their users get, and who takes an address after a power failure."""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest

from drillbook.artifacts.seal import seal
from drillbook.errors import HostUnreachable
from drillbook.facts.checks import Checks
from drillbook.hosts.connection import Hosts
from drillbook.lab.access import lab_access
from drillbook.lab.power import LabPower
from drillbook.plan.model import CheckRun
from drillbook.plan.targets import target_of
from drillbook.source import plain
from tests.lab.conftest import ROOT

pytestmark = pytest.mark.lab

WITNESS, SPARE, STORE, STRANGER = "mon-1", "spare-1", "backup-1", "core-app-1"
PROTECTIONS = ("web-spare", "proxy-spare", "login-spare")


class Office:
    """The lab's hosts, asked and told over connections that are made again when a host was away."""

    def __init__(self, estate, sealed):
        self.estate = estate
        self.sealed = sealed
        self.targets = {item: target_of(estate, item, "lab") for item in (
            "web-1", "proxy-1", "login-1", WITNESS, SPARE, STORE, STRANGER
        )}  # fmt: skip

    @contextmanager
    def hosts(self):
        hosts = Hosts(self.targets, lab_access(), connect_timeout=2.0)
        try:
            yield hosts
        finally:
            hosts.close()

    def sh(self, item, script, *values):
        """Run a script; a host that was just switched on is waited for."""
        deadline = time.monotonic() + 20
        while True:
            with self.hosts() as hosts:
                try:
                    return hosts[item].run(["/bin/sh", "-c", script, "sh", *values], timeout=30)
                except HostUnreachable:
                    if time.monotonic() > deadline:
                        raise
            time.sleep(0.2)

    def fact(self, file, function, on, /, **arguments):
        with self.hosts() as hosts:
            return Checks(self.sealed, hosts).run(CheckRun(f"checks/{file}.py", function, on, arguments))

    def settings(self, protection):
        return plain(self.estate.protections[protection].get("settings"))

    def address(self, protection):
        return self.estate.protections[protection].get("service_address")["lab"]

    def primary(self, protection):
        return self.estate.protections[protection].get("members")["primary"]

    def use(self, protection, function="serves", **other):
        """Do as a user does, from the witness."""
        of = self.settings(protection)
        arguments = {"kind": of["kind"], "address": self.address(protection), "port": of["port"],
                     "asks": of["asks"], "expect": of["expect"]} | other  # fmt: skip
        return self.fact("users", function, WITNESS, **arguments)

    def answered(self, protection):
        """Whether anybody answers for the address, as the store sees it."""
        fact = self.fact("holder", "nobody_answers", STORE, address=self.address(protection), interface="eth0")
        assert fact.known, fact.detail
        return not fact.held

    def why(self, protection):
        """What the primary says of its role."""
        return self.sh(self.primary(protection), f"cat /run/drillbook-hold/{protection}").stdout.strip()

    def name_holder(self, protection, item):
        self.sh(WITNESS, 'echo "$2" >"/srv/holders/$1"', protection, item)


def until(what, wanted=True, seconds=20.0):
    """Wait until something is as wanted; give what it was last."""
    deadline = time.monotonic() + seconds
    while (found := what()) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def office(lab, estate, tmp_path_factory):
    return Office(estate, seal(ROOT, tmp_path_factory.mktemp("office") / "sealed"))


@pytest.fixture
def web(office):
    """The web server; whatever a test does, it serves again in the end."""
    yield LabPower("web-1")
    LabPower(WITNESS).on()
    LabPower("web-1").on()
    assert until(lambda: office.sh(WITNESS, "systemctl is-active nginx").exit_code, 0) == 0
    office.name_holder("web-spare", "web-1")
    assert until(lambda: office.use("web-spare").held), office.why("web-spare")


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_each_service_answers_as_its_users_need_it(office, protection):
    of = office.settings(protection)
    assert office.use(protection).detail == ""
    assert office.answered(protection)
    assert office.fact("holder", "is_holder", WITNESS, protection=protection, item=office.primary(protection)).held
    held = office.fact(
        "holder", "holds_role", office.primary(protection), address=office.address(protection),
        interface="eth0", units=of["units"], hostname=of["hostname"],
    )  # fmt: skip
    assert held.detail == ""


def test_an_open_port_is_no_service(office):
    """The check of each kind fails on an answer that is not what a user needs, and says what is wrong."""
    assert "without 'no such text'" in office.use("web-spare", expect="no such text").detail
    assert "gives no page" in office.use("web-spare", asks="/no-such-page.html").detail
    assert "gives no page" in office.use("proxy-spare", asks="http://mon-1:8081/").detail
    assert "through" in office.use("proxy-spare", port=80).detail
    assert "does not let" in office.use("login-spare", asks="ou=nobody,dc=office,dc=example").detail


def test_a_host_is_dead_only_when_it_takes_no_connection(office):
    """A wrong answer, or a question that cannot be asked, never says that a host may be fenced."""
    dead = "does_not_serve"
    assert office.use("web-spare", dead, port=81, seconds=0.4).held
    assert office.use("web-spare", dead, address="10.213.0.251", seconds=0.4).held
    serving = office.use("web-spare", dead)
    assert "serves its users" in serving.detail
    assert "not dead" in office.use("web-spare", dead, expect="no such text").detail
    assert "not dead" in office.use("proxy-spare", dead, asks="http://mon-1:8081/").detail
    unasked = office.use("web-spare", dead, address="198.51.100.1", seconds=0.4)
    assert (unasked.held, unasked.known) == (False, False)


def test_the_proxy_serves_its_own_subnet_alone(office):
    """A request from an address that is not of it is refused; one to a port that is no web server's, too."""
    refused = "curl -s -o /dev/null -w '%{http_code}' --max-time 3 -x http://127.0.0.1:3128 http://mon-1:8080/"
    assert office.sh("proxy-1", refused).stdout == "403"
    assert "403" in office.use("proxy-spare", asks="http://mon-1:22/").detail


def test_the_spare_is_cold(office):
    assert office.fact("holder", "holds_no_role", SPARE).detail == ""
    for protection in PROTECTIONS:
        of = office.settings(protection)
        lacks = {"address": office.address(protection), "interface": "eth0", "units": of["units"]}
        assert office.fact("holder", "lacks_role", SPARE, **lacks).detail == ""
    listening = office.sh(SPARE, "ss -Htln | awk '{print $4}'").stdout.split()
    assert listening == ["10.213.0.59:22"]
    assert not office.fact("holder", "holds_no_role", "web-1").held


def test_each_address_shows_its_own_host_key(office):
    """The service's key moves with its role; the host's own stays with the host."""
    scan = office.sh(STORE, "ssh-keyscan -t ed25519 10.213.0.52 10.213.0.152 2>/dev/null | sort").stdout.splitlines()
    shown = {line.split()[0]: line.split()[2] for line in scan}
    own = office.sh("web-1", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    identity = office.sh("web-1", "cat /etc/ssh/identity/ssh_host_ed25519_key.pub").stdout.split()[1]
    assert shown == {"10.213.0.52": own, "10.213.0.152": identity}
    assert own != identity


def test_a_host_that_lost_power_serves_again_by_itself(office, web):
    web.off()
    assert not office.use("web-spare").held
    web.on()
    assert until(lambda: office.use("web-spare").held)
    assert office.why("web-spare") == f"up: {office.address('web-spare')}"


def test_a_host_that_is_not_named_stays_silent(office, web):
    web.off()
    office.name_holder("web-spare", SPARE)
    web.on()
    assert until(lambda: office.why("web-spare"), f"down: the witness names {SPARE}") == (
        f"down: the witness names {SPARE}"
    )
    of = office.settings("web-spare")
    lacks = {"address": office.address("web-spare"), "interface": "eth0", "units": of["units"]}
    assert office.fact("holder", "lacks_role", "web-1", **lacks).detail == ""
    assert not office.answered("web-spare")
    office.name_holder("web-spare", "web-1")
    assert office.sh("web-1", "/usr/local/lib/drillbook/hold take web-spare").exit_code == 0


def test_a_host_that_holds_drops_the_role_when_another_is_named(office, web):
    """Also while its witness comes and goes: no answer, an empty record and a lost one are no reason to drop."""
    up = f"up: {office.address('web-spare')}, and the witness does not say"
    for gone in (": >/srv/holders/web-spare", "rm /srv/holders/web-spare", "systemctl stop nginx.service"):
        assert office.sh(WITNESS, gone).exit_code == 0
        assert until(lambda: office.why("web-spare").startswith(up)), gone
        assert office.sh("web-1", "systemctl is-active nginx.service").exit_code == 0
        office.sh(WITNESS, "systemctl start nginx.service")
        office.name_holder("web-spare", "web-1")
        assert until(lambda: office.why("web-spare") == f"up: {office.address('web-spare')}")
        assert until(lambda: office.use("web-spare").held)
    office.name_holder("web-spare", SPARE)
    down = f"down: the witness names {SPARE}"
    assert until(lambda: office.why("web-spare"), down) == down
    of = office.settings("web-spare")
    lacks = {"address": office.address("web-spare"), "interface": "eth0", "units": of["units"]}
    assert office.fact("holder", "lacks_role", "web-1", **lacks).detail == ""
    office.name_holder("web-spare", "web-1")
    assert office.sh("web-1", "/usr/local/lib/drillbook/hold take web-spare").exit_code == 0


def test_a_host_whose_witness_is_off_waits_for_it_and_says_so(office, web):
    LabPower(WITNESS).off()
    web.off()
    web.on()
    assert until(lambda: "the witness does not say" in office.why("web-spare"))
    assert not office.answered("web-spare")
    LabPower(WITNESS).on()
    assert until(lambda: office.use("web-spare").held)


def test_a_second_host_on_the_address_is_noticed(office, web):
    address = office.address("web-spare")
    web.off()
    office.sh(STRANGER, f"ip address add {address}/24 dev eth0")
    try:
        web.on()
        # The card of the host in the way, so that a person finds it: 02:00 and its address.
        assert until(lambda: office.why("web-spare").lower(), f"down: {address} is answered by 02:00:0a:d5:00:15") == (
            f"down: {address} is answered by 02:00:0a:d5:00:15"
        )
        assert not office.fact("network", "holds_address", "web-1", address=address, interface="eth0").held
    finally:
        office.sh(STRANGER, f"ip address delete {address}/24 dev eth0")
    assert until(lambda: office.use("web-spare").held)


def test_a_role_that_is_dropped_leaves_the_host_itself(office, web):
    assert office.sh("web-1", "/usr/local/lib/drillbook/hold drop web-spare").exit_code == 0
    of = office.settings("web-spare")
    lacks = {"address": office.address("web-spare"), "interface": "eth0", "units": of["units"]}
    assert office.fact("holder", "lacks_role", "web-1", **lacks).detail == ""
    assert office.sh("web-1", "/usr/local/lib/drillbook/hold take web-spare").exit_code == 0
    assert office.use("web-spare").held


def test_a_passphrase_comes_from_the_next_place_when_one_is_lost(office):
    ask = "/usr/local/lib/drillbook/passphrase web-spare"
    first = office.sh("web-1", ask)
    assert (first.exit_code, first.stderr) == (0, "")
    office.sh(STORE, "mv /etc/drillbook/secrets/web-spare /root/kept")
    try:
        second = office.sh("web-1", ask)
        assert (second.exit_code, second.stdout) == (0, first.stdout)
        assert f"note: {STORE} does not give the passphrase of web-spare" in second.stderr
        office.sh(WITNESS, "mv /etc/drillbook/secrets/web-spare /root/kept")
        none = office.sh("web-1", ask)
        assert (none.exit_code, none.stdout) == (1, "")
        assert "no place gave the passphrase of web-spare" in none.stderr
    finally:
        for place in (STORE, WITNESS):
            office.sh(place, "[ ! -e /root/kept ] || mv /root/kept /etc/drillbook/secrets/web-spare")


@pytest.mark.parametrize("asked", ["login-spare", "/etc/shadow", "web-spare; id", ""])
def test_a_key_gives_its_own_passphrase_alone(office, asked):
    done = office.sh("web-1", f'ssh -F /etc/drillbook/ssh/config secrets@{STORE} "$1"', asked)
    assert done.exit_code != 0
    assert done.stdout == ""


def test_a_key_can_add_to_its_own_repository_alone(office):
    base = (
        'export BORG_PASSCOMMAND="/usr/local/lib/drillbook/passphrase web-spare" BORG_BASE_DIR=/var/cache/test '
        'BORG_RSH="ssh -F /etc/drillbook/ssh/config"; borg list '
    )
    assert office.sh("web-1", f"{base} snapshots@{STORE}:/srv/snapshots/web-spare").exit_code == 0
    other = office.sh("web-1", f"{base} snapshots@{STORE}:/srv/snapshots/login-spare")
    assert "not allowed" in other.stderr
    for protection in PROTECTIONS:
        of_spare = base.replace("web-spare", protection)
        assert office.sh(SPARE, f"{of_spare} snapshots@{STORE}:/srv/snapshots/{protection}").exit_code == 0
    shell = office.sh("web-1", f"ssh -F /etc/drillbook/ssh/config snapshots@{STORE} id </dev/null")
    assert "uid=" not in shell.stdout
