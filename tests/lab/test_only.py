"""Certificates with a forced command on real hosts: what was approved runs, and nothing else does."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from drillbook.artifacts.seal import FOLDER, seal
from drillbook.errors import HostUnreachable, OutcomeUnknown, StepFailed
from drillbook.execution.approved_commands import approved_commands
from drillbook.execution.launch import begin, connect
from drillbook.hosts.agent import SCRIPT, Agent, Ended, Mark
from drillbook.hosts.connection import HostConnection
from drillbook.hosts.only import ITEM_FILE, ONLY, PLACE, UPLOAD, Certificate, certify, list_digest, list_text
from drillbook.lab.access import lab_access
from drillbook.lab.state import KNOWN_HOSTS
from drillbook.plan.targets import target_of
from drillbook.tasks.wiring import permit_in_lab, plan_of
from tests.harness import SWITCHOVER, Pair
from tests.lab.conftest import ROOT
from tests.lab.engine_help import HOST, OTHER, Runner, sh, step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.hosts.access import Access
    from drillbook.hosts.connection import Completed
    from drillbook.plan.model import Plan

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

CHANGE = "CHG-2026-0007"
RUN = "20261122T120000Z-0badcafe"
ANOTHER_RUN = "20261122T120000Z-00000001"
MARK = Mark("0" * 64, "normal", "ann")
REFUSED = 93

_AUTHORITY = "/etc/ssh/drillbook-ca.pub"
_CONFIGURATION = "/etc/ssh/sshd_config.d/drillbook-only.conf"
_PREPARE = f"""
printf %s "$1" > {PLACE}; chmod 755 {PLACE}
mkdir -p /etc/drillbook; printf '%s\\n' "$2" > {ITEM_FILE}
printf '%s\\n' "$3" > {_AUTHORITY}
echo 'TrustedUserCAKeys {_AUTHORITY}' > {_CONFIGURATION}
rm -f /var/lib/drillbook/lock
systemctl reload ssh
"""
_UNDO = (
    f"rm -rf {PLACE} {ITEM_FILE} {_AUTHORITY} {_CONFIGURATION} /tmp/only*;"
    " rm -rf /var/lib/drillbook/only /var/lib/drillbook/lock; systemctl reload ssh"
)


@dataclass
class Officer:
    """Has the authority's key, prepares hosts, and makes certificates."""

    folder: Path
    runner: Runner

    def __post_init__(self) -> None:
        self.key("ca")

    def key(self, name: str) -> Path:
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
        return path

    def connection(self, item: str, access: Access) -> HostConnection:
        return HostConnection(target_of(self.runner.estate.cmdb, item, "lab"), access)

    def as_root(self, item: str, *argv: str) -> str:
        connection = self.connection(item, lab_access())
        try:
            done = connection.run(argv, timeout=30)
            assert done.exit_code == 0, done.stderr
            return done.stdout
        finally:
            connection.close()

    def prepare(self, *items: str) -> None:
        authority = (self.folder / "ca.pub").read_text().strip()
        for item in items:
            self.as_root(item, "/bin/sh", "-eu", "-c", _PREPARE, "prepare", ONLY, item, authority)

    def undo(self, *items: str) -> None:
        for item in items:
            self.as_root(item, "/bin/sh", "-c", _UNDO)

    def access(self, text: str, name: str, *, change: str = CHANGE, hours: float = 1, source: str = "") -> Access:
        """Give the access by a certificate for this list that ends in so many hours, and began an hour before that."""
        key = self.key(name)
        ends = datetime.now(UTC) + timedelta(hours=hours)
        begins = ends - timedelta(hours=1, minutes=1)
        said = Certificate(change, "ann", ("root",), begins, ends, list_digest(text), source)
        made = certify(said, authority=self.folder / "ca", public_key=key.with_suffix(".pub"))
        assert made == self.folder / f"{name}-cert.pub"
        return replace(lab_access(), identity=key)


