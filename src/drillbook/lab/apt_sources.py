"""Where this machine gets Debian from: the lab's hosts are made from the same place.

Both formats of sources.list(5) are read: one-line (``*.list``) and deb822 (``*.sources``). Only the
suites of the wanted release count (``bookworm``, ``bookworm-updates``, ``bookworm-security``):
further archives of the machine are none of the lab's business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

APT = Path("/etc/apt")

_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")
_POCKETS = ("", "-updates", "-security")


@dataclass(frozen=True, slots=True)
class Source:
    """One archive: its URI, suite and components."""

    uri: str
    suite: str
    components: tuple[str, ...]

    def line(self) -> str:
        """Give the one-line form, restricted to ``main``."""
        return f"deb {self.uri} {self.suite} main"


def sources_for(suite: str, *, apt: Path = APT) -> list[str]:
    """Give the one-line sources of a Debian release as this machine has them.

    ``suite`` is a code name such as ``bookworm``. Where the machine has none for it (it runs another
    release), its first Debian archive serves the suite too. Raises MissingPrerequisite when it has none.
    """
    known = [each for each in read_sources(apt) if "main" in each.components]
    wanted = {suite + pocket for pocket in _POCKETS}
    lines = [each.line() for each in known if each.suite in wanted]
    if any(line.split()[2] == suite for line in lines):
        return list(dict.fromkeys(lines))
    mirrors = [each.uri for each in known if each.uri.rstrip("/").endswith("/debian")]
    if not mirrors:
        raise MissingPrerequisite(
            f"this machine's apt sources name no Debian archive, and the lab's hosts are made from Debian {suite}",
            remedy=f"put a line 'deb URL {suite} main' of your mirror into {apt}/sources.list.d/debian.list",
        )
    return [f"deb {mirrors[0]} {suite} main"]


def read_sources(apt: Path = APT) -> list[Source]:
    """Give every enabled archive of binary packages, in the order in which apt reads the files."""
    found: list[Source] = []
    parts = apt / "sources.list.d"
    files = [apt / "sources.list", *sorted(parts.iterdir() if parts.is_dir() else [])]
    for file in files:
        if not file.is_file():
            continue
        text = file.read_text(errors="replace")
        if file.suffix == ".sources":
            found += _deb822(text)
        elif file.suffix == ".list":
            found += _one_line(text)
    return found


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.split("#", 1)[0].strip())
        if match:
            yield Source(match["uri"], match["suite"], tuple(match["components"].split()))


def _deb822(text: str) -> Iterator[Source]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = _fields(stanza.splitlines())
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in _NO:
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(uri, suite, tuple(fields.get("components", "").split()))


_NO = {"no", "false", "without", "off", "disable"}


def _fields(lines: Iterable[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
