"""What no approval makes right, and what changes who may approve: both stand apart from everything else in a review."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.compare.fields import list_parts
from drillbook.repo.tree import is_free
from drillbook.review.entries import EntryChange, Kind
from drillbook.text import forbidden_character

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from drillbook.cmdb.compare.fields import FieldChange
    from drillbook.repo.git import Blob, Changed
    from drillbook.review.entries import CmdbChange

_MAX_BYTES = 16 * 1024 * 1024
_LINK, _SUBMODULE = "120000", "160000"
# Letters that show nothing, which an identifier may hold (a name that looks like another).
_BLANK_LETTERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0]")

# What decides who may approve, and what checks it. A name that ends with "/" stands for all below it.
_POWERS = {
    "engine": ("src/",),
    "launcher": ("inv", "tasks.py"),
    "lock": ("requirements*.lock", "pyproject.toml"),
    "pipeline": (".github/", ".gitlab-ci.yml", ".ci/"),
    "owners": ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS", "allowed_signers"),
    "git": (".gitattributes", ".gitmodules", "*/.gitattributes"),
    "includes": ("cmdb.yaml",),
}


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What must not be merged. ``rule``: add-only, link, submodule, hidden, name, stale or unreadable.

    ``line`` is 0 when it is about the whole file; ``what`` is a value: a character, where a link leads, a message.
    """

    rule: str
    path: str
    line: int = 0
    what: str = ""


@dataclass(frozen=True, slots=True)
class Power:
    """A change of who may approve, or of what holds people to it.

    ``kind``: roles, key, person, policy, environment, lab, tier (of the CMDB), or engine, launcher, lock, pipeline,
    owners, git, includes (files). ``about``: an id, or the files. ``old`` and ``new``: values, None for none.
    """

    kind: str
    about: tuple[str, ...]
    old: Any = None
    new: Any = None


def forbidden_files(
    changed: Iterable[Changed], files: Mapping[str, Blob], content: Mapping[tuple[str, str], bytes]
) -> list[Forbidden]:
    """Give what in the changed files must not be merged.

    Args:
        changed: the files that differ, a renamed one as one gone and one added.
        files: the files of head.
        content: the bytes of the changed files by (``new``, path).
    """
    found: list[Forbidden] = []
    for each in changed:
        if is_free(each.path) and each.status != "A":
            found.append(Forbidden("add-only", each.path, what=each.status))
        if (sign := forbidden_character(each.path)) is not None:
            found.append(Forbidden("name", each.path, what=sign))
        blob = files.get(each.path)
        if blob is None:
            continue
        data = content.get(("new", each.path), b"")
        if blob.mode == _SUBMODULE:
            found.append(Forbidden("submodule", each.path))
        elif blob.mode == _LINK:
            target = data.decode("utf-8", "replace")
            if target.startswith("/") or ".." in target.split("/"):
                found.append(Forbidden("link", each.path, what=target))
        else:
            found += _hidden(each.path, data)
    return found


def _hidden(path: str, data: bytes) -> Iterator[Forbidden]:
    """Find characters that show nothing or reorder others (CVE-2021-42574) in a text."""
    if b"\0" in data[:8000] or len(data) > _MAX_BYTES or (data.isascii() and not _CONTROLS.search(data)):
        return
    whole = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if _sign(whole) is None:  # a large file is looked at once, not line by line
        return
    for number, line in enumerate(whole.split("\n"), start=1):
        if (sign := _sign(line)) is not None:
            yield Forbidden("hidden", path, number, sign)


def _sign(text: str) -> str | None:
    blank = _BLANK_LETTERS.search(text)
    return forbidden_character(text, multiline=True) or (f"U+{ord(blank.group()):04X}" if blank else None)


_CONTROLS = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


