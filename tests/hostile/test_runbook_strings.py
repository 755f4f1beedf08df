"""Hostile strings in every text of a runbook: refused, or carried as they are and never as syntax."""

from __future__ import annotations

import copy
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.errors import DrillbookError, InvalidInput
from drillbook.plan.model import Command
from drillbook.plan.planner import make_plan
from drillbook.plan.render import plan_markdown, plan_text
from drillbook.runbook.load import load_all, schema
from drillbook.runbook.page import as_text
from drillbook.runbook.render import runbook_page
from drillbook.text import forbidden_character
from tests.runbook_estate import apart, as_yaml, cmdb_of, estate, failback, failover, switchover, text, write_estate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from drillbook.errors import Finding
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Runbook

HOSTILE = [
    "", " ", "'", '"', "`id`", "$(id)", "a; rm -rf /", "a && b", "| sh", "> /etc/passwd", "*", "~root", "-rf",
    "--", "\\", "a\nb", "a\rb", "\x00", "\x1b[2J", "\x7f", "\u202eevil", "\u2066x\u2069", "\u200b", "\ufeff", "é",
    "１", "%s", "{", "}", "{{ x }}", "{% x %}", "{a.b}", "{parameters.pair}", "{primary.id}", "../../etc/passwd",
    "/etc/passwd", "null", "no", "1e999", "!!python/name:os.system", "x" * 5000, ":'x'", "$1", "select pg_promote()",
    "poweroff", "'; drop table t; --",
]  # fmt: skip


def full_book() -> dict[str, Any]:
    """Give a runbook in which every text that the schema knows occurs at least once."""
    book = failback()
    book["parameters"]["how"] = {
        "type": "choice", "choices": ["a", "b"], "default": "a", "description": text(),
    }  # fmt: skip
    rest = failover()
    book["roles"]["observer"] = rest["roles"]["observer"]
    book["steps"][1]["playbook"]["variables"]["how"] = "{parameters.how}"
    book["steps"][1]["undo"] = {"playbook": {"file": "rejoin.yml", "variables": {"x": "y"}}}
    sql = {
        "id": "ask", "title": text(), "verb": "ensure", "on": "standby",
        "run": {"sql": "select :'x'", "database": "postgres", "variables": {"x": "{primary.id}"}, "user": "postgres"},
        "undo": "nothing", "timeout": "1 s", "repeat": "safe",
        "by_hand": [{"on": "standby", "do": "psql {primary.address}", "see": text()}],
    }  # fmt: skip
    address = rest["steps"][2]
    manual = rest["steps"][4] | {"on": "standby"}
    book["steps"] += [sql, address, rest["steps"][3], manual]
    book["steps"].insert(0, rest["steps"][0] | {"id": "fence"})
    return book


def leaves(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Give the path of each text, and of each name of a mapping (ending in its number)."""
    if isinstance(node, str):
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))


def schema_texts() -> set[str]:
    """Walk the schema: give the last name of each property that may hold a text."""
    found: set[str] = set()

    def may_be_text(node: Any) -> bool:
        if not isinstance(node, dict):
            return False
        if "$ref" in node:
            node = schema()["$defs"][node["$ref"].rpartition("/")[2]] | {k: v for k, v in node.items() if k != "$ref"}
        types = node.get("type", [])
        return "string" in ([types] if isinstance(types, str) else types) or "enum" in node or any(
            may_be_text(each) for each in (*node.get("oneOf", ()), node.get("items"), node.get("additionalProperties"))
        ) or isinstance(node.get("const"), str)  # fmt: skip

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, value in (node.get("properties") or {}).items():
                if may_be_text(value):
                    found.add(name)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema())
    return found


def called_apart() -> dict[str, Any]:
    """Give what cannot stand beside other steps: independent calls."""
    return {**apart(), "runbook": "RB-FAILBACK"}


def test_the_book_has_every_text_of_the_schema() -> None:
    names = {part for _, path in PLACES for part in path if isinstance(part, str)}
    assert schema_texts() <= names, schema_texts() - names


def test_the_book_is_good(tmp_path: Path) -> None:
    for book in (full_book(), called_apart()):
        assert "RB-FAILBACK" in load_all(write_estate(tmp_path, book, switchover()))


def one_of_each(paths: Iterator[tuple[str | int, ...]]) -> list[tuple[str | int, ...]]:
    """Keep one path for each place of the schema: the first with the same two last names."""
    first: dict[tuple[str, ...], tuple[str | int, ...]] = {}
    for path in paths:
        first.setdefault(tuple(part for part in path if isinstance(part, str))[-2:], path)
    return list(first.values())


PLACES = [(full_book, path) for path in one_of_each(leaves(full_book()))]
PLACES += [(called_apart, path) for path in one_of_each(leaves(called_apart())) if "runbook" in path]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_estate(tmp_path_factory.mktemp("estate"), switchover())


@pytest.mark.slow
@pytest.mark.parametrize(("of", "path"), PLACES, ids=["/".join(map(str, path)) for _, path in PLACES])
def test_each_text(of: Callable[[], dict[str, Any]], path: tuple[str | int, ...], root: Path) -> None:
    for hostile in HOSTILE:
        book = copy.deepcopy(of())
        node: Any = book
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = hostile
        (root / "runbooks/RB-FAILBACK.yaml").write_text(as_yaml(book))
        loaded, findings = attempt_to_load(root)
        assert all(forbidden_character(str(each)) is None and len(each.message) < 600 for each in findings)
        if findings:
            continue
        # It loads: then it is carried, word for word, and never as syntax.
        assert path[-1] in {"script", "sql"} or forbidden_character(hostile) is None
        assert harmless(as_text(runbook_page(loaded["RB-FAILBACK"], "zh")))
        plan = attempt_to_plan(loaded)
        if isinstance(plan, DrillbookError):
            assert forbidden_character(plan.message) is None
            continue
        assert harmless(plan_text(plan))
        assert harmless(plan_markdown(plan))
        for step in plan.steps:
            if isinstance(step.action, Command):
                assert tuple(shlex.split(shlex.join(step.action.argv))) == step.action.argv
            assert all(hand.do.isascii() for hand in step.by_hand if isinstance(hand.do, str))


def harmless(page: str) -> bool:
    return all(forbidden_character(row) is None for row in page.split("\n"))


def attempt_to_load(root: Path) -> tuple[dict[str, Runbook], tuple[Finding, ...]]:
    try:
        return load_all(root), ()
    except InvalidInput as error:
        return {}, error.findings


def attempt_to_plan(books: dict[str, Runbook]) -> Plan | DrillbookError:
    try:
        return make_plan(
            cmdb=cmdb_of(estate()), runbook=books["RB-FAILBACK"], runbooks=books, environment="lab",
            parameters={"pair": "pair", **({"primary": "db-2"} if books["RB-FAILBACK"].roles == {} else {})},
            artifacts_digest="sha256:a", engine="0",
        )  # fmt: skip
    except DrillbookError as error:
        return error


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["pair", "primary"])
def test_each_parameter(name: str, hostile: str, tmp_path: Path) -> None:
    books = load_all(write_estate(tmp_path, failover()))
    with pytest.raises(DrillbookError) as refused:
        make_plan(
            cmdb=cmdb_of(estate()), runbook=books["RB-FAILOVER"], runbooks=books, environment="lab",
            parameters={"pair": "pair"} | {name: hostile}, artifacts_digest="sha256:a", engine="0",
        )  # fmt: skip
    assert forbidden_character(refused.value.message) is None
    assert harmless(refused.value.remedy)
