"""One open SSH connection to a host, through Fabric.

Strict where Fabric is lenient: no key is accepted that is not on record, no agent, no user
configuration, no environment sent. Every call has a deadline, connecting included: a host whose
sshd is stopped accepts the TCP connection and then says nothing.
"""

from __future__ import annotations

import functools
import logging
import shlex
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.errors import (
    DrillbookError,
    HostKeyRefused,
    HostUnreachable,
    MissingPrerequisite,
    OutcomeUnknown,
)
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from drillbook.hosts.access import Access
    from drillbook.plan.model import Target

CONNECT_TIMEOUT = 3.0
PRESENT_SECONDS = 1.25
"""How long a host's kernel may take to accept a connection. It is asked twice: Linux asks again after a second."""
_KEEPALIVE_SECONDS = 3
_SILENCE_MS = 8000


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command did: its exit code, its two outputs as text, and how long it took in seconds."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float


class HostConnection:
    """A connection to one target; open it before users feel anything, then run many commands."""

    def __init__(self, target: Target, access: Access, *, connect_timeout: float = CONNECT_TIMEOUT) -> None:
        """Remember where to go; nothing is sent."""
        self.target = target
        self._access = access
        self._connect_timeout = connect_timeout
        self._connection: Any = None

    def open(self) -> None:
        """Connect and log in, unless that is done.

        Raises Refused when nothing permits it, HostUnreachable when there is no answer within the deadline,
        HostKeyRefused when the host shows another key than the one on record or none is on record.
        """
        if self._connection is not None:
            return
        self._access.permission.require(self.target.item, self.target.address)
        import paramiko
        from fabric import Config, Connection

        # What goes wrong is raised and said by us; Paramiko's threads would print it besides.
        logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

        target = self.target
        if not self._access.known_hosts.is_file():
            raise MissingPrerequisite(
                f"there are no host keys on record for {target.item} ({self._access.known_hosts} is missing)",
                remedy="./inv lab.up makes the lab's; other environments name theirs in the CMDB",
            )
        keys: dict[str, Any] = {
            "allow_agent": self._access.identity is None,
            "look_for_keys": False,
            "banner_timeout": self._connect_timeout,
            "auth_timeout": self._connect_timeout,
            "channel_timeout": self._connect_timeout,
        }
        if self._access.identity is not None:
            keys["key_filename"] = str(self._access.identity)
        connection = Connection(
            host=target.address,
            user=target.ssh_user,
            port=target.ssh_port,
            connect_timeout=self._connect_timeout,
            connect_kwargs=keys,
            # Neither the user's nor the system's SSH configuration may redirect a connection.
            config=Config(lazy=True, overrides={"load_ssh_configs": False, "runners": {"remote": _runner()}}),
        )
        connection.client.load_host_keys(str(self._access.known_hosts))
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            connection.open()
        except paramiko.BadHostKeyException as error:
            raise HostKeyRefused(
                f"{target.item} ({target.address}) shows another host key than the one on record: "
                f"got {error.key.get_name()} {error.key.fingerprint}, expected {error.expected_key.fingerprint}",
                remedy="do not log in: find out who answers at that address",
            ) from None
        except paramiko.SSHException as error:
            connection.close()
            if "not found in known_hosts" in str(error):
                raise HostKeyRefused(
                    f"{target.item} ({target.address}) has no host key on record",
                    remedy=f"add its public key to {self._access.known_hosts}, from a source that you trust",
                ) from None
            raise HostUnreachable(
                f"{target.item} ({target.address}) does not let us in: {error}",
                remedy="try: ssh to it by hand; is it running, is sshd answering?",
            ) from None
        except (OSError, EOFError) as error:
            connection.close()
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            raise HostUnreachable(
                f"{target.item} ({target.address}) does not answer: {reason}",
                remedy="is it running, and is the network between here and there?",
            ) from None
        transport = connection.client.get_transport()
        sock = transport.sock
        # Without it a small request waits up to 40 ms for the answer to the one before (delayed ACK).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A host that vanishes in the middle of a command says nothing. So something is sent every few
        # seconds, and the kernel gives the connection up when that is not acknowledged.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENCE_MS)
        transport.set_keepalive(_KEEPALIVE_SECONDS)
        self._connection = connection

    @property
    def is_open(self) -> bool:
        """Whether we are logged in, as far as we know: a host that vanished has not said so."""
        return self._connection is not None

    def is_present(self) -> bool:
        """Tell whether the host takes a TCP connection on its SSH port, within ``PRESENT_SECONDS``.

        Its kernel does that, also when sshd hangs. Nothing is sent on it. Raises Refused when nothing permits it.
        """
        self._access.permission.require(self.target.item, self.target.address)
        try:
            socket.create_connection((self.target.address, self.target.ssh_port), PRESENT_SECONDS).close()
        except OSError as error:
            return isinstance(error, ConnectionRefusedError)  # by the host itself, which is there
        return True

    def run(self, argv: Sequence[str], *, timeout: float) -> Completed:
        """Run a command; each argument arrives as it is given, whatever it holds.

        ``timeout`` in seconds. Raises OutcomeUnknown when no end is seen in time or the connection
        breaks: whoever changes things uses the agent (``hosts.agent``), whose units end by themselves.
        """
        self.open()
        from invoke.exceptions import CommandTimedOut, ThreadException

        began = time.monotonic()
        # The command's own time begins when the channel for it is open; a host that is gone opens none.
        self._connection.client.get_transport().channel_timeout = min(self._connect_timeout, timeout)
        try:
            done = self._connection.run(
                shlex.join(argv), hide=True, warn=True, in_stream=False, timeout=timeout, encoding="utf-8"
            )
        except (CommandTimedOut, ThreadException, OSError, EOFError, self._ssh_errors()) as error:
            self.close()
            seconds = time.monotonic() - began
            line = visible(shlex.join(argv), limit=80)
            what = "it did not end in time" if isinstance(error, CommandTimedOut) else str(error) or "connection lost"
            raise OutcomeUnknown(f"{self.target.item}: no result after {seconds:.1f} s of '{line}': {what}") from None
        if done.exited == -1:
            self.close()
            raise OutcomeUnknown(
                f"{self.target.item}: the connection was lost during '{visible(shlex.join(argv), limit=80)}'"
            )
        return Completed(done.exited, done.stdout, done.stderr, time.monotonic() - began)

    def put(self, data: bytes, path: str) -> None:
        """Write a file on the host (mode 0600), whole or not at all. Raises HostUnreachable."""
        self.open()
        try:
            sftp = self._connection.sftp()
            with sftp.open(path + ".part", "wb") as file:
                file.write(data)
            sftp.chmod(path + ".part", 0o600)
            sftp.posix_rename(path + ".part", path)
        except (OSError, EOFError, self._ssh_errors()) as error:
            raise HostUnreachable(f"{self.target.item}: cannot write {path}: {error}") from None

    def get(self, path: str) -> bytes:
        """Read a file of the host. Raises HostUnreachable."""
        self.open()
        try:
            with self._connection.sftp().open(path, "rb") as file:
                file.prefetch()
                data: bytes = file.read()
        except (OSError, EOFError, self._ssh_errors()) as error:
            raise HostUnreachable(f"{self.target.item}: cannot read {path}: {error}") from None
        return data

    def close(self) -> None:
        """Close; a later call opens anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @staticmethod
    def _ssh_errors() -> type[Exception]:
        import paramiko

        error: type[Exception] = paramiko.SSHException
        return error


@functools.cache
def _runner() -> type[Any]:
    """Give Fabric's remote runner, made quicker to notice an end."""
    from fabric.runners import Remote

    class Runner(Remote):  # type: ignore[misc]  # Fabric is untyped
        # Fabric looks for the end every 10 ms, which a failover would pay a dozen times.
        input_sleep = 0.001

        def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
            """Let go at once: with the channel open, Fabric would wait for the command's end."""
            self.channel.close()
            raise interrupt

    return Runner


