"""The end of a run's journal, signed: ``journal.sig`` beside it, by who ran it.

What is signed is the canonical JSON of {format, repository, run, plan, head, count}. So whoever writes the journal
anew, with all hashes right again, needs the executor's key as well.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import canonical_json
from drillbook.durable import replace_file
from drillbook.errors import JournalError, Refused
from drillbook.ledger.entries import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from drillbook.journal.record import Record
    from drillbook.signing.sign import Signer

FORMAT = 1
SIGNATURE = "journal.sig"
CLOSED = "run.closed"
_MAGIC = b"SSHSIG\0\0\0\1"
_WIDTH = 70
_NAMES_EXECUTOR = ("run.opened", "run.resumed")


@dataclass(frozen=True, slots=True)
class Closing:
    """What the signature is over. ``repository`` is "" where nothing is pinned (the lab)."""

    repository: str
    run: str
    plan: str
    head: str
    count: int

    def to_bytes(self) -> bytes:
        """Give the bytes that are signed."""
        return canonical_json(
            {
                "format": FORMAT,
                "repository": self.repository,
                "run": self.run,
                "plan": self.plan,
                "head": self.head,
                "count": self.count,
            }
        )


def closing_of(records: Sequence[Record]) -> Closing:
    """Give what is to be signed of a journal. Raises JournalError when it is not closed."""
    if not records or records[0].kind != "run.opened" or records[-1].kind != CLOSED:
        raise JournalError("a journal is signed when its run has ended, and this one has not")
    data = records[0].data
    return Closing(
        repository=str(data.get("repository", "")),
        run=str(data["run"]),
        plan=str(data["plan"]),
        head=records[-1].hash,
        count=len(records),
    )


def executors_of(records: Sequence[Record]) -> list[str]:
    """Give who ran it, in their order, each once: who opened it, and who resumed it."""
    named = [str(each.data.get("executor", "")) for each in records if each.kind in _NAMES_EXECUTOR]
    return [person for person in dict.fromkeys(named) if person]


def is_as_written(signature: bytes) -> bool:
    """Tell whether a signature is to the byte as ssh-keygen writes it.

    ssh-keygen also reads other forms (line breaks elsewhere, a field that it passes over), so that a changed file
    could still hold. The form is that of PROTOCOL.sshsig in OpenSSH, lines of 70 characters.
    """
    head, tail = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n"
    try:
        blob = base64.b64decode(signature.removeprefix(head).removesuffix(tail).replace(b"\n", b""), validate=True)
        rest = blob[len(_MAGIC) :]
        for _ in ("public key", "namespace"):
            rest = rest[4 + int.from_bytes(rest[:4], "big") :]
    except ValueError:
        return False
    text = base64.b64encode(blob)
    lines = b"".join(text[at : at + _WIDTH] + b"\n" for at in range(0, len(text), _WIDTH))
    reserved = rest[:4]
    return signature == head + lines + tail and blob.startswith(_MAGIC) and reserved == b"\0\0\0\0"


def sign_closing(folder: Path, records: Sequence[Record], signer: Signer) -> bool:
    """Sign a closed journal, unless that is done; tell whether it was done now.

    Raises Refused when the signer is not one who ran it, JournalError when it is not closed or the signature cannot
    be written, and as ``Signer.sign``.
    """
    path = folder / SIGNATURE
    if path.exists():
        return False
    if signer.person not in executors_of(records):
        who = " or ".join(executors_of(records)) or "nobody who is named in it"
        raise Refused(f"the journal of {folder.name} is signed by who ran it, and that is {who}, not {signer.person}")
    signature = signer.sign(closing_of(records).to_bytes(), namespace=NAMESPACE)
    try:
        replace_file(path, signature, mode=0o600)
    except OSError as error:
        raise JournalError(f"{path}: the signature cannot be written: {error.strerror}") from None
    return True
