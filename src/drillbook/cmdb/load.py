"""From the files to the validated CMDB; all findings of all files at once."""

from __future__ import annotations

import functools
import gc
import hashlib
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from drillbook.canonical import canonical_parts
from drillbook.cmdb.includes import TOP, included
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.cmdb.rules import RULES, Draft
from drillbook.errors import Finding, InvalidInput
from drillbook.schema import findings_of, hostile_findings, read_schema
from drillbook.source import Map, parse_yaml, read_text
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = Path(__file__).with_name("schema.json")

_LARGE = 5_000  # items

_ESCAPED_CONTROL = re.compile(r"\\[bfnrtu]")
_TEMPLATE = re.compile(r"\{[{%#]")  # JSON itself never has the two characters beside each other


def load(root: Path) -> Cmdb:
    """Read and check the CMDB below ``root``, the folder of cmdb.yaml.

    Raises InvalidInput with everything that is wrong in all files.
    """
    with _collector_paused():
        cmdb, findings = _read(root)
        if len(cmdb.config_items) > _LARGE:
            gc.freeze()  # the collector would look at a million objects every now and then, for nothing
    if findings:
        raise InvalidInput(findings)
    return cmdb


def draft(root: Path) -> tuple[Cmdb, list[Finding]]:
    """Give what can be read of the CMDB below ``root``, and everything that ``load`` would refuse; for looking at.

    With a finding it may lack entries and name what does not exist: nothing is to be planned from it.
    """
    with _collector_paused():
        cmdb, findings = _read(root)
        if len(cmdb.config_items) > _LARGE:
            gc.freeze()
    return cmdb, findings


def checked(root: Path) -> tuple[Cmdb | None, list[Finding]]:
    """Give the CMDB, or None when it cannot be loaded, and everything that is wrong, sorted.

    Beyond what ``load`` refuses: inventories that are stale, and playbooks, runbooks and
    protected places that are named and do not exist. Those do not keep the CMDB from being loaded.
    """
    from drillbook.cmdb.inventory import stale_findings
    from drillbook.cmdb.named_files import missing_files

    try:
        cmdb = load(root)
    except InvalidInput as error:
        return None, list(error.findings)
    return cmdb, sorted([*stale_findings(cmdb, root), *missing_files(cmdb, root)])


def check(root: Path) -> list[Finding]:
    """Give everything that is wrong, as ``checked``."""
    return checked(root)[1]


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python from looking for cycles among millions of new objects, of which none is in one."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(root: Path) -> tuple[Cmdb, list[Finding]]:
    findings: list[Finding] = []
    texts: list[tuple[str, str]] = []
    try:
        texts.append((TOP, read_text(root / TOP, shown_as=TOP)))
        top = parse_yaml(texts[0][1], shown_as=TOP)
    except InvalidInput as error:
        findings.extend(error.findings)
        texts.clear()
        top = Map(TOP, 1)
    files, problems = included(root, top)
    findings.extend(problems)
    for file in files:
        try:
            texts.append((file.name, read_text(file.path, shown_as=file.name)))
        except InvalidInput as error:
            findings.extend(error.findings)
    cmdb, more = _built(tuple(texts), all_read=not findings)
    return cmdb, [*findings, *more]


@functools.lru_cache(maxsize=2)
def _built(texts: tuple[tuple[str, str], ...], *, all_read: bool) -> tuple[Cmdb, tuple[Finding, ...]]:
    """Give the CMDB of the files' texts by their names, and what is wrong in them.

    The trusted base and the work tree are often the same: then this is done once for both. Nobody changes a CMDB.
    """
    findings: list[Finding] = []
    documents: list[Map] = []
    for name, text in texts:
        try:
            documents.append(parse_yaml(text, shown_as=name))
        except InvalidInput as error:
            findings.extend(error.findings)
    complete = all_read and not findings
    top = documents[0] if documents and documents[0].file == TOP else None
    merge = _Merge()
    for document in documents:
        merge.add(document, is_top=document is top)
    draft = merge.draft(complete=complete)
    findings.extend(merge.findings)
    for rule in RULES:
        findings.extend(rule.findings(draft))
    return draft.cmdb, tuple(findings)


@functools.cache
def _schema() -> tuple[dict[str, Any], jsonschema_rs.Draft202012Validator]:
    schema = read_schema(SCHEMA)
    return schema, jsonschema_rs.Draft202012Validator(schema)


