"""Templates, and the loader's ways to a runbook."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import InvalidInput, UsageError
from drillbook.runbook.load import load_all, load_called
from drillbook.runbook.template import Reference, TemplateError, parse, reference_in_constant, references
from tests.runbook_estate import failback, failover, switchover, write_estate


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("", ()),
        ("plain", ("plain",)),
        ("{a.b}", (Reference(("a", "b")),)),
        ("x{a.b.c-d}y", ("x", Reference(("a", "b", "c-d")), "y")),
        ("{{}}", ("{}",)),
        ("{{a.b}}", ("{a.b}",)),
        ("{{{a.b}}}", ("{", Reference(("a", "b")), "}")),
        ("a{{b", ("a{b",)),
        ("é{a.b}", ("é", Reference(("a", "b")))),
    ],
)
def test_parse(template: str, parts: tuple[str | Reference, ...]) -> None:
    assert parse(template) == parts


@pytest.mark.parametrize("template", ["{", "}", "{a}", "{a.}", "{.a}", "{A.b}", "{a.b", "a}b", "{a b.c}", "{a..b}"])
def test_a_lone_brace_is_refused(template: str) -> None:
    with pytest.raises(TemplateError, match="brace at character"):
        parse(template)


@given(st.text())
def test_doubled_braces_give_every_text_back(text: str) -> None:
    assert "".join(map(str, parse(text.replace("{", "{{").replace("}", "}}")))) == text


@given(st.text(alphabet="{}ab._-", max_size=20))
def test_parse_loses_nothing(template: str) -> None:
    try:
        parts = parse(template)
    except TemplateError:
        return
    again = "".join(
        str(part) if isinstance(part, Reference) else part.replace("{", "{{").replace("}", "}}") for part in parts
    )
    assert again == template


def test_references_in_nested_values() -> None:
    found = references({"a": ["{x.y}", 1, {"b": "{z.w}{x.y}"}], "c": None})
    assert [str(each) for each in found] == ["{x.y}", "{z.w}", "{x.y}"]


def test_a_reference_in_a_constant() -> None:
    assert reference_in_constant("awk '{print $1}' ${x} ${x:-y}") is None
    assert reference_in_constant("ping {primary.address}") == "{primary.address}"


def test_one_runbook_brings_those_that_it_calls(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover(), switchover(), failback())
    called = load_called(root, "RB-FAILBACK")
    assert list(called) == ["RB-FAILBACK", "RB-SWITCH"]
    assert called["RB-FAILBACK"] == load_all(root)["RB-FAILBACK"]
    assert list(load_called(root, "RB-FAILOVER")) == ["RB-FAILOVER"]


def test_a_mistake_elsewhere_is_not_in_the_way(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover(), switchover())
    (root / "runbooks/RB-SWITCH.yaml").write_text("broken: [")
    assert load_called(root, "RB-FAILOVER")["RB-FAILOVER"].id == "RB-FAILOVER"
    with pytest.raises(InvalidInput):
        load_all(root)


def test_a_mistake_in_a_called_runbook_is_said_of_its_file(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failback(), switchover())
    (root / "runbooks/RB-SWITCH.yaml").write_text("broken: [")
    with pytest.raises(InvalidInput) as refused:
        load_called(root, "RB-FAILBACK")
    assert {finding.file for finding in refused.value.findings} == {"runbooks/RB-SWITCH.yaml"}


def test_an_unknown_runbook_names_the_nearest(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover())
    with pytest.raises(UsageError) as refused:
        load_called(root, "RB-FALOVER")
    assert "RB-FAILOVER" in refused.value.remedy
    with pytest.raises(UsageError) as refused:
        load_called(tmp_path / "nowhere", "RB-FAILOVER")
    assert "there are none" in refused.value.remedy


def test_a_digest_is_of_the_content_and_not_of_its_comments(tmp_path: Path) -> None:
    root = write_estate(tmp_path, failover())
    path = root / "runbooks/RB-FAILOVER.yaml"

    def digest() -> str:
        return load_called(root, "RB-FAILOVER")["RB-FAILOVER"].digest

    before = digest()
    path.write_text("# a comment\n" + path.read_text())
    assert digest() == before
    path.write_text(path.read_text().replace("20 s", "21 s"))
    assert digest() != before


def test_the_runbooks_of_this_estate_load() -> None:
    assert load_all(Path(__file__).parents[2])
