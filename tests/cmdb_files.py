"""A CMDB written down as files, and what is found in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from drillbook.cmdb.load import load
from drillbook.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nested import Data, Place

_TOP = ("sites", "networks", "environments", "vendors", "policies")


class _Dumper(yaml.CSafeDumper):
    """Quotes what YAML 1.2 takes for a number and 1.1 does not; writes everything out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    looks_so = re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", value)
    style = '"' if looks_so else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _quoted)


def write(root: Path, data: Data) -> Path:
    """Write a CMDB as ``cmdb.yaml`` and ``cmdb.d/rest.yaml`` below ``root``, and what it names; give ``root``."""
    (root / "cmdb.d").mkdir(exist_ok=True)
    (root / "runbooks").mkdir(exist_ok=True)
    (root / "runbooks/RB-SWITCH.yaml").touch()
    (root / "playbooks").mkdir(exist_ok=True)
    top = {"organisation": data["organisation"], "include": ["cmdb.d/rest.yaml"]}
    top |= {name: data[name] for name in _TOP if name in data}
    rest = {name: value for name, value in data.items() if name not in top}
    for path, content in ((root / "cmdb.yaml", top), (root / "cmdb.d/rest.yaml", rest)):
        path.write_text(
            yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000), encoding="utf-8"
        )
    return root


def file_of(place: Place) -> str:
    """Give the file that ``write`` puts a place in."""
    return "cmdb.yaml" if place[0] in ("organisation", *_TOP) else "cmdb.d/rest.yaml"


def findings(root: Path) -> list[Finding]:
    """Give what ``load`` finds; empty when it finds nothing."""
    try:
        load(root)
    except InvalidInput as error:
        return list(error.findings)
    return []


def line_of(root: Path, finding: Finding) -> str:
    """Give the text of the line that a finding points to."""
    return (root / finding.file).read_text(encoding="utf-8").splitlines()[finding.line - 1]
