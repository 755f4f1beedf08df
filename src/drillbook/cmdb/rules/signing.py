"""Signing keys: bytes that are the key that their name says, one owner each, and days in their order."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.rules.base import Draft, Path

_FIELDS: dict[str, tuple[int | None, ...]] = {
    "ssh-ed25519": (32,),
    "sk-ssh-ed25519@openssh.com": (32, None),
    "ecdsa-sha2-nistp256": (8, 65),
    "ecdsa-sha2-nistp384": (8, 97),
    "ecdsa-sha2-nistp521": (8, 133),
    "sk-ecdsa-sha2-nistp256@openssh.com": (8, 65, None),
    "ssh-rsa": (None, None),
}
"""The lengths in bytes of what follows the type in a public key (RFC 8709, 5656, 4253; OpenSSH PROTOCOL.u2f)."""

_LENGTH = 4
_RSA_BITS = 2048  # the least that NIST SP 800-131A still allows for signatures


def keys(draft: Draft) -> Iterator[Problem]:
    """Find keys that are broken, that stand twice, that two people have, and days in the wrong order."""
    owners: dict[str, str] = {}
    for person in draft.cmdb.people:
        for index, written in enumerate(person.fields.get("signing_keys", ())):
            key, days = (written, {}) if isinstance(written, str) else (written["key"], written)
            at: Path = ("signing_keys", index)
            wrong = malformed(key)
            owner = owners.get(key)
            owners.setdefault(key, person.id)
            if wrong is not None:
                yield Problem(person, at, f"is no public key: {wrong}; copy it again from its .pub file")
            elif owner == person.id:
                yield Problem(person, at, "stands there already; keep one, with the days that are right")
            elif owner is not None:
                yield Problem(
                    person, at,
                    f"is a key of people.{owner} too, and what it signs would be nobody's; a key has one owner",
                )  # fmt: skip
            first, last = days.get("from"), days.get("until")
            if first is not None and last is not None and last < first:  # days of ISO 8601 sort as texts
                yield Problem(person, (*at, "until"), f"is {last}, before the key begins on {first}")


def malformed(key: str) -> str | None:
    """Say what is wrong with the bytes of a public key such as ``ssh-ed25519 AAAA…``, or None.

    A key whose bytes are of another type than its name is refused too: programs differ in which they believe.
    """
    name, _, text = key.partition(" ")
    if name not in _FIELDS:
        return f"its type {quoted(name)} is not read"
    try:
        rest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return "its second part is not base64"
    if base64.b64encode(rest).decode() != text:
        return "its second part is not base64 as ssh-keygen writes it"  # one key, one text
    fields: list[bytes] = []
    while rest:
        length = int.from_bytes(rest[:_LENGTH], "big")
        if len(rest) < _LENGTH + length:
            return "its end is missing"
        fields.append(rest[_LENGTH : _LENGTH + length])
        rest = rest[_LENGTH + length :]
    if not fields or fields[0] != name.encode():
        return f"its bytes are of another type than {quoted(name)}"
    lengths = _FIELDS[name]
    if len(fields) != 1 + len(lengths):
        return "its bytes hold too much or too little"
    if any(wanted not in (None, len(field)) for wanted, field in zip(lengths, fields[1:], strict=True)):
        return "a part of it has the wrong length"
    if "nistp" in name and fields[1] not in name.encode():
        return f"its bytes are of another curve than {quoted(name)}"
    if name == "ssh-rsa" and int.from_bytes(fields[2], "big").bit_length() < _RSA_BITS:
        return f"it has fewer than {_RSA_BITS} bits"
    return None
