"""Per-change certificates: an SSH login that can do what a change's plan says on its hosts, and nothing else.

An option, for those who do not want to trust the executor's engine (docs/enforcement.md). An officer's certificate
authority signs the executor's key for the change's window, with ``only.sh`` on the host as its forced command and the
digest of the list of approved commands in it. This module writes that list and makes the certificate.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, UsageError
from drillbook.hosts.agent import INSTALL, SCRIPT, wire
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from drillbook.plan.model import Command

ONLY = (resources.files("drillbook.hosts") / "only.sh").read_text()
"""The forced command, which the officer installs as ``PLACE``."""
PLACE = "/usr/local/sbin/drillbook-only"
ITEM_FILE = "/etc/drillbook/item"
"""Where a host says which item it is; the officer writes it."""
UPLOAD = "drillbook-only"
"""The word before the list, when it is brought to a host."""

_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Allowed:
    """A command that a host lets pass. ``step``: the name of the effect on the host; None for a plain command."""

    item: str
    step: str | None
    words: tuple[str, ...]

    def line(self) -> str:
        """Give its line of the list."""
        if self.step is None:
            return f"plain {self.item} {words_digest(self.words)}"
        return f"effect {self.item} {words_digest((self.step, *self.words))}"


def allowed_effect(item: str, step: str, command: Command) -> Allowed:
    """Give what a host lets pass for a step's command, by any attempt."""
    return Allowed(item, step, (command.user, command.stdin, *wire(command.words)))


def list_text(allowed: Iterable[Allowed]) -> str:
    """Give the list: one line for each command, in the order of texts, and the agent's digests.

    Without a line break at its end, which a shell's ``$(cat FILE)`` would lose.
    """
    agent = (
        f"agent {words_digest((SCRIPT,))}",
        f"install {words_digest((INSTALL,))}",
        f"installed {words_digest((f'{SCRIPT}.',))}",
    )
    return "\n".join(sorted({*agent, *(each.line() for each in allowed)}))


def list_digest(text: str) -> str:
    """Give the digest that stands in the certificate."""
    return hashlib.sha256(text.encode()).hexdigest()


def words_digest(words: Sequence[str]) -> str:
    """Give the digest of words, each with a NUL after it, as ``only.sh`` does."""
    return hashlib.sha256(b"".join(word.encode() + b"\0" for word in words)).hexdigest()


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says. ``principals``: the accounts on the hosts; ``source``: "" or addresses, as sshd(8)."""

    change: str
    person: str
    principals: tuple[str, ...]
    begins: datetime
    ends: datetime
    digest: str
    source: str = ""


def certify(certificate: Certificate, *, authority: Path, public_key: Path) -> Path:
    """Sign ``public_key`` (``NAME.pub``) with the authority's private key; give the path, ``NAME-cert.pub``.

    Raises UsageError when ssh-keygen refuses (another passphrase, no such key), MissingPrerequisite without it.
    """
    times = f"{certificate.begins:%Y%m%d%H%M%S}:{certificate.ends:%Y%m%d%H%M%S}"
    command = [
        "ssh-keygen", "-q", "-s", str(authority), "-I", f"{certificate.change} {certificate.person}",
        "-n", ",".join(certificate.principals), "-V", times, "-O", "clear",
        "-O", f"force-command={PLACE} {certificate.change} {certificate.digest}",
    ]  # fmt: skip
    if certificate.source:
        command += ["-O", f"source-address={certificate.source}"]
    try:
        done = subprocess.run(
            [*command, str(public_key)],
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},  # the times above are UTC, and it reads local ones
            stdin=None,
            capture_output=True,
            text=True,
            timeout=_SECONDS * 10,  # a person may have to type a passphrase
            check=False,
        )
    except FileNotFoundError:
        raise MissingPrerequisite("ssh-keygen is not here", remedy="apt-get install openssh-client") from None
    if done.returncode != 0:
        raise UsageError(
            f"ssh-keygen made no certificate: {visible(done.stderr.strip(), limit=200)}",
            remedy="--ca is the authority's private key, --for the executor's public one",
        )
    return public_key.with_name(public_key.name.removesuffix(".pub") + "-cert.pub")
