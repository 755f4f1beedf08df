"""Runbooks of independent parts in which persons do everything: they need no host, and the engine is the real one."""

from __future__ import annotations

from typing import Any

from tests.runbook_estate import check, text

HOSTS = {"a": "db-1", "b": "db-2", "c": "watch-1"}


def part(name: str) -> dict[str, Any]:
    """Give the runbook of a part: it assumes something of its host, and a person does two things."""

    def done(id_: str) -> dict[str, Any]:
        return {
            "id": id_,
            "title": text(f"{id_} {name}"),
            "verb": "ensure",
            "manual": text(f"{id_} {name}"),
            "undo": "nothing",
            "timeout": "5 min",
        }

    return {
        "runbook": f"RB-{name.upper()}",
        "title": text(name),
        "kind": "maintenance",
        "signs": [text()],
        "parameters": {"host": {"type": "item", "description": text()}},
        "roles": {"host": {"item": "{parameters.host}"}},
        "assumptions": [{"text": text(f"{name} is fit"), "check": check("is_standby", "host", port=1)}],
        "steps": [done("do"), done("tell")],
    }


def whole(**after: list[str]) -> list[dict[str, Any]]:
    """Give a runbook of the parts a, b and c, and theirs. ``after``: by part, the parts that it needs."""
    calls = [
        {
            "id": name,
            "title": text(f"Bring {name} back"),
            "verb": "ensure",
            "runbook": {
                "id": f"RB-{name.upper()}",
                "parameters": {"host": host},
                "independent": True,
                **({"after": after[name]} if name in after else {}),
            },
        }
        for name, host in HOSTS.items()
    ]
    book = {
        "runbook": "RB-WHOLE",
        "title": text("All of it"),
        "kind": "maintenance",
        "signs": [text()],
        "parameters": {"pair": {"type": "protection", "description": text()}},
        "steps": calls,
    }
    return [book, *map(part, HOSTS)]