@pytest.fixture
def officer(tmp_path: Path) -> Iterator[Officer]:
    officer = Officer(tmp_path, Runner(tmp_path))
    officer.prepare(HOST, OTHER)
    yield officer
    officer.undo(HOST, OTHER)


STEP = sh('printf "%s\\n" "$1" >> /tmp/only; id -un', 'it\'s $HOME "quoted" ümlaut\n')


def _plan(officer: Officer) -> Plan:
    return officer.runner.plan(step("one", STEP, undo=sh("rm -f /tmp/only")), step("two/2", sh("true")))


@pytest.fixture
def listed(officer: Officer) -> str:
    return list_text(approved_commands(_plan(officer), officer.folder / FOLDER))


@pytest.fixture
def host(officer: Officer, listed: str) -> Iterator[HostConnection]:
    """The connection of a change's executor, who has brought the list there."""
    connection = officer.connection(HOST, officer.access(listed, "id"))
    assert connection.run([UPLOAD, listed], timeout=10).exit_code == 0
    yield connection
    connection.close()


def _why(done: Completed) -> str:
    assert done.exit_code == REFUSED, done
    return done.stderr


def test_the_approved_command_runs_and_one_with_another_byte_does_not(officer: Officer, host: HostConnection) -> None:
    agent = Agent(host)
    token = agent.lock(RUN, "ann@there", MARK)
    assert agent.effect(RUN, "one", token, STEP, timeout=5).ended is Ended.SUCCEEDED
    assert agent.status(RUN, "one").stdout == "root\n"
    assert officer.as_root(HOST, "cat", "/tmp/only") == STEP.argv[-1] + "\n"
    assert agent.effect(RUN, "one.2", token, STEP, timeout=5).ended is Ended.SUCCEEDED  # a later attempt of it
    assert agent.effect(RUN, "undo.one", token, sh("rm -f /tmp/only"), timeout=5).ended is Ended.SUCCEEDED
    assert agent.effect(RUN, "two.2", token, sh("true"), timeout=5).ended is Ended.SUCCEEDED

    flipped = replace(STEP, argv=(*STEP.argv[:-1], STEP.argv[-1].replace("ü", "u")))
    others = (
        ("one.3", flipped), ("one.4", replace(STEP, user="nobody")), ("one.5", replace(STEP, stdin="x")),
        ("two.3", STEP), ("undo.one.2", STEP), ("one.6", replace(STEP, argv=(*STEP.argv, ""))), ("six", STEP),
    )  # fmt: skip
    for key, command in others:
        with pytest.raises(OutcomeUnknown, match="not a command that was approved"):
            agent.effect(RUN, key, token, command, timeout=5)
    assert sorted(agent.begun(RUN)) == ["one", "one.2", "two.2", "undo.one"]
    assert "No such file" in officer.as_root(HOST, "/bin/sh", "-c", "ls /tmp/only 2>&1 || :")
    agent.unlock(RUN, MARK)
    said = officer.as_root(HOST, "journalctl", "-t", "drillbook-only", "-o", "cat", "--since", "-1min")
    assert said.count(f"{CHANGE}: refused: step ") >= len(others)


LINES = (
    "id", "touch /tmp/only-hostile", "/bin/sh -c 'touch /tmp/only-hostile'", "$(touch /tmp/only-hostile)",
    "`touch /tmp/only-hostile`", "true; touch /tmp/only-hostile", "true\ntouch /tmp/only-hostile",
    "date -u +%s; touch /tmp/only-hostile", "date -u +%s\ntouch /tmp/only-hostile",
    "'date' \"$(touch /tmp/only-hostile)\"", "'unbalanced; touch /tmp/only-hostile",
    "a\\'b; touch /tmp/only-hostile",
    "''\"'\"'; touch /tmp/only-hostile'", "date -u +%s > /tmp/only-hostile", "date -u ${x:-+%s}", "date -u +*",
    "~/x", "'date' -u '+%s' #x", "date -u +%s &", "cat < /etc/shadow", "A=1 date", "", " ", "''",
    "exec /bin/sh", "/usr/lib/openssh/sftp-server", "internal-sftp", "scp -t /tmp",
)  # fmt: skip


