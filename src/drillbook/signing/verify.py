"""Holds one signature against one key, by ``ssh-keygen -Y verify``."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from drillbook.errors import Refused
from drillbook.repo.process import run_quietly
from drillbook.text import visible

NAMESPACE = re.compile(r"drillbook-[a-z]{1,32}")
_SECONDS = 30.0


def ssh_environment() -> dict[str, str]:
    """Give what ssh-keygen and ssh-add need of the environment; nothing in it lets them open a window to ask."""
    wanted = ("PATH", "HOME", "SSH_AUTH_SOCK", "SSH_SK_PROVIDER")
    kept = {name: os.environ[name] for name in wanted if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC", "SSH_ASKPASS_REQUIRE": "never"}


def check_signature(data: bytes, signature: bytes, *, namespace: str, person: str, public_key: str) -> None:
    """Raise Refused unless the key's owner signed these bytes for this purpose.

    ``person`` and ``public_key`` are checked parts (``Signers.of``): they make up the line that ssh-keygen reads.
    """
    if NAMESPACE.fullmatch(namespace) is None:
        raise Refused(f"'{visible(namespace, limit=64)}' is no purpose that anybody signs for")
    with tempfile.TemporaryDirectory(prefix="drillbook-verify-") as folder:
        allowed, sig = Path(folder, "allowed_signers"), Path(folder, "signature")
        allowed.write_text(f'{person} namespaces="{namespace}" {public_key}\n')
        sig.write_bytes(signature)
        done = run_quietly(
            ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", person, "-n", namespace, "-s", str(sig)],
            env=ssh_environment(),
            timeout=_SECONDS,
            stdin=data,
            package="openssh-client",
        )
    if done.code != 0:
        raise Refused(
            f"the signature of {person} does not fit these bytes: they were changed, or it was made for others",
            remedy=f"ssh-keygen said: {visible(done.said, limit=200)}" if done.said else "",
        )
