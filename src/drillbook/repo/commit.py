"""What a commit object says, with nothing in it that is unsafe to print."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from drillbook.errors import Refused
from drillbook.text import visible

_SHA1_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. ``time`` is the committer's, in UTC; names and texts are safe to print; ``body`` has several lines."""

    id: str
    parents: tuple[str, ...]
    time: datetime
    author_name: str
    author_email: str
    subject: str
    body: str


def object_id(kind: str, data: bytes, length: int) -> str:
    """Give the id that git gives an object; ``length`` is that of the repository's ids, 40 (SHA-1) or 64 (SHA-256)."""
    hasher = hashlib.sha1(usedforsecurity=False) if length == _SHA1_LENGTH else hashlib.sha256()
    hasher.update(f"{kind} {len(data)}\0".encode())
    hasher.update(data)
    return hasher.hexdigest()


_PERSON = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<seconds>-?\d{1,12}) [+-]\d{4}")


def parse_commit(commit: str, raw: bytes) -> Commit:
    """Read a commit object's bytes. Raises Refused when they have no author, committer or time that can be read."""
    head, _, message = raw.decode("utf-8", "replace").partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.split("\n"):
        name, _, value = line.partition(" ")
        fields.setdefault(name, []).append(value)
    author, committer = (_PERSON.fullmatch(fields.get(name, [""])[0]) for name in ("author", "committer"))
    if author is None or committer is None:
        raise Refused(f"commit {commit[:12]} has no author or no committer that could be read")
    subject, _, body = message.strip().partition("\n")
    try:
        time = datetime.fromtimestamp(int(committer["seconds"]), UTC)
    except (OverflowError, OSError, ValueError):
        raise Refused(f"commit {commit[:12]} has a time that is none") from None
    return Commit(
        id=commit,
        parents=tuple(fields.get("parent", ())),
        time=time,
        author_name=visible(author["name"]),
        author_email=visible(author["email"]),
        subject=visible(subject),
        body="\n".join(visible(line, limit=1000) for line in body.strip().split("\n")),
    )