def test_nothing_that_a_shell_would_understand_gets_through(officer: Officer, host: HostConnection) -> None:
    ssh = [
        "ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={KNOWN_HOSTS}",
        "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-i", str(officer.folder / "id"),
        f"root@{host.target.address}",
    ]  # fmt: skip
    for line in LINES:
        done = subprocess.run(
            [*ssh, line], capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == REFUSED, (line, done)
        assert "drillbook-only: refused" in done.stderr, line
        assert "No such file" in officer.as_root(HOST, "/bin/sh", "-c", "ls /tmp/only-hostile 2>&1 || :"), line


def test_forwarding_and_a_terminal_are_not_in_the_certificate(officer: Officer, host: HostConnection) -> None:
    told = subprocess.run(
        ["ssh-keygen", "-L", "-f", officer.folder / "id-cert.pub"], capture_output=True, text=True, check=True
    ).stdout
    assert "force-command " + PLACE in told
    assert "permit-" not in told
    host.open()
    transport = host._connection.client.get_transport()
    with pytest.raises(Exception, match="prohibited"):
        transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=5)


def test_the_agent_is_the_engines_own_and_only_what_an_executor_asks_of_it(host: HostConnection) -> None:
    agent = Agent(host)
    token = agent.lock(RUN, "ann@there", MARK)
    path = host.run(["date", "-u", "+%s"], timeout=5)
    assert path.exit_code == 0, "the clock of a host may be asked"
    installed = "/var/lib/drillbook/agent-" + _sha16(SCRIPT) + ".sh"
    assert "nothing that an executor asks" in _why(
        host.run(["/bin/sh", installed, "begin", RUN, "one", str(token), "root", "id"], timeout=5)
    )
    assert "nothing that an executor asks" in _why(host.run(["/bin/sh", installed, "ended", RUN, "one"], timeout=5))
    assert "not this change's run" in _why(host.run(["/bin/sh", installed, "unlock", ANOTHER_RUN], timeout=5))
    assert "not the agent" in _why(
        host.run(["/bin/sh", "/var/lib/drillbook/agent-/../../../etc/hostname", "status", RUN, "one"], timeout=5)
    )
    with pytest.raises(StepFailed, match="the change has another run here"):
        agent.lock(ANOTHER_RUN, "ann@there", MARK)
    with pytest.raises(StepFailed, match="not this change's run"):
        agent.unlock(ANOTHER_RUN, MARK)
    other = f"{SCRIPT}\ntouch /tmp/only-hostile\n"
    words = [
        "/bin/sh",
        "-eu",
        "-c",
        ":",
        "drillbook",
        other,
        f"/var/lib/drillbook/agent-{_sha16(other)}.sh",
        "lock",
        RUN,
    ]
    assert "installed in another way" in _why(host.run(words, timeout=5))
    agent.unlock(RUN, MARK)


def _sha16(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:16]


def test_only_the_list_that_the_certificate_names(officer: Officer, listed: str) -> None:
    mine = officer.connection(HOST, officer.access(listed, "id"))
    assert "the list of approved commands is not here" in _why(mine.run(["date", "-u", "+%s"], timeout=5))
    assert "not the list that was approved" in _why(mine.run([UPLOAD, listed + "\nplain x"], timeout=5))
    assert mine.run([UPLOAD, listed], timeout=5).exit_code == 0
    assert mine.run(["date", "-u", "+%s"], timeout=5).exit_code == 0
    place = f"/var/lib/drillbook/only/{list_digest(listed)}"
    officer.as_root(HOST, "/bin/sh", "-c", f"echo; echo plain {HOST} {'0' * 64} >> {place}")
    assert "was changed" in _why(mine.run(["date", "-u", "+%s"], timeout=5))
    mine.close()