def powers(changes: CmdbChange | None, changed: Iterable[Changed]) -> list[Power]:
    """Give everything that changes who may approve, or what checks it; of the CMDB first."""
    found = [each for change in (changes.entries if changes is not None else ()) for each in _of_entry(change)]
    paths = sorted({path for each in changed for path in (each.path, each.old_path)})
    for kind, patterns in _POWERS.items():
        hit = tuple(path for path in paths if any(_matches(path, pattern) for pattern in patterns))
        if hit:
            found.append(Power(kind, hit))
    return found


def _matches(path: str, pattern: str) -> bool:
    if pattern.endswith("/"):
        return path.startswith(pattern)
    return re.fullmatch(re.escape(pattern).replace(r"\*", r".*" if "/" in pattern else r"[^/]*"), path) is not None


def _of_entry(change: EntryChange) -> Iterator[Power]:
    about = (change.id,)
    if change.section == "policies":
        yield from _of_policy(change)
    elif change.section == "people":
        yield from _of_person(change)
    elif change.section == "environments":
        fields = [each for each in change.fields if each.path[0] in ("kind", "addresses_of")]
        if fields or change.kind in (Kind.ADDED, Kind.REMOVED):
            old = {each.path[0]: each.old for each in fields} or None
            new = {each.path[0]: each.new for each in fields} or {"kind": change.entry.get("kind")}
            yield Power("environment", about, old, None if change.kind is Kind.REMOVED else new)
    elif change.section == "config_items":
        for each in change.fields:
            if each.path[0] in ("in_lab", "host_keys") or each.path == ("addresses", "lab"):
                yield Power("lab", (change.id, ".".join(each.path)), each.old, each.new)
    elif change.section == "services":
        for each in change.fields:
            if each.path == ("tier",):
                yield Power("tier", about, each.old, each.new)


def _of_policy(change: EntryChange) -> Iterator[Power]:
    if change.kind in (Kind.ADDED, Kind.REMOVED):
        yield Power(
            "policy", (change.id,), *((change.entry.id, None) if change.kind is Kind.REMOVED else (None, change.id))
        )
    for each in change.fields:
        if each.path[0] != "title":
            yield Power("policy", (change.id, ".".join(each.path)), each.old, each.new)


def _of_person(change: EntryChange) -> Iterator[Power]:
    fields = change.entry.fields
    if change.kind in (Kind.ADDED, Kind.REMOVED):
        roles, keys = list(fields.get("roles", ())), list(fields.get("signing_keys", ()))
        if roles or keys:
            value = {"roles": roles, "signing_keys": [fingerprint(each) for each in keys]}
            old, new = (value, None) if change.kind is Kind.REMOVED else (None, value)
            yield Power("person", (change.id,), old, new)
        return
    if change.kind is Kind.RENAMED:
        yield Power("person", (change.id,), change.old_id, change.id)
    for each in change.fields:
        if each.path == ("roles",):
            gained, lost = list_parts(each.old or [], each.new or [])
            yield Power("roles", (change.id,), lost, gained)
        elif each.path[0] == "signing_keys":
            gained, lost = _keys(each)
            yield Power("key", (change.id,), lost, gained)


def _keys(change: FieldChange) -> tuple[list[str], list[str]]:
    gained, lost = list_parts(list(change.old or ()), list(change.new or ()))
    return [fingerprint(each) for each in gained], [fingerprint(each) for each in lost]


def fingerprint(key: Any) -> str:
    """Give a public key as ``ssh-keygen -l`` shows it, with its validity; what is no key as it is, cut."""
    text = str(key.get("key", "")) if isinstance(key, dict) else str(key)
    dates = [f"{name} {key[name]}" for name in ("from", "until", "revoked") if isinstance(key, dict) and name in key]
    words = text.split()
    try:
        raw = base64.b64decode(words[1], validate=True)
        shown = f"{words[0]} SHA256:{base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip('=')}"
    except (IndexError, binascii.Error, ValueError):
        shown = text[:80]
    return ", ".join([shown, *dates])
