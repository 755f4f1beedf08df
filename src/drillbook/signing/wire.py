"""The bytes of SSH: public keys (RFC 4253, section 6.6) and signatures (PROTOCOL.sshsig of OpenSSH)."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass

_KEY = re.compile(
    r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com|"
    r"sk-ecdsa-sha2-nistp256@openssh\.com) ([A-Za-z0-9+/]{40,3000}={0,2})"
)
_ARMOUR = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\r?\n([A-Za-z0-9+/=\r\n]{40,16384})-----END SSH SIGNATURE-----\s{0,4}"
)
_SMALLEST_RSA = 2048  # bits
_LENGTH = 4  # bytes that say how long what follows is


class Malformed(ValueError):
    """Not the bytes that they should be; the text completes "it …"."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature says of itself, not yet checked: the public key (``type base64``) and the namespace."""

    public_key: str
    namespace: str


def read_public_key(text: str) -> str:
    """Give a public key as ``type base64``, without its comment. Raises Malformed for anything else.

    What comes out has one space, no line break and no option; only kinds of key that can sign safely get through.
    """
    words = text.strip().split(" ", 2)
    if any(not character.isprintable() for character in text.strip()):
        raise Malformed("has characters that a public key has not")
    found = _KEY.fullmatch(" ".join(words[:2]))
    if found is None:
        raise Malformed("is no public SSH key of a kind that signs, such as ssh-ed25519 AAAA…")
    try:
        blob = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        raise Malformed("is no public SSH key: its second word is no base64") from None
    kind, rest = _string(blob)
    if kind.decode("ascii", "replace") != found[1] or base64.b64encode(blob).decode() != found[2]:
        raise Malformed(f"says {found[1]} and holds something else")
    if found[1] == "ssh-rsa":
        _, rest = _string(rest)
        modulus, rest = _string(rest)
        if int.from_bytes(modulus, "big").bit_length() < _SMALLEST_RSA:
            raise Malformed(f"is an RSA key of under {_SMALLEST_RSA} bits")
    return found[0]


def read_signature(armoured: bytes) -> Signature:
    """Read what a signature says of itself. Raises Malformed when it is none."""
    found = _ARMOUR.fullmatch(armoured)
    if found is None:
        raise Malformed("is no SSH signature")
    try:
        blob = base64.b64decode(found[1].replace(b"\r", b"").replace(b"\n", b""), validate=True)
    except binascii.Error:
        raise Malformed("is no SSH signature: it is no base64") from None
    if blob[:10] != b"SSHSIG" + struct.pack(">I", 1):
        raise Malformed("is no SSH signature of version 1")
    key, rest = _string(blob[10:])
    namespace, _ = _string(rest)
    return Signature(public_key_of_blob(key), namespace.decode("ascii", "backslashreplace"))


def public_key_of_blob(blob: bytes) -> str:
    """Give a public key's blob as ``type base64``. Raises Malformed."""
    kind, _ = _string(blob)
    return read_public_key(f"{kind.decode('ascii', 'replace')} {base64.b64encode(blob).decode()}")


def read_private_key_file(text: bytes) -> tuple[str, bool]:
    """Give the public key in a private key's file of OpenSSH's own format, and whether that is encrypted.

    Raises Malformed for another format.
    """
    lines = text.strip().splitlines()
    if not lines or lines[0].strip() != b"-----BEGIN OPENSSH PRIVATE KEY-----":
        raise Malformed("is no private key in OpenSSH's format")
    try:
        blob = base64.b64decode(b"".join(line.strip() for line in lines[1:-1]), validate=True)
    except binascii.Error:
        raise Malformed("is a damaged private key") from None
    magic = b"openssh-key-v1\0"
    if not blob.startswith(magic):
        raise Malformed("is a damaged private key")
    cipher, rest = _string(blob[len(magic) :])
    _, rest = _string(rest)
    _, rest = _string(rest)
    if rest[:_LENGTH] != struct.pack(">I", 1):
        raise Malformed("holds more than one key")
    public, _ = _string(rest[_LENGTH:])
    return public_key_of_blob(public), cipher != b"none"


def _string(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < _LENGTH:
        raise Malformed("ends too early")
    (length,) = struct.unpack(">I", data[:_LENGTH])
    if length > len(data) - _LENGTH:
        raise Malformed("ends too early")
    return data[_LENGTH : _LENGTH + length], data[_LENGTH + length :]
