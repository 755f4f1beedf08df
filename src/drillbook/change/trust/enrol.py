"""Writes a person's public key into the CMDB's file: only that line is added, and everything else stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from drillbook.cmdb.load import load
from drillbook.durable import replace_file
from drillbook.errors import InvalidInput, Refused, UsageError
from drillbook.signing.keys import Signers
from drillbook.signing.wire import Malformed, read_public_key
from drillbook.source import parse_yaml, plain

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.cmdb.model import Entry

FIELD = "signing_keys"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Where a key was written: ``file`` as the CMDB names it."""

    person: str
    key: str
    file: str


def enrol(root: Path, person: str, public_key: str) -> Enrolled:
    """Add a public key to a person of the estate's CMDB.

    Raises:
        UsageError: there is no such person.
        Refused: it is no public key, somebody has it already, or the file is written so that no line can be added
            safely; then nothing was changed.
        InvalidInput: the CMDB is invalid, before or with the key; then nothing was changed.
    """
    try:
        key = read_public_key(public_key)
    except Malformed as error:
        raise Refused(f"what should be enrolled {error}", remedy="ssh-keygen -t ed25519 makes a key") from None
    cmdb = load(root)
    entry = cmdb.people[person]
    owner = Signers.of({each.id: each.get(FIELD, ()) for each in cmdb.people}).owner(key)
    if owner is not None:
        raise Refused(f"this key is {owner}'s already", remedy="every person has a key of their own")
    path = root / entry.file
    before = path.read_bytes()
    text = before.decode()
    added = _added(text, entry, key)
    _require_only_that(text, added, entry, key)
    _replace(path, added.encode())
    try:
        load(root)
    except InvalidInput:
        _replace(path, before)
        raise
    return Enrolled(person, key, entry.file)


def _added(text: str, entry: Entry, key: str) -> str:
    """Give the file's text with the key in it."""
    fields = _value(_value(yaml.compose(text, Loader=yaml.SafeLoader), "people"), entry.id)
    if not isinstance(fields, yaml.MappingNode):
        raise _by_hand(entry, key)
    keys = _value(fields, FIELD)
    end = "\r\n" if "\r\n" in text else "\n"
    if isinstance(keys, yaml.SequenceNode):
        if keys.flow_style:
            return _into_brackets(text, keys, key)
        line = _end_of_line(text, keys.value[-1])
        return f"{text[:line]}{end}{' ' * keys.start_mark.column}- {key}{text[line:]}"
    if keys is not None:
        raise _by_hand(entry, key)
    if fields.flow_style:
        return _into_brackets(text, fields, f"{FIELD}: [{key}]")
    line = _end_of_line(text, fields.value[-1][1])
    column = " " * fields.start_mark.column
    return f"{text[:line]}{end}{column}{FIELD}:{end}{column}  - {key}{text[line:]}"


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _into_brackets(text: str, node: yaml.CollectionNode, item: str) -> str:
    place = node.end_mark.index - 1
    if text.lstrip()[:1] == "{":  # JSON, which wants its strings in quotes
        name, colon, value = item.partition(": [")
        item = f'"{name}": ["{value[:-1]}"]' if colon else f'"{item}"'
    before = text[:place].rstrip()
    comma = "" if not node.value else " " if before.endswith(",") else ", "
    return f"{before}{comma}{item}{text[len(before) : place]}{text[place:]}"


def _end_of_line(text: str, node: yaml.Node) -> int:
    """Give the place of the line break after the last thing that a value holds, behind a comment on its line."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    written = text[: node.end_mark.index].rstrip()
    found = text.find("\n", len(written))
    if found < 0:
        return len(text)
    return found - 1 if text[found - 1] == "\r" else found


def _require_only_that(before: str, after: str, entry: Entry, key: str) -> None:
    """Refuse a text that says anything else than before and the key."""
    try:
        old, new = (plain(parse_yaml(text, shown_as=entry.file)) for text in (before, after))
    except InvalidInput:
        raise _by_hand(entry, key) from None
    person = old["people"][entry.id]
    person[FIELD] = [*person.get(FIELD, []), key]
    if old != new:
        raise _by_hand(entry, key)


def _by_hand(entry: Entry, key: str) -> Refused:
    return Refused(
        f"{entry.file}:{entry.line}: {entry.id} is written so that a key cannot be added safely; nothing was changed",
        remedy=f"add it by hand:\n    {FIELD}:\n      - {key}",
    )


def _replace(path: Path, data: bytes) -> None:
    try:
        replace_file(path.resolve(), data, mode=path.stat().st_mode & 0o777)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", remedy=f"ls -l {path}") from None
