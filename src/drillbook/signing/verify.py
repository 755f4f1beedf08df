"""Holds one signature against one key, by ``ssh-keygen -Y verify``."""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

from drillbook.errors import Refused
from drillbook.repo.process import Done, run_quietly
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
    program = _program()
    _require_honest(program)
    done = _verify(program, data, signature, namespace=namespace, person=person, public_key=public_key)
    if done.code != 0:
        raise Refused(
            f"the signature of {person} does not fit these bytes: they were changed, or it was made for others",
            remedy=f"ssh-keygen said: {visible(done.said, limit=200)}" if done.said else "",
        )


def _program() -> str:
    return shutil.which("ssh-keygen") or "ssh-keygen"


def _verify(program: str, data: bytes, signature: bytes, *, namespace: str, person: str, public_key: str) -> Done:
    with tempfile.TemporaryDirectory(prefix="drillbook-verify-") as folder:
        allowed, sig = Path(folder, "allowed_signers"), Path(folder, "signature")
        allowed.write_text(f'{person} namespaces="{namespace}" {public_key}\n')
        sig.write_bytes(signature)
        return run_quietly(
            [program, "-Y", "verify", "-f", str(allowed), "-I", person, "-n", namespace, "-s", str(sig)],
            env=ssh_environment(),
            timeout=_SECONDS,
            stdin=data,
            package="openssh-client",
        )


@functools.cache
def _require_honest(program: str) -> None:
    """Raise Refused unless this ssh-keygen takes a signature that is right, and refuses it for other bytes.

    Asked once in a process. It finds the wrapper that always says yes, not a program that was made to deceive.
    """
    for data, right in ((_TEST_TEXT, True), (secrets.token_bytes(len(_TEST_TEXT)), False)):
        done = _verify(program, data, _TEST_SIGNATURE, namespace=_TEST, person="drillbook", public_key=_TEST_KEY)
        if (done.code == 0) is not right:
            does = "refuses a signature that is right" if right else "takes a signature that is wrong"
            raise Refused(
                f"{visible(program, limit=200)} {does}: its word on signatures counts for nothing",
                remedy="type -a ssh-keygen shows what PATH finds; OpenSSH's own must come first, 8.2 or newer",
            )


_TEST = "drillbook-selftest"
_TEST_TEXT = b"drillbook asks whether ssh-keygen verifies\n"
_TEST_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOUDfu13Elf/TBqax9opUMWxmI6EOjst3aFYOEKQvX7L"  # its private key is gone
)
_TEST_SIGNATURE = b"""-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg5QN+7XcSV/9MGprH2ilQxbGYjo
Q6Oy3doVg4QpC9fssAAAASZHJpbGxib29rLXNlbGZ0ZXN0AAAAAAAAAAZzaGE1MTIAAABT
AAAAC3NzaC1lZDI1NTE5AAAAQHhD8pMtHWeGHaKUK8bnAp9So6gGZMLyRRMJvv0D7Jmkw6
a15R6Fi+FoyepcZujdEU/3dCVMeNV3pnXnMPD7Ogs=
-----END SSH SIGNATURE-----
"""