def test_what_was_approved_for_one_host_runs_on_no_other(officer: Officer, listed: str) -> None:
    other = officer.connection(OTHER, officer.access(listed, "id"))
    assert other.run([UPLOAD, listed], timeout=5).exit_code == 0
    agent = Agent(other)
    token = agent.lock(RUN, "ann@there", MARK)
    with pytest.raises(OutcomeUnknown, match=f"not a command that was approved for {OTHER}"):
        agent.effect(RUN, "one", token, STEP, timeout=5)
    agent.unlock(RUN, MARK)
    other.close()


def test_a_certificate_that_has_ended_or_comes_from_elsewhere_or_of_another_authority(
    officer: Officer, listed: str
) -> None:
    rogue = Officer(officer.folder / "rogue", officer.runner) if (officer.folder / "rogue").mkdir() is None else None
    assert rogue is not None
    ended = officer.access(listed, "ended", hours=-0.01)
    later = officer.access(listed, "later", hours=48)
    elsewhere = officer.access(listed, "elsewhere", source="192.0.2.1")
    bare = replace(lab_access(), identity=officer.key("bare"))
    for access in (ended, later, elsewhere, bare, rogue.access(listed, "id")):
        with pytest.raises(HostUnreachable, match="does not let us in"):
            officer.connection(HOST, access).open()
    here = officer.connection(HOST, officer.access(listed, "here", source="10.213.0.0/24"))
    here.open()
    here.close()


def test_a_whole_switchover_runs_by_certificate(officer: Officer) -> None:
    """Its effects, its checks, the locks and the anchors: nothing that an honest run sends is refused."""
    plan = plan_of(officer.runner.estate, "RB-DB-SWITCHOVER", environment="lab", parameters={"pair": "core-db"})
    text = list_text(approved_commands(plan, seal(ROOT, officer.folder / "sealed").path))
    officer.prepare(*plan.reachable)
    try:
        access = officer.access(text, "id")
        for item in plan.reachable:
            connection = officer.connection(item, access)
            assert connection.run([UPLOAD, text], timeout=10).exit_code == 0
            connection.close()
        around = replace(officer.runner.around(), access=access)
        launch = begin(plan, permit_in_lab(plan, ROOT), connect(plan, around), around, purpose="test")
        try:
            outcome = launch.engine.run()
        finally:
            launch.close()
        assert outcome.result == "succeeded", outcome
        for item in plan.reachable:
            said = officer.as_root(item, "journalctl", "-t", "drillbook-only", "-o", "cat", "--since", "-2min")
            assert "refused" not in said
    finally:
        officer.undo(*plan.reachable)
    pair = Pair()
    pair.run(SWITCHOVER, primary=pair.second)
    pair.hosts.close()


def test_the_certificate_in_an_ssh_agent(officer: Officer, listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside the lab the engine logs in by the person's agent."""
    access = officer.access(listed, "id")
    socket = officer.folder / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.01)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", officer.folder / "id"], check=True)
        connection = officer.connection(HOST, replace(access, identity=None))
        assert connection.run([UPLOAD, listed], timeout=10).exit_code == 0
        assert connection.run(["date", "-u", "+%s"], timeout=10).exit_code == 0
        assert "not a command" in _why(connection.run(["id"], timeout=10))
        connection.close()
    finally:
        agent.terminate()
        agent.wait()


def test_the_words_are_those_that_shlex_writes() -> None:
    """What only.sh takes for safe outside quotes is what shlex leaves unquoted."""
    assert shlex.join(["aZ09@%+=:,./_-", "", "a b", "it's"]) == "aZ09@%+=:,./_- '' 'a b' 'it'\"'\"'s'"
