"""What differs between two bound values, in words: what was approved, and what would run now."""

from __future__ import annotations

import difflib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NOTHING = "nothing"
_LONGEST = 600  # characters of each side
_BREAK = "⏎"  # for a line break
_COMPARED = 400  # lines of a text, one with each
_BEFORE = 80  # characters that are alike and shown
_STEP = {
    "title": "title", "verb": "verb", "item": "host", "action": "what it does", "undo": "undo", "timeout": "timeout",
    "repeat": "if unknown", "by_hand": "by hand", "verify": "what it verifies",
}  # fmt: skip
_TARGET = {"address": "address", "ssh_port": "SSH port", "ssh_user": "account", "power": "power control"}
_PLAN = {
    "runbook": "runbook", "title": "title", "kind": "kind", "environment": "environment", "protection": "protection",
    "reachable": "hosts that it logs in to", "locks": "hosts that it locks",
    "services": "services that it can interrupt", "engine": "version of drillbook",
}  # fmt: skip
_HEAD = {
    "repository": "repository", "change": "change", "request": "request (type, window, reason, parameters)",
    "engine": "engine in the trusted base", "format": "format",
}  # fmt: skip
# What follows from other lines is said only when nothing else explains it.
_FOLLOWS = {"artifacts_digest": "playbooks", "runbook_digest": "the runbook's file"}


@dataclass(frozen=True, slots=True)
class Line:
    """One difference. All texts are safe to print."""

    where: str
    approved: str
    would_run: str

    def __str__(self) -> str:
        """Give it as one line."""
        return f"{self.where} — approved: {self.approved}; would run: {self.would_run}"


def difference(approved: Mapping[str, Any], would_run: Mapping[str, Any]) -> list[Line]:
    """Give what differs between two values of plan.json, in the order of importance: commands first.

    Args:
        approved: the value that was approved.
        would_run: the value that was made now.

    Returns:
        One line for each thing that differs; empty when the values are the same, and never when they are not.
    """
    before, after = _mapping(approved.get("plan")), _mapping(would_run.get("plan"))
    found = [
        *_steps(before, after),
        *_hosts(before, after),
        *_named("parameter", before, after, "parameters"),
        *_named("role", before, after, "roles"),
        *_assumptions(before, after),
        *_slots(before, after),
        *_parts(before, after),
        *_listed(before, after, _PLAN),
        *_sealed(approved, would_run),
        *_slice(before, after),
        *_paths(approved, would_run),
        *_listed(approved, would_run, _HEAD),
    ]
    if not found:
        found = list(_listed(before, after, _FOLLOWS))
    if not found and canonical_json(approved) != canonical_json(would_run):
        found = [Line("plan.json", "other content", "other content")]
    # The values are not of our making, and some may not even have the right form.
    return [Line(visible(each.where), *_shown(each.approved, each.would_run)) for each in found]


def _shown(approved: str, would_run: str) -> tuple[str, str]:
    """Cut two texts so that what differs is seen: of many lines those, else not what they begin with alike."""
    if max(len(approved), len(would_run)) > 2 * _BEFORE and _BREAK in approved and _BREAK in would_run:
        approved, would_run = _lines_apart(approved.split(_BREAK), would_run.split(_BREAK))
    pairs = enumerate(zip(approved, would_run, strict=False))
    alike = next((place for place, (one, other) in pairs if one != other), min(len(approved), len(would_run)))
    start = max(0, alike - _BEFORE) if alike > 2 * _BEFORE else 0
    before = "…" if start else ""
    return visible(before + approved[start:], limit=_LONGEST), visible(before + would_run[start:], limit=_LONGEST)


