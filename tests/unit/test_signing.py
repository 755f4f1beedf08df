"""Signatures are made and checked by the real ssh-keygen and a real ssh-agent."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import DrillbookError, MissingPrerequisite, Refused
from drillbook.signing.keys import Signers
from drillbook.signing.sign import Signer, find_signer
from tests.repo_values import Key, new_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
APPROVAL = "drillbook-approval"


@pytest.fixture(autouse=True)
def no_keys_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("SSH_AUTH_SOCK", "DRILLBOOK_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def ann(tmp_path: Path) -> Key:
    return new_key(tmp_path / "keys", "ann")


@pytest.fixture
def bob(tmp_path: Path) -> Key:
    return new_key(tmp_path / "keys", "bob")


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    said = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    found = dict(part.split("=", 1) for part in said.replace("\n", " ").split("; ") if "=" in part)
    socket, pid = (
        found["SSH_AUTH_SOCK"],
        int(found.get("export SSH_AUTH_SOCK", "0") or 0) or int(found["SSH_AGENT_PID"]),
    )
    monkeypatch.setenv("SSH_AUTH_SOCK", socket)
    yield
    os.kill(pid, signal.SIGTERM)


def signed(key: Key, data: bytes = b"text\n", namespace: str = APPROVAL) -> bytes:
    return Signer("ann", key.public, key.file).sign(data, namespace=namespace)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_signature_of_each_kind_of_key_counts(tmp_path: Path, kind: str) -> None:
    key = new_key(tmp_path / "keys", kind, kind)
    found = Signers.of({"ann": [key.public]}).verify(b"text\n", signed(key), namespace=APPROVAL, person="ann", at=AT)
    assert (found.person, found.key) == ("ann", key.public)


def test_other_bytes_another_purpose_another_person_and_an_unknown_key_are_refused(ann: Key, bob: Key) -> None:
    signers = Signers.of({"ann": [ann.public], "bob": [bob.public]})
    good = signed(ann)
    cases = [
        (b"text", good, APPROVAL, "ann", "does not fit these bytes"),
        (b"text\n", good, "drillbook-request", "ann", "made for drillbook-approval, not for drillbook-request"),
        (b"text\n", good, APPROVAL, "bob", "made with the key of ann"),
        (b"text\n", b"", APPROVAL, "ann", "is no SSH signature"),
        (b"text\n", good[:-60], APPROVAL, "ann", "is no SSH signature"),
        (b"text\n", good + good, APPROVAL, "ann", "is no SSH signature"),
        (b"text\n", b"x" * 100_000, APPROVAL, "ann", "is no SSH signature"),
    ]
    for data, signature, namespace, person, why in cases:
        with pytest.raises(Refused, match=why):
            signers.verify(data, signature, namespace=namespace, person=person, at=AT)
    with pytest.raises(Refused, match="does not know"):
        Signers.of({"bob": [bob.public]}).verify(b"text\n", good, namespace=APPROVAL, person="ann", at=AT)


@pytest.mark.parametrize(("code", "does"), [(0, "takes a signature that is wrong"), (1, "refuses a signature that is")])
def test_a_program_that_always_says_the_same_is_believed_in_nothing(
    tmp_path: Path, ann: Key, monkeypatch: pytest.MonkeyPatch, code: int, does: str
) -> None:
    signature = signed(ann)
    fake = tmp_path / "bin" / "ssh-keygen"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\nexit {code}\n")
    fake.chmod(0o755)
    signers = Signers.of({"ann": [ann.public]})
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    with pytest.raises(Refused) as told:
        signers.verify(b"text\n", signature, namespace=APPROVAL, person="ann", at=AT)
    assert f"{fake} {does}" in told.value.message


def test_a_signature_with_one_bit_flipped_never_counts(ann: Key) -> None:
    import base64

    signers = Signers.of({"ann": [ann.public]})
    lines = signed(ann).decode().splitlines()
    blob = bytearray(base64.b64decode("".join(lines[1:-1])))
    for place in range(0, len(blob), 7):
        other = bytearray(blob)
        other[place] ^= 1
        text = base64.b64encode(other).decode()
        armoured = "\n".join([lines[0], *(text[at : at + 70] for at in range(0, len(text), 70)), lines[-1], ""])
        with pytest.raises(Refused):
            signers.verify(b"text\n", armoured.encode(), namespace=APPROVAL, person="ann", at=AT)


@pytest.mark.parametrize(
    ("limits", "at", "why"),
    [
        ({"from": "2026-11-22"}, "2026-11-21T23:59:59", "counts only from 2026-11-22 on"),
        ({"from": "2026-11-22"}, "2026-11-22T00:00:00", None),
        ({"until": "2026-11-22"}, "2026-11-22T23:59:59", None),
        ({"until": "2026-11-22"}, "2026-11-23T00:00:00", "ended on 2026-11-22"),
        ({"revoked": "2026-11-22"}, "2026-11-21T23:59:59", None),
        ({"revoked": "2026-11-22"}, "2026-11-22T00:00:00", "was revoked on 2026-11-22"),
        ({"from": "2026-11-01", "until": "2027-01-01", "revoked": "2026-11-02"}, "2026-12-01T00:00:00", "was revoked"),
    ],
)
def test_a_key_counts_within_its_days(ann: Key, limits: dict[str, str], at: str, why: str | None) -> None:
    signers = Signers.of({"ann": [{"key": ann.public, **limits}]})
    moment = datetime.fromisoformat(f"{at}+00:00")
    if why is None:
        signers.verify(b"text\n", signed(ann), namespace=APPROVAL, person="ann", at=moment)
    else:
        with pytest.raises(Refused, match=why):
            signers.verify(b"text\n", signed(ann), namespace=APPROVAL, person="ann", at=moment)


def test_the_file_for_ssh_keygen_works_with_it(tmp_path: Path, ann: Key, bob: Key) -> None:
    signers = Signers.of(
        {"bob": [bob.public], "ann": [{"key": ann.public, "from": "2026-01-01", "until": "2026-12-31"}]}
    )
    text = signers.allowed_signers()
    assert text.splitlines() == [
        f'ann namespaces="drillbook-*",valid-after="20260101Z",valid-before="20270101Z" {ann.public}',
        f'bob namespaces="drillbook-*" {bob.public}',
    ]
    (tmp_path / "allowed").write_text(text)
    (tmp_path / "s.sig").write_bytes(signed(ann))
    for when, code in (("20261122Z", 0), ("20270102Z", 255)):
        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "allowed", "-I", "ann", "-n", APPROVAL,
             "-s", tmp_path / "s.sig", f"-Overify-time={when}"],
            input=b"text\n", check=False,
        )  # fmt: skip
        assert done.returncode == code


HOSTILE_KEYS = [
    "{key}\nmallory ssh-ed25519 AAAA",
    "{key}\r",
    'namespaces="*" {key}',
    "cert-authority {key}",
    "* {key}",
    "{key}\x1b[2J",
    "ssh-ed25519  " + "A" * 68,
    "ssh-dss " + "A" * 68,
    "ssh-ed25519 " + "A" * 67,
    "ssh-rsa {blob}",
    "ssh-ed25519-cert-v01@openssh.com {blob}",
    "",
    "ssh-ed25519 " + "A" * 100_000,
]


@pytest.mark.parametrize("text", HOSTILE_KEYS)
def test_what_is_no_key_never_gets_into_the_file(ann: Key, text: str) -> None:
    hostile = text.replace("{key}", ann.public).replace("{blob}", ann.public.split()[1])
    try:
        signers = Signers.of({"ann": [hostile]})
    except Refused:
        return
    assert signers.allowed_signers() == f'ann namespaces="drillbook-*" {ann.public}\n'


@pytest.mark.parametrize(
    "person", ["*", "a b", "ann,bob", "!ann", "ann\nbob", "", "Ann", "a" * 65, 'a"b', "ann@*", "#ann", "-ann", "../ann"]
)
def test_what_is_no_id_never_gets_into_the_file(ann: Key, person: str) -> None:
    with pytest.raises(Refused, match="cannot be the id"):
        Signers.of({person: [ann.public]})


def test_a_key_of_two_people_is_refused(ann: Key) -> None:
    with pytest.raises(Refused, match="stands twice, with ann and with bob"):
        Signers.of({"ann": [ann.public], "bob": [{"key": ann.public}]})


@pytest.mark.parametrize("entry", [{"key": 3}, {"from": "2026-01-01"}, {"key": "{key}", "until": "tomorrow"}])
def test_an_entry_that_makes_no_sense_is_refused(ann: Key, entry: dict[str, object]) -> None:
    if entry.get("key") == "{key}":
        entry = {**entry, "key": ann.public}
    with pytest.raises(Refused, match="a signing key of ann"):
        Signers.of({"ann": [entry]})  # type: ignore[list-item]


@pytest.mark.parametrize("namespace", ["git", "drillbook-", "drillbook-approval\n", "-n", "drillbook-*"])
def test_no_other_purpose_is_signed_for(ann: Key, namespace: str) -> None:
    with pytest.raises(Refused, match="no purpose"):
        signed(ann, namespace=namespace)


# --- who signs


def test_the_key_that_is_named_signs(tmp_path: Path, ann: Key, bob: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    signers = Signers.of({"ann": [ann.public], "bob": [bob.public]})
    assert find_signer(signers, root=tmp_path, key=ann.file) == Signer("ann", ann.public, ann.file)
    monkeypatch.setenv("DRILLBOOK_KEY", str(bob.file))
    assert find_signer(signers, root=tmp_path, key=None).person == "bob"
    assert find_signer(signers, root=tmp_path, key=ann.file).person == "ann"
    beside = find_signer(signers, root=tmp_path, key=ann.file.with_name("ann.pub"))
    signers.verify(b"x", beside.sign(b"x", namespace=APPROVAL), namespace=APPROVAL, person="ann", at=AT)


def test_the_agent_signs(tmp_path: Path, ann: Key, bob: Key, agent: None) -> None:
    subprocess.run(["ssh-add", "-q", ann.file], check=True)
    ann.file.unlink()
    signers = Signers.of({"ann": [ann.public], "bob": [bob.public]})
    for key in (ann.file.with_name("ann.pub"), None):
        signer = find_signer(signers, root=tmp_path, key=key)
        assert (signer.person, signer.private) == ("ann", None)
        signers.verify(b"x", signer.sign(b"x", namespace=APPROVAL), namespace=APPROVAL, person="ann", at=AT)
    bob.file.unlink()
    with pytest.raises(MissingPrerequisite, match="the SSH agent does not have the key"):
        find_signer(signers, root=tmp_path, key=bob.file.with_name("bob.pub"))
    subprocess.run(["ssh-add", "-q", "-D"], check=True)
    with pytest.raises(MissingPrerequisite, match="the SSH agent did not sign"):
        Signer("ann", ann.public, None).sign(b"x", namespace=APPROVAL)


def test_git_s_signing_key_is_taken(tmp_path: Path, ann: Key, bob: Key) -> None:
    signers = Signers.of({"ann": [ann.public], "bob": [bob.public]})
    (tmp_path / "home/.gitconfig").write_text(f"[user]\n\tsigningkey = {bob.file}\n")
    assert find_signer(signers, root=tmp_path).person == "bob"
    (tmp_path / "home/.gitconfig").write_text("[user]\n\tsigningkey = 0123ABCD\n")
    with pytest.raises(MissingPrerequisite, match="no SSH key here"):
        find_signer(signers, root=tmp_path)


def test_the_usual_files_are_looked_at_and_two_people_are_refused(tmp_path: Path, ann: Key, bob: Key) -> None:
    signers = Signers.of({"ann": [ann.public], "bob": [bob.public]})
    ssh = tmp_path / "home/.ssh"
    with pytest.raises(MissingPrerequisite, match="no SSH key here") as none:
        find_signer(signers, root=tmp_path)
    assert none.value.remedy.startswith("name one: --key FILE")
    ssh.mkdir()
    ann.file.rename(ssh / "id_ed25519")
    assert find_signer(signers, root=tmp_path).person == "ann"
    with pytest.raises(Refused, match="none of the 1 keys"):
        find_signer(Signers.of({"bob": [bob.public]}), root=tmp_path)
    bob.file.rename(ssh / "id_rsa")
    with pytest.raises(Refused, match="several people: ann, bob"):
        find_signer(signers, root=tmp_path)


def test_keys_that_cannot_be_used_are_said_and_nothing_hangs(tmp_path: Path, ann: Key, bob: Key) -> None:
    signers = Signers.of({"ann": [ann.public]})
    locked = new_key(tmp_path / "keys", "locked", passphrase="a secret")
    pem = tmp_path / "keys/pem"
    pem.write_bytes(b"-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----\n")
    pem.chmod(0o600)
    (tmp_path / "noise").write_bytes(os.urandom(300))
    (tmp_path / "large").write_bytes(b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"A" * 100_000)
    cases = [
        (tmp_path / "missing", MissingPrerequisite, "there is no key in"),
        (tmp_path, MissingPrerequisite, "there is no key in"),
        (tmp_path / "noise", MissingPrerequisite, "noise"),
        (tmp_path / "large", MissingPrerequisite, "too large"),
        (pem, MissingPrerequisite, "no private key in OpenSSH's format, or it cannot be read"),
        (bob.file, Refused, "belongs to no person"),
    ]
    for file, kind, why in cases:
        with pytest.raises(kind, match=why) as error:
            find_signer(signers, root=tmp_path, key=file)
        assert error.value.remedy
    with pytest.raises(MissingPrerequisite, match="no terminal to ask on"):
        Signer("ann", locked.public, locked.file).sign(b"x", namespace=APPROVAL)
    ann.file.chmod(0o644)
    with pytest.raises(MissingPrerequisite, match="others may read"):
        signed(ann)


def test_a_key_of_somebody_else_s_that_may_not_be_read_is_said(tmp_path: Path, ann: Key) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    ann.file.chmod(0)
    with pytest.raises(DrillbookError, match="cannot be read"):
        find_signer(Signers.of({"ann": [ann.public]}), root=tmp_path, key=ann.file)


def test_a_passphrase_is_asked_for_on_the_terminal(tmp_path: Path) -> None:
    import pty
    import select
    import sys

    key = new_key(tmp_path / "keys", "locked", passphrase="a secret")
    out = tmp_path / "out.sig"
    program = (
        "import sys, pathlib\n"
        "from drillbook.signing.sign import Signer\n"
        "who, key, file, out = sys.argv[1:]\n"
        f"data = Signer(who, key, pathlib.Path(file)).sign(b'text\\n', namespace={APPROVAL!r})\n"
        "pathlib.Path(out).write_bytes(data)\n"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", program, "ann", key.public, str(key.file), str(out)])
    said = b""
    while b"passphrase" not in said:
        assert select.select([terminal], [], [], 60)[0], said
        said += os.read(terminal, 1000)
    os.write(terminal, b"a secret\n")
    try:
        while os.read(terminal, 1000):
            pass
    except OSError:  # the other end is closed
        pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    found = Signers.of({"ann": [key.public]}).verify(
        b"text\n", out.read_bytes(), namespace=APPROVAL, person="ann", at=AT
    )
    assert found.person == "ann"
