"""The lab's SSH keys: made by the lab, kept in its state, in no repository.

Each host gets an ed25519 key of its own that the lab makes beforehand, so that the first connection
is checked as strictly as any later one. ``known_hosts`` has plain lines, one a host, and no
certificate authority: paramiko, which Fabric uses, cannot verify host certificates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.lab.state import IDENTITY, KNOWN_HOSTS, SSH_DIR, write_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from drillbook.lab.spec import HostSpec

HOST_KEY = "ssh_host_ed25519_key"


def host_key(item: str) -> Path:
    """Give where a host's private key is kept; the public one is beside it, ``.pub``."""
    return SSH_DIR / "hosts" / item / HOST_KEY


def make_keys(specs: Iterable[HostSpec]) -> None:
    """Make the client key and the hosts' keys that are missing, and write known_hosts anew."""
    SSH_DIR.mkdir(mode=0o700, exist_ok=True)
    _make(IDENTITY, "lab")
    lines = []
    for spec in specs:
        path = host_key(spec.item)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path, spec.item)
        kind, public = path.with_suffix(".pub").read_text().split()[:2]
        lines.append(f"{','.join(_names(spec))} {kind} {public}")
    text = "\n".join(sorted(lines)) + "\n"
    if not KNOWN_HOSTS.is_file() or KNOWN_HOSTS.read_text() != text:
        write_file(KNOWN_HOSTS, text)


def _names(spec: HostSpec) -> list[str]:
    names = [spec.item, spec.address]
    return names if spec.ssh_port == 22 else [f"[{name}]:{spec.ssh_port}" for name in names]  # noqa: PLR2004


def _make(path: Path, comment: str) -> None:
    public = path.with_suffix(".pub")
    if path.is_file() and public.is_file():
        return
    from cryptography.hazmat.primitives import serialization as to
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(to.Encoding.PEM, to.PrivateFormat.OpenSSH, to.NoEncryption())
    write_file(path, private.decode())
    encoded = key.public_key().public_bytes(to.Encoding.OpenSSH, to.PublicFormat.OpenSSH)
    write_file(public, f"{encoded.decode()} {comment}\n")