def _lines_apart(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """Give of each side the lines that the other has not, with the number of the first of each run of them."""
    shorter = min(len(old), len(new))
    first = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    last = next((at for at in range(shorter - first) if old[-1 - at] != new[-1 - at]), shorter - first)
    # What lies between is compared line by line, unless it is so long that this would take minutes.
    middle = old[first : len(old) - last], new[first : len(new) - last]
    blocks: list[tuple[str, int, int, int, int]] = [("replace", 0, len(middle[0]), 0, len(middle[1]))]
    if max(map(len, middle)) <= _COMPARED:
        found = difflib.SequenceMatcher(None, *middle, autojunk=False).get_opcodes()
        blocks = [block for block in found if block[0] != "equal"]
    return (
        "; ".join(_numbered(middle[0], first, start, end) for _, start, end, _, _ in blocks),
        "; ".join(_numbered(middle[1], first, start, end) for _, _, _, start, end in blocks),
    )


def _numbered(lines: Sequence[str], before: int, start: int, end: int) -> str:
    shown = "".join(f"{line}{_BREAK}" for line in lines[start:end]) or _NOTHING
    return f"line {before + start + 1}: {shown}"


def _steps(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Line]:
    old = {each["id"]: each for each in before.get("steps", ())}
    new = {each["id"]: each for each in after.get("steps", ())}
    for id_, step in old.items():
        name = f"step {id_}"
        if id_ not in new:
            yield Line(name, _action(step["action"]), "no such step")
            continue
        for key in sorted(step.keys() | new[id_].keys()):
            if step.get(key) != new[id_].get(key):
                what = "command" if key == "action" and _kinds(step, new[id_]) == {"run"} else _STEP.get(key, key)
                yield Line(f"{name}: {what}", _part(key, step.get(key)), _part(key, new[id_].get(key)))
    for id_, step in new.items():
        if id_ not in old:
            yield Line(f"step {id_}", "no such step", _action(step["action"]))
    kept = [id_ for id_ in old if id_ in new], [id_ for id_ in new if id_ in old]
    if kept[0] != kept[1]:
        yield Line("order of the steps", ", ".join(kept[0]), ", ".join(kept[1]))


def _kinds(*steps: Mapping[str, Any]) -> set[str]:
    return {step["action"]["type"] for step in steps}


def _part(key: str, value: Any) -> str:
    if key == "action":
        return _action(value)
    if key == "undo" and isinstance(value, dict):
        if isinstance(value.get("action"), dict):
            return _action(value["action"])
        if isinstance(value.get("irreversible"), dict):
            return f"cannot be undone: {value['irreversible']['en']}"
        return _value(value if value.get("action") or value.get("irreversible") else None)
    if key == "verify":
        return "; ".join(_action(each) for each in value or ()) or _NOTHING
    if key == "by_hand":
        typed = (each["do"] for each in value or ())
        return "; ".join(each if isinstance(each, str) else each["en"] for each in typed) or _NOTHING
    return _value(value)


def _action(action: Mapping[str, Any]) -> str:
    match action["type"]:
        case "run":
            text = " ".join(shlex.quote(each) if isinstance(each, str) else _slot(each) for each in action["argv"])
            text += f" <<< {shlex.quote(action['stdin'])}" if action["stdin"] else ""
            text += f" (as {action['user']})"
        case "playbook":
            text = f"playbook {action['file']} on {action['item']} with {_value(action['variables'])}"
        case "check":
            text = f"check {action['function']} of {action['file']} on {action['item']}, {_value(action['arguments'])}"
            text += "".join(f", {name}=‹{slot}›" for name, slot in action.get("slots", {}).items())
        case "wait":
            text = f"every {action['interval']:g} s: {_action(action['check'])}"
        case "manual":
            text = f"a person: {action['instruction']['en']}"
        case "fence":
            ports = ", ".join(str(port) for port in action["ports"])
            text = f"fence {action['item']}, seen by {', '.join(action['witnesses'])}, ports {ports}"
        case _:
            text = _value(action)
    return text.replace("\n", _BREAK)


def _hosts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Line]:
    old, new = _mapping(before.get("targets")), _mapping(after.get("targets"))
    for item in sorted(old.keys() | new.keys()):
        if item not in old or item not in new:
            yield Line(f"host {item}", *("in the plan" if item in side else "not in it" for side in (old, new)))
            continue
        yield from (
            Line(f"host {item}: {line.where}", line.approved, line.would_run)
            for line in _listed(old[item], new[item], _TARGET)
        )


