"""Every name of the estate that ships, and where such a name occurs in a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.model import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb

# Words of the trade that are also ids of the estate that ships. Each stands in the engine for what it
# says, not for the entry; a test sees that each is an id, and is really needed.
ALLOWED = {
    "directory": "a folder, as in data_directory",
    "file": "files are what the engine reads and writes",
    "lab": "a kind of environment",
    "login": "what a person or a program does at a host",
    "mail": "a kind of service that a probe knows how to use",
    "production": "a kind of environment",
    "proxy": "http_proxy, which the build of the lab's image respects",
    "rehearsal": "a kind of environment",
    "risk": "what a change's request states",
    "web": "a kind of service that a probe knows how to use",
    "wireless": "wireless_controller, a class of items",
}

# Keys of policies are the schema's, not the estate's.
_NAMED = tuple(section for section in SECTIONS if section != "policies")
# What is written as one word: parts of letters and digits, joined by marks as in ids, paths and addresses.
_WORD = re.compile(r"[a-z0-9]+(?:[-_./:@]+[a-z0-9]+)*")
_PART = re.compile(r"[a-z0-9]+")


class Names:
    """Names as tuples of their parts (``("db", "1")`` of ``db-1``), and phrases that have spaces or are Chinese."""

    def __init__(self, words: frozenset[tuple[str, ...]], phrases: frozenset[str]) -> None:
        self.words, self.phrases = words, phrases
        self._first = {word[0] for word in words}
        self._longest = max(map(len, words))
        self._phrase = re.compile("|".join(map(re.escape, sorted(phrases, key=len, reverse=True))))

    def without(self, *words: str) -> Names:
        """Leave words out."""
        return Names(self.words - {_parts(word) for word in words}, self.phrases)

    def found(self, text: str) -> Iterator[str]:
        """Give each name that occurs in a text as a word: ``db_1`` and ``old-db-1`` hold ``db-1``, not ``db-12``."""
        text = text.lower()
        for word in _WORD.findall(text):
            parts = _parts(word)
            for start, part in enumerate(parts):
                if part in self._first:
                    for end in range(start + 1, min(len(parts), start + self._longest) + 1):
                        if parts[start:end] in self.words:
                            yield "-".join(parts[start:end])
        yield from self._phrase.findall(text)


def _parts(word: str) -> tuple[str, ...]:
    return tuple(_PART.findall(word.lower()))


def names_of(cmdb: Cmdb) -> Names:
    """Collect ids, the organisation, people, brands, serial numbers, barcodes, addresses, networks, mail domains."""
    words: set[str] = set()
    phrases = {cmdb.organisation}
    for section in _NAMED:
        for entry in cmdb.section(section):
            words.add(entry.id)
            words.update(_values(entry.fields, {"serial", "barcode", "subnet", "gateway", "address", "secret_file"}))
            words.update(url.partition("://")[2] for url in _values(entry.fields, {"url"}))
            for field in ("addresses", "service_address"):
                words.update(entry.fields.get(field, {}).values())
            words.update(text.partition("@")[2] for text in _values(entry.fields, {"email"}))
            phrases.update(_values(entry.fields, {"brand"}))
    for site in cmdb.sites:
        words.update(site.get("rooms", {}))
    for person in cmdb.people:
        phrases.update(person.get("name").values())
    for vendor in cmdb.vendors:
        words.update(vendor.get("contracts", {}))
        phrases.update(vendor.get("title").values())
    for protection in cmdb.protections:
        settings = protection.get("settings", {})
        words.update(settings[name] for name in ("unit", "data_directory") if name in settings)
    # An organisation's name is told by its domain too: harbour.example is Harbour.
    words.update(domain.partition(".")[0] for domain in words.copy() if domain.endswith(".example"))
    words.update(phrase for phrase in phrases if phrase.isascii() and " " not in phrase)
    return Names(
        frozenset(_parts(word) for word in words if _parts(word)),
        frozenset(phrase.lower() for phrase in phrases if " " in phrase or not phrase.isascii()),
    )


def _values(node: Any, keys: set[str]) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key in keys and isinstance(value, str):
                yield value
            yield from _values(value, keys)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value, keys)
