"""Signs as a person: finds the key, in a file or in the agent, and never waits for an answer that nobody can give."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, Refused
from drillbook.repo.process import run_quietly
from drillbook.signing.verify import NAMESPACE, ssh_environment
from drillbook.signing.wire import Malformed, read_private_key_file, read_public_key
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.signing.keys import Signers

VARIABLE = "DRILLBOOK_KEY"
_SECONDS = 60.0
_SECONDS_OF_A_PERSON = 180.0  # to type a passphrase, or to touch a security key
_NAMES = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
_LARGEST = 65_536  # bytes of a key's file


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who can sign: ``private`` is the key's file, None when the agent holds the key."""

    person: str
    public_key: str
    private: Path | None

    def sign(self, data: bytes, *, namespace: str) -> bytes:
        """Give the armoured signature over these bytes. Raises MissingPrerequisite when the key cannot be used."""
        if NAMESPACE.fullmatch(namespace) is None:
            raise Refused(f"'{visible(namespace, limit=64)}' is no purpose that anybody signs for")
        with tempfile.TemporaryDirectory(prefix="drillbook-sign-") as folder:
            file = self.private
            if file is None:
                file = Path(folder, "key.pub")
                file.write_text(f"{self.public_key}\n")
            return _signed(data, file, namespace, self)


def find_signer(signers: Signers, *, root: Path, key: Path | None = None) -> Signer:
    """Find out who is at the keyboard, by the key that can be used here.

    The key is ``key`` (a private key's file, or a public one's whose key the agent holds), else the file in
    $DRILLBOOK_KEY, else git's ``user.signingkey``, else what is in ~/.ssh under the usual names and in the agent.

    Raises MissingPrerequisite when there is no key or it cannot be read, Refused when it is nobody's or two people's.
    """
    named, by = (key, "--key") if key is not None else (_of_variable(), f"${VARIABLE}")
    if named is not None:
        return _named(signers, named, by)
    configured = _of_git(signers, root)
    if configured is not None:
        return configured
    found = [*_in_files(Path.home() / ".ssh"), *((each, None) for each in agent_keys())]
    known = [Signer(owner.person, each, file) for each, file in found if (owner := signers.find(each)) is not None]
    people = sorted({each.person for each in known})
    if len(people) > 1:
        raise Refused(
            f"the keys here belong to several people: {', '.join(people)}", remedy="say which one signs: --key FILE"
        )
    if known:
        # A revoked or limited key only when there is no other.
        return min(known, key=lambda each: _worth(signers, each))
    if found:
        raise Refused(
            f"none of the {len(found)} keys in ~/.ssh and in the agent belongs to a person of the trusted base",
            remedy="name yours with --key FILE; a new one is enrolled by a change: ./inv trust.enrol PERSON FILE.pub",
        )
    raise MissingPrerequisite(
        "there is no SSH key here to sign with: none in ~/.ssh, none in the agent, and git has no user.signingkey",
        remedy="name one: --key FILE; or make one: ssh-keygen -t ed25519, then ./inv trust.enrol PERSON "
        "~/.ssh/id_ed25519.pub",
    )


def agent_keys() -> list[str]:
    """Give the public keys that the SSH agent holds; none when there is no agent."""
    if not os.environ.get("SSH_AUTH_SOCK"):
        return []
    done = run_quietly(["ssh-add", "-L"], env=ssh_environment(), timeout=_SECONDS, package="openssh-client")
    found = []
    for line in done.out.decode("utf-8", "replace").splitlines() if done.code == 0 else []:
        try:
            found.append(read_public_key(line))
        except Malformed:
            continue
    return found


def public_key_of(file: Path) -> str:
    """Give the public key of a key's file, private or public. Raises MissingPrerequisite: it cannot be, and why."""
    data = _content(file)
    if data.lstrip().startswith(b"-----BEGIN"):
        try:
            return read_private_key_file(data)[0]
        except Malformed as error:
            return _public_of_older_format(file, str(error))
    try:
        return read_public_key(data.decode("utf-8", "replace"))
    except Malformed as error:
        raise MissingPrerequisite(f"{file} {error}", remedy="name the file of an SSH key") from None


def _named(signers: Signers, file: Path, by: str) -> Signer:
    public = public_key_of(file)
    owner = signers.owner(public)
    if owner is None:
        raise Refused(
            f"the key in {file} ({by}) belongs to no person of the trusted base",
            remedy="take your enrolled key; a new one is enrolled by a change: ./inv trust.enrol PERSON FILE.pub",
        )
    return Signer(owner, public, _private_of(file, public))


def _private_of(file: Path, public: str) -> Path | None:
    """Give the private key's file, or None for the agent. Raises MissingPrerequisite: neither has it."""
    if _content(file).lstrip().startswith(b"-----BEGIN"):
        return file.absolute()
    if public in agent_keys():
        return None
    beside = file.with_suffix("") if file.suffix == ".pub" else None
    if beside is not None and beside.is_file():
        return beside.absolute()
    if not os.environ.get("SSH_AUTH_SOCK"):
        raise MissingPrerequisite(
            f"{file} is a public key, and there is no SSH agent that could have the private one",
            remedy="eval $(ssh-agent) && ssh-add; or name the private key's file: --key FILE",
        )
    raise MissingPrerequisite(
        f"the SSH agent does not have the key of {file}",
        remedy=f"ssh-add {beside or 'FILE'}; ssh-add -L shows what it has",
    )