def _named(what: str, before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> Iterator[Line]:
    old, new = _mapping(before.get(key)), _mapping(after.get(key))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Line(f"{what} {name}", _value(old.get(name)), _value(new.get(name)))


def _assumptions(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Line]:
    old, new = ([each["text"]["en"] + ": " + _action(each["check"]) for each in side.get("assumptions", ())]
                for side in (before, after))  # fmt: skip
    yield from (Line("assumption", each, _NOTHING) for each in old if each not in new)
    yield from (Line("assumption", _NOTHING, each) for each in new if each not in old)


def _slot(word: Mapping[str, Any]) -> str:
    return f"‹{word['slot']}{', …' if word['many'] else ''}›"


def _slots(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Line]:
    """Say whose rule differs of the values that are chosen when the run begins."""
    old, new = ({each["name"]: f"{each['text']['en']}: {_action(each['check'])}" for each in side.get("slots", ())}
                for side in (before, after))  # fmt: skip
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Line(f"slot {name}", old.get(name, _NOTHING), new.get(name, _NOTHING))


def _parts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Line]:
    """Say which calls stand by themselves on one side only, or not in the same way."""
    old, new = ({each["id"]: each for each in side.get("parts", ())} for side in (before, after))
    for name in sorted(old.keys() | new.keys()):
        said = [_NOTHING if part is None else _by_itself(part) for part in (old.get(name), new.get(name))]
        if said[0] != said[1]:
            yield Line(f"independent part {name}", *said)


def _by_itself(part: Mapping[str, Any]) -> str:
    lists = (f"{name} {', '.join(part[name]) or _NOTHING}" for name in ("after", "reachable", "locks", "services"))
    return "; ".join([part["runbook"], *lists])


def _sealed(approved: Mapping[str, Any], would_run: Mapping[str, Any]) -> Iterator[Line]:
    old, new = ({row[0]: row[1:] for row in side.get("sealed", ())} for side in (approved, would_run))
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield Line(f"file playbooks/{path}", *_contents(old.get(path), new.get(path)))


def _contents(old: Sequence[str] | None, new: Sequence[str] | None) -> tuple[str, str]:
    if old is None or new is None:
        return ("no such file" if old is None else "the file", "no such file" if new is None else "the file")
    if old[1] == new[1]:
        kinds = {"x": "executable", "-": "not executable", "link": "a link"}
        return kinds.get(old[0], old[0]), kinds.get(new[0], new[0])
    return f"content {old[1][:19]}…", f"another content {new[1][:19]}…"


def _slice(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Line]:
    old, new = _mapping(before.get("cmdb_slice")), _mapping(after.get("cmdb_slice"))
    for section in sorted(old.keys() | new.keys()):
        first, second = _mapping(old.get(section)), _mapping(new.get(section))
        for id_ in sorted(first.keys() | second.keys()):
            for path, one, other in _leaves(first.get(id_), second.get(id_)):
                place = ".".join([section, id_, *path])
                yield Line(f"CMDB {place}", _value(one), _value(other))


def _leaves(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _leaves(old.get(key), new.get(key), (*path, key))
    elif old != new:
        yield path, old, new


def _paths(approved: Mapping[str, Any], would_run: Mapping[str, Any]) -> Iterator[Line]:
    words = {"A": "added", "M": "changed", "D": "deleted"}
    sides = [_mapping(approved.get("configuration")), _mapping(would_run.get("configuration"))]
    old, new = ({each["path"]: each for each in side.get("paths", ())} for side in sides)
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            shown = [
                f"{words.get(side[path]['status'], '?')} {side[path]['digest'][:19]}".strip() if path in side
                else "not changed" for side in (old, new)
            ]  # fmt: skip
            yield Line(f"file {path}", *shown)
    for key, name in (("from", "state that it starts from"), ("to", "state that it leads to")):
        if sides[0].get(key) != sides[1].get(key):
            yield Line(name, _value(sides[0].get(key))[:19], _value(sides[1].get(key))[:19])


def _listed(before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Line]:
    for key, name in names.items():
        if before.get(key) != after.get(key):
            yield Line(name, _value(before.get(key)), _value(after.get(key)))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _value(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return _NOTHING
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    if isinstance(value, dict) and set(value) == {"en", "zh"}:
        return f"{value['en']} / {value['zh']}"
    if isinstance(value, dict | list):
        return canonical_json(value).decode()
    return str(value).lower() if isinstance(value, bool) else str(value)
