"""Real repositories and real keys for tests: small, made by git and ssh-keygen themselves."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Files = Mapping[str, str | bytes | Path | None]
WHEN = "2026-11-20T08:00:00+00:00"


def git(root: Path, *argv: str, stdin: bytes = b"", when: str = WHEN, check: bool = True) -> str:
    """Run git as a person with no configuration of their own; ``when`` is the time of a commit that it makes."""
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.test", "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": "Ann", "GIT_COMMITTER_EMAIL": "ann@example.test", "GIT_COMMITTER_DATE": when,
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *argv],
        cwd=root, env=env, input=stdin, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def write(root: Path, files: Files) -> None:
    """Write files below ``root``; None removes one, a path is a link to it."""
    for name, content in files.items():
        path = root / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
            continue
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(root: Path, files: Files, message: str = "c", *, when: str = WHEN) -> str:
    """Write files, commit everything, give the commit's id."""
    write(root, files)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message, when=when)
    return git(root, "rev-parse", "HEAD")


def new_repository(root: Path, files: Files) -> str:
    """Make a repository whose branch is main, with one commit; give its id."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    return commit(root, files)


@dataclass(frozen=True)
class Key:
    """A key pair: the private key's file, and the public key without its comment."""

    file: Path
    public: str


@functools.cache
def key_material(name: str, kind: str = "ed25519", passphrase: str = "") -> tuple[bytes, bytes]:
    """Give the two files of a key pair; the same name gives the same pair within a test run."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "key")
        extra = ["-b", "2048"] if kind == "rsa" else []
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, *extra, "-N", passphrase, "-C", f"{name}@example.test", "-f", str(file)],
            check=True, timeout=60,
        )  # fmt: skip
        return file.read_bytes(), file.with_name("key.pub").read_bytes()


def new_key(folder: Path, name: str, kind: str = "ed25519", passphrase: str = "") -> Key:
    """Write a key pair into a folder."""
    private, public = key_material(name, kind, passphrase)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(private)
    file.chmod(0o600)
    (folder / f"{name}.pub").write_bytes(public)
    return Key(file, " ".join(public.decode().split()[:2]))