def _of_variable() -> Path | None:
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else None


def _of_git(signers: Signers, root: Path) -> Signer | None:
    """Give the signer that git's configuration names; None when it names none, or an OpenPGP key."""
    done = run_quietly(
        ["git", "config", "--get", "user.signingkey"],
        env={**os.environ, "LC_ALL": "C"}, timeout=_SECONDS, cwd=root, package="git",
    )  # fmt: skip
    value = done.out.decode("utf-8", "replace").strip()
    try:
        public = read_public_key(value.removeprefix("key::"))
    except Malformed:
        file = Path(value).expanduser()
        return _named(signers, file, "git's user.signingkey") if value and (root / file).is_file() else None
    owner = signers.owner(public)
    if owner is None or public not in agent_keys():
        return None
    return Signer(owner, public, None)


def _in_files(folder: Path) -> list[tuple[str, Path | None]]:
    found: list[tuple[str, Path | None]] = []
    for name in _NAMES:
        try:
            if (folder / name).is_file():
                found.append((public_key_of(folder / name), folder / name))
        except (MissingPrerequisite, OSError):
            continue
    return found


def _worth(signers: Signers, signer: Signer) -> tuple[bool, bool]:
    key = signers.find(signer.public_key)
    assert key is not None
    return key.revoked is not None, key.ends is not None


def _content(file: Path) -> bytes:
    try:
        if not file.is_file():
            raise MissingPrerequisite(f"there is no key in {file}", remedy="name the file of your SSH key")
        with file.open("rb") as opened:
            data = opened.read(_LARGEST + 1)
    except OSError as error:
        raise MissingPrerequisite(
            f"the key in {file} cannot be read: {error.strerror}", remedy=f"ls -l {file}; it must be yours"
        ) from None
    if len(data) > _LARGEST:
        raise MissingPrerequisite(f"{file} is no key: it is too large", remedy="name the file of your SSH key")
    return data


def _public_of_older_format(file: Path, reason: str) -> str:
    """Give the public key of a private one in PEM, from the file beside it or by ssh-keygen."""
    beside = file.with_name(f"{file.name}.pub")
    if beside.is_file():
        return public_key_of(beside)
    done = run_quietly(
        ["ssh-keygen", "-y", "-P", "", "-f", str(file.absolute())],
        env=ssh_environment(), timeout=_SECONDS, package="openssh-client",
    )  # fmt: skip
    try:
        return read_public_key(done.out.decode("utf-8", "replace"))
    except Malformed:
        raise MissingPrerequisite(
            f"{file} {reason}, or it cannot be read: {visible(done.said.splitlines()[-1] if done.said else '')}",
            remedy=f"chmod 600 {file}; for one that is encrypted put its public key beside it, in {beside}",
        ) from None


def _signed(data: bytes, file: Path, namespace: str, signer: Signer) -> bytes:
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(file)]
    if signer.private is not None and (_is_encrypted(file) or signer.public_key.startswith("sk-")):
        code, out, said = _asking(argv, data, file)
    else:
        done = run_quietly(argv, env=ssh_environment(), timeout=_SECONDS, stdin=data, package="openssh-client")
        code, out, said = done.code, done.out, done.said
    if code == 0 and out.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        return out
    if signer.private is None:
        raise MissingPrerequisite(
            f"the SSH agent did not sign with the key of {signer.person}: {_last(said)}",
            remedy="ssh-add -L shows what it has; ssh-add FILE gives it the key",
        )
    if "bad permissions" in said or "UNPROTECTED" in said:
        raise MissingPrerequisite(
            f"others may read the private key in {file}, so ssh-keygen does not use it", remedy=f"chmod 600 {file}"
        )
    raise MissingPrerequisite(
        f"ssh-keygen did not sign with the key in {file}: {_last(said)}", remedy="try it: ssh-keygen -y -f FILE"
    )


def _asking(argv: list[str], data: bytes, file: Path) -> tuple[int, bytes, str]:
    """Sign with a key that needs a person: ssh-keygen asks for the passphrase or the touch on our terminal."""
    if not sys.stdin.isatty():
        raise MissingPrerequisite(
            f"the key in {file} needs a person (its passphrase, or a touch), and there is no terminal to ask on",
            remedy=f"ssh-add {file}, then --key {file}.pub; or run it in a terminal",
        )
    try:
        done = subprocess.run(
            argv, input=data, stdout=subprocess.PIPE, timeout=_SECONDS_OF_A_PERSON, env=ssh_environment(), check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingPrerequisite("nobody answered ssh-keygen", remedy="try it again") from None
    return done.returncode, done.stdout, "see above"


def _is_encrypted(file: Path) -> bool:
    data = _content(file)
    try:
        return read_private_key_file(data)[1]
    except Malformed:
        return b"ENCRYPTED" in data


def _last(said: str) -> str:
    return visible(said.splitlines()[-1], limit=200) if said else "it said nothing"