class _Merge:
    """Puts the sections of all files together and keeps out what has not the right shape."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.organisation = ""
        self.entries: dict[str, dict[str, Entry]] = {section: {} for section in SECTIONS}
        self.known: dict[str, str] = {}
        self.malformed: dict[str, str] = {}
        self.documents: list[Map] = []
        self.include: list[Any] = []
        self.whole = True

    def add(self, document: Map, *, is_top: bool) -> None:
        """Take one file."""
        self.documents.append(document)
        malformed = self._hold_against_schema(document)
        self._place_of_top_keys(document, is_top=is_top)
        for section in SECTIONS:
            entries = document.get(section)
            if not isinstance(entries, Map):
                continue
            kept = self.entries[section]
            for (id_, fields), line in zip(entries.items(), entries.each_line(), strict=True):
                if id_ in self.known:
                    self._twice(document, section, id_, line)
                    continue
                self.known[id_] = section
                if isinstance(fields, Map) and (section, id_) not in malformed:
                    kept[id_] = Entry(section, id_, fields, document.file, line)
                else:
                    self.malformed[id_] = f"{document.file}:{line}"

    def draft(self, *, complete: bool) -> Draft:
        """Give what the rules read."""
        content = {
            "organisation": self.organisation,
            "sections": {
                section: {id_: entry.fields for id_, entry in entries.items()}
                for section, entries in self.entries.items()
            },
        }
        whole = hashlib.sha256()
        suspicious = bool(self.findings) or _suspicious("".join(map(str, self.include)))
        marked = False
        for part in canonical_parts(content, levels=3):
            whole.update(part.encode())
            # Looking at the text that the digest needs costs a tenth of a walk over all values.
            suspicious = suspicious or _suspicious(part)
            marked = marked or _TEMPLATE.search(part) is not None
        if suspicious:
            for document in self.documents:
                self.findings.extend(hostile_findings(document, document.file))
        cmdb = Cmdb(
            organisation=self.organisation,
            **{section: Section(section, entries) for section, entries in self.entries.items()},
            digest=f"sha256:{whole.hexdigest()}",
        )
        return Draft(cmdb=cmdb, marked=marked, known=self.known, complete=complete and self.whole)

    def _hold_against_schema(self, document: Map) -> set[tuple[str, str]]:
        schema, gate = _schema()
        if gate.is_valid(document):
            return set()
        self.findings.extend(findings_of(schema, document, document.file))
        malformed: set[tuple[str, str]] = set()
        for error in gate.iter_errors(document):
            path = [str(part) for part in error.instance_path[:2]]
            if len(path) == 2:  # noqa: PLR2004 - a section and an id
                malformed.add((path[0], path[1]))
            else:  # a section that is no mapping, or an id that is no id
                self.whole = False
        return malformed

    def _place_of_top_keys(self, document: Map, *, is_top: bool) -> None:
        if is_top:
            include = document.get("include")
            self.include = include if isinstance(include, list) else []
            organisation = document.get("organisation")
            if isinstance(organisation, str):
                self.organisation = organisation
            elif organisation is None and "organisation" not in document:
                self.findings.append(
                    Finding(
                        document.file, 1, "top-file",
                        "cmdb.yaml has no 'organisation'; add its display name",
                    )
                )  # fmt: skip
            return
        for key in ("organisation", "include"):
            if key in document:
                self.findings.append(
                    Finding(
                        document.file, document.line_of(key), "top-file",
                        f"'{key}' stands in an included file; it belongs in cmdb.yaml alone",
                    )
                )  # fmt: skip

    def _twice(self, document: Map, section: str, id_: str, line: int) -> None:
        first = self.entries[self.known[id_]].get(id_)
        place = f"{first.file}:{first.line}" if first is not None else self.malformed[id_]
        self.findings.append(
            Finding(
                document.file, line, "id-twice",
                f"{section}.{visible(id_, limit=60)} has an id that {self.known[id_]} has already "
                f"({place}); an id is unique over all sections and files",
            )
        )  # fmt: skip


def _suspicious(text: str) -> bool:
    """Tell whether canonical JSON may hold a character that no value may hold."""
    return (not text.isprintable() and forbidden_character(text) is not None) or bool(_ESCAPED_CONTROL.search(text))