class Hosts:
    """The open connections of a run, by configuration item."""

    def __init__(
        self, targets: Mapping[str, Target], access: Access, *, connect_timeout: float = CONNECT_TIMEOUT
    ) -> None:
        """Remember the targets; nothing is sent."""
        self._connections = {
            item: HostConnection(target, access, connect_timeout=connect_timeout) for item, target in targets.items()
        }

    def __getitem__(self, item: str) -> HostConnection:
        """Give the connection to an item; it opens when first used."""
        return self._connections[item]

    def open(self, items: Iterable[str], *, perhaps: Iterable[str] = ()) -> dict[str, DrillbookError]:
        """Open several at once; give the error of each that failed.

        ``perhaps``: more of them, which may well be away: one that is not present is passed over, and opens when it is
        first used. So nobody waits for it as long as for a host that is needed.
        """
        wanted = set(items)
        both = [*wanted, *(set(perhaps) - wanted)]
        failed: dict[str, DrillbookError] = {}
        if not both:
            return failed

        def connect(item: str) -> None:
            if item in wanted or self._connections[item].is_present():
                self._connections[item].open()

        with ThreadPoolExecutor(max_workers=min(16, len(both))) as pool:
            tries = {item: pool.submit(connect, item) for item in both}
        for item, attempt in tries.items():
            error = attempt.exception()
            if isinstance(error, DrillbookError):
                failed[item] = error
            elif error is not None:
                raise error
        return failed

    def close(self) -> None:
        """Close all."""
        for connection in self._connections.values():
            connection.close()
