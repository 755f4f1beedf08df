"""From files to the CMDB: durations, includes, merging, the digest, and how long it takes."""

from __future__ import annotations

import gc
import ipaddress
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.canonical import canonical_json, canonical_parts, digest
from drillbook.cmdb import durations
from drillbook.cmdb.addressing import address, hosts_of, power, service_address
from drillbook.cmdb.load import SCHEMA, check, checked, load
from drillbook.cmdb.model import SECTIONS
from drillbook.cmdb.rules.addresses import Subnets
from drillbook.cmdb.rules.in_use import packed
from drillbook.errors import InvalidInput, UsageError
from drillbook.text import NAME, forbidden_character
from tests.cmdb_files import findings, line_of, write
from tests.cmdb_sample import sample
from tests.generated_estate import Shape, write_estate
from tests.nested import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_same_texts_are_one_cmdb_and_others_are_not(tmp_path: Path) -> None:
    """The base and the work tree are read in one process: an altered file must never be taken for the one before."""
    data = sample()
    for name in ("first", "other"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, data)
    first = load(tmp_path / "first")
    assert load(tmp_path / "other") is first
    write(tmp_path / "other", put(data, ("organisation",), "Another"))
    assert load(tmp_path / "other").organisation == "Another"
    (tmp_path / "other/cmdb.yaml").write_text("")
    with pytest.raises(InvalidInput):
        load(tmp_path / "other")
    assert load(tmp_path / "first").digest == first.digest


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50 ms", 0.05), ("60 s", 60), ("0 s", 0), ("5 min", 300), ("72 h", 259_200), ("1 d", 86_400),
        ("0.5 h", 1800), ("1.125 s", 1.125), ("999999999 d", 999_999_999 * 86_400),
    ],
)  # fmt: skip
def test_a_duration_has_seconds(text: str, seconds: float) -> None:
    assert durations.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "60", "60s", "60  s", " 60 s", "60 s ", "60 s\n", "-1 s", "+1 s", "1e3 s", "1. s", ".5 s", "60 m", "60 S",
     "1 h 5 min", "1,5 s", "٣ s", "1234567890 s", "1.2345 s", "x" * 10_000],
)  # fmt: skip
def test_what_is_no_duration_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: a number, a space, then") as caught:
        durations.seconds(text)
    assert len(str(caught.value)) < 150


def test_the_schema_has_the_pattern_of_durations() -> None:
    assert json.loads(SCHEMA.read_text())["$defs"]["duration"]["pattern"] == durations.PATTERN


def test_the_schema_has_the_pattern_of_names() -> None:
    definitions = json.loads(SCHEMA.read_text())["$defs"]
    assert definitions["id"]["pattern"] == definitions["reference"]["pattern"] == f"^{NAME.pattern}$"


def test_entries_know_where_they_stand(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    assert cmdb.organisation == "Example"
    for name in SECTIONS:
        assert cmdb.section(name).ids() == list(sample().get(name, {}))
        for entry in cmdb.section(name):
            assert entry.section == name
            line = (tmp_path / entry.file).read_text().splitlines()[entry.line - 1]
            assert line == f"  {entry.id}:"
            assert entry.fields == sample()[name][entry.id]


def test_the_digest_is_of_the_content_and_nothing_else(tmp_path: Path) -> None:
    one = load(write(tmp_path, sample())).digest
    content = sample()
    organisation = content.pop("organisation")
    assert one == digest({"organisation": organisation, "sections": content})
    for path in tmp_path.rglob("*.yaml"):
        path.write_text("# a comment\n" + path.read_text())
    top = tmp_path / "cmdb.yaml"
    (tmp_path / "cmdb.d/sites.yaml").write_text("sites:" + top.read_text().split("sites:")[1].split("networks:")[0])
    top.write_text(
        top.read_text().split("sites:")[0].replace("include:", "include:\n- cmdb.d/sites.yaml")
        + "networks:" + top.read_text().split("networks:", 1)[1]
    )  # fmt: skip
    assert load(tmp_path).digest == one
    other = put(sample(), ("services", "core", "rto"), "61 s")
    assert load(write(tmp_path, other)).digest != one


def _estate(root: Path, include: Any, **files: str) -> Path:
    (root / "cmdb.yaml").write_text(f"organisation: X\ninclude: {json.dumps(include)}\n")
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


SITE = "sites:\n  {0}:\n    title: {{en: A, zh: 甲}}\n    kind: branch\n"


def test_a_pattern_takes_the_files_of_a_folder_by_name_and_leaves_hidden_ones(tmp_path: Path) -> None:
    _estate(
        tmp_path, ["parts/*.yaml"],
        parts__b_yaml=SITE.format("b"), parts__a_yaml=SITE.format("a"), parts___c=SITE.format("c"),
    )  # fmt: skip
    (tmp_path / "parts/.#a.yaml").symlink_to("someone@somewhere.1234")  # as Emacs locks
    assert load(tmp_path).sites.ids() == ["a", "b"]


def test_a_link_inside_the_repository_is_followed(tmp_path: Path) -> None:
    _estate(tmp_path, ["linked.yaml"], parts__a_yaml=SITE.format("a"))
    (tmp_path / "linked.yaml").symlink_to("parts/a.yaml")
    assert load(tmp_path).sites["a"].file == "linked.yaml"


def test_the_repository_itself_may_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    _estate(tmp_path / "real", ["a.yaml"], a_yaml=SITE.format("a"))
    (tmp_path / "link").symlink_to("real")
    assert load(tmp_path / "link").sites.ids() == ["a"]


def _outside(root: Path) -> None:
    (root.parent / "outside.yaml").write_text(SITE.format("a"))


def _link_outside(root: Path) -> None:
    _outside(root)
    (root / "link.yaml").symlink_to("../outside.yaml")


def _linked_folder(root: Path) -> None:
    _outside(root)
    (root / "folder").symlink_to("..")


def _loop(root: Path) -> None:
    (root / "loop.yaml").symlink_to("loop.yaml")


def _nothing(_root: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "entry", "says"),
    [
        (_outside, "../outside.yaml", "leads outside the repository"),
        (_outside, "parts/../../outside.yaml", "leads outside the repository"),
        (_nothing, "/etc/passwd", "leads outside the repository"),
        (_nothing, "~/cmdb.yaml", "leads outside the repository"),
        (_nothing, "..\\outside.yaml", "leads outside the repository"),
        (_link_outside, "link.yaml", "is a link that leads outside"),
        (_linked_folder, "folder/outside.yaml", "is a link that leads outside"),
        (_linked_folder, "fold*/outside.yaml", "is a link that leads outside"),
        (_nothing, "missing.yaml", "matches no file"),
        (_nothing, "missing/*.yaml", "matches no file"),
        (_nothing, "**/*.yaml", "has '**'"),
        (_nothing, "parts", "is a folder; name the files in it"),
        (_nothing, "./parts/", "is a folder"),
        (_nothing, "cmdb.yaml", "comes twice (as cmdb.yaml before)"),
        (_nothing, "./cmdb.y*ml", "comes twice"),
        (_nothing, "a.yaml", "comes twice (as a.yaml before)"),
        (_nothing, "./a.yaml", "comes twice"),
        (_nothing, "parts\n.yaml", "matches no file"),
        (_nothing, "\u202eparts.yaml", "matches no file"),
        (_nothing, "-rf", "matches no file"),
        (_nothing, "$(touch x)", "matches no file"),
        (_nothing, "[", "matches no file"),
        (_loop, "loop.yaml", "is not a file that can be read"),
    ],
)
def test_an_include_that_cannot_be_followed_is_found_at_its_line(
    prepare: Callable[[Path], None], entry: str, says: str, tmp_path: Path
) -> None:
    root = tmp_path / "estate"
    root.mkdir()
    _estate(root, [], a_yaml="{}", parts__b_yaml="{}")
    prepare(root)
    (root / "cmdb.yaml").write_text(f"organisation: X\ninclude:\n  - a.yaml\n  - {json.dumps(entry)}\n")
    found = [each for each in findings(root) if each.rule == "include"]
    assert [(each.file, each.line) for each in found] == [("cmdb.yaml", 4)], list(map(str, findings(root)))
    assert says in found[0].message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    _estate(tmp_path, ["pipe.yaml"])
    os.mkfifo(tmp_path / "pipe.yaml")
    assert [each.rule for each in findings(tmp_path)] == ["include"]


@pytest.mark.parametrize(
    ("include", "text", "rule", "line"),
    [
        (["a.yaml"], "include: [b.yaml]\n", "top-file", 1),
        (["a.yaml"], "sites: {}\norganisation: Y\n", "top-file", 2),
        (["a.yaml"], "people: {}\ncolour: red\n", "schema-unknown-key", 2),
        (["a.yaml"], "sites: []\n", "schema-type", 1),
        (["a.yaml"], "media:\n", "schema-type", 1),
        (["a.yaml"], SITE.format("Ä"), "schema-name", 2),
        (["a.yaml"], SITE.format("a") + SITE.format("a").removeprefix("sites:\n"), "duplicate-key", 5),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_found(include: list[str], text: str, rule: str, line: int, tmp_path: Path) -> None:
    found = findings(_estate(tmp_path, include, a_yaml=text))
    assert [(each.file, each.line, each.rule) for each in found] == [("a.yaml", line, rule)]


def test_an_id_is_unique_over_sections_and_files(tmp_path: Path) -> None:
    people = "people:\n  a: {name: {en: A, zh: 甲}}\n"
    found = findings(_estate(tmp_path, ["a.yaml", "b.yaml"], a_yaml=SITE.format("a"), b_yaml=people))
    assert [(each.file, each.line, each.rule) for each in found] == [("b.yaml", 2, "id-twice")]
    assert "sites has already (a.yaml:2)" in found[0].message


def test_no_estate_here(tmp_path: Path) -> None:
    (found,) = check(tmp_path)
    assert (found.file, found.rule) == ("cmdb.yaml", "file")


def test_the_organisation_must_be_named(tmp_path: Path) -> None:
    (tmp_path / "cmdb.yaml").write_text("sites: {}\n")
    (found,) = findings(tmp_path)
    assert found.rule == "top-file"
    assert "has no 'organisation'" in found.message


def test_wrong_things_in_include_are_found(tmp_path: Path) -> None:
    for include in ("a.yaml", [7], [["a.yaml"]], [], {"a": 1}, [""], ["x" * 300]):
        rules = {each.rule for each in findings(_estate(tmp_path, include))}
        assert rules, include
        assert rules <= {"schema-type", "schema-size", "include"}


def test_addresses_follow_the_environment(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    assert hosts_of(cmdb, "rehearsal") == hosts_of(cmdb, "lab") == "lab"
    assert address(cmdb, "db-1", "rehearsal") == address(cmdb, "db-1", "lab") == "10.213.0.11"
    assert address(cmdb, "db-1", "production") == "198.18.0.11"
    assert service_address(cmdb, "core-pair", "rehearsal") == "10.213.0.100"
    assert power(cmdb, "db-1", "rehearsal") == {"kind": "lab"}
    assert power(cmdb, "db-1", "production")["kind"] == "redfish"
    assert power(cmdb, "web-1", "production") == {"kind": "none"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda cmdb: address(cmdb, "web-1", "lab"), "has no address in the environment 'lab'"),
        (lambda cmdb: address(cmdb, "web-2", "lab"), "config_items has no 'web-2'"),
        (lambda cmdb: address(cmdb, "web-1", "prod"), "environments has no 'prod'"),
        (lambda cmdb: service_address(cmdb, "web-spare", "lab"), "has no service address"),
        (lambda cmdb: power(cmdb, "db-9", "lab"), "config_items has no 'db-9'"),
        (lambda cmdb: cmdb.find("cor"), "the CMDB has no 'cor'"),
    ],
)
def test_an_unknown_name_is_a_usage_error_with_a_remedy(call: Callable[[Any], Any], says: str, tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    with pytest.raises(UsageError, match=says) as caught:
        call(cmdb)
    assert caught.value.remedy


def test_a_type_that_yaml_guessed_is_explained(tmp_path: Path) -> None:
    _estate(tmp_path, ["a.yaml"], a_yaml='media:\n  t:\n    barcode: 123456\n    format: "LTO-8"\n    site: hq\n')
    (found,) = findings(tmp_path)
    assert (found.rule, line_of(tmp_path, found)) == ("schema-type", "    barcode: 123456")
    assert 'in quotes: "123456"' in found.message


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("config_items", "db-1", "ownr"), "ann", "unknown key 'ownr'; did you mean 'owner' or 'power'?"),
        (("config_items", "db-1", "class"), "hosts", "did you mean 'host'?"),
        (("services", "core", "rto"), "60s", "a duration: a number, a space, then ms, s, min, h or d"),
        (("services", "core", "tier"), 4, "it must be at least 1 and at most 3"),
        (("services", "core", "tier"), "one", "it must be a whole number"),
        (("services", "core", "provided_by"), "db-1", "it must be a list"),
        (("services", "core", "notify"), ["ann", "ann"], "holds a value twice"),
        (("config_items", "db-1", "in_lab"), "yes", "it must be true or false"),
        (("config_items", "db-1", "title"), "Database", "it must be a mapping"),
        (("config_items", "db-1", "title"), {"en": "Database"}, "has no 'zh'"),
        (("config_items", "db-1", "title", "en"), "", "at least 1 character"),
        (("config_items", "db-1", "title", "en"), "x" * 201, "at most 200"),
        (("config_items", "db-1", "power", "production"), {"kind": "redfish"}, "has no 'url'"),
        (("config_items", "db-1", "power", "lab"), {"kind": "lab", "user": "x"}, "'user' is not allowed here"),
        (("config_items", "web-1", "rack"), None, "it must be an id"),
        (("people", "ann", "contact"), {"email": "a@b"}, "has no 'phone'"),
        (("people", "ann", "roles"), ["operator"], "did you mean 'operate'?"),
        (("policies", "outage-budgt"), {}, "did you mean 'outage-budget'?"),
    ],
)
def test_findings_of_the_schema_say_what_would_be_right(
    place: tuple[str, ...], value: Any, says: str, tmp_path: Path
) -> None:
    found = findings(write(tmp_path, put(sample(), place, value)))
    assert any(says in each.message for each in found), list(map(str, found))


def test_a_generated_estate_has_no_finding_and_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """What the benchmarks measure is an estate; how long it takes is in docs/figures.md."""
    digests = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        cmdb, findings = checked(write_estate(tmp_path / name, Shape(700, seed=seed)))
        assert findings == []
        assert cmdb is not None
        assert len(cmdb.config_items) == 700
        assert {each.get("kind") for each in cmdb.protections} == {"hot_standby", "cold_standby", "backup"}
        fields = [len(each.fields) for each in cmdb.config_items]
        assert 12 <= sum(fields) / len(fields) <= 16
        digests.append(cmdb.digest)
    assert digests[0] == digests[1] != digests[2]


def test_what_is_stale_does_not_keep_the_cmdb_from_being_loaded(tmp_path: Path) -> None:
    data = put(sample(), ("environments", "lab", "provision"), "missing.yml")
    cmdb, findings = checked(write(tmp_path, data))
    assert [each.rule for each in findings] == ["provision"]
    assert cmdb is not None
    assert cmdb.digest == load(tmp_path).digest
    assert checked(write(tmp_path, put(data, ("services", "core", "tier"), 9)))[0] is None


@pytest.mark.parametrize("running", [True, False])
def test_the_collector_of_cycles_is_left_as_it_was(running: bool, tmp_path: Path) -> None:
    write(tmp_path, sample())
    was = gc.isenabled()
    try:
        (gc.enable if running else gc.disable)()
        load(tmp_path)
        assert gc.isenabled() == running
        (tmp_path / "cmdb.yaml").write_text("a: [")
        with pytest.raises(InvalidInput):
            load(tmp_path)
        assert gc.isenabled() == running
    finally:
        (gc.enable if was else gc.disable)()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.integers(0, 4))
def test_the_parts_of_canonical_json_are_all_of_it(value: Any, levels: int) -> None:
    assert "".join(canonical_parts(value, levels=levels)).encode() == canonical_json(value)


def test_the_parts_of_a_large_mapping_are_several_and_all_of_it() -> None:
    value = {"x": {f"k{n}": {"a": [n]} for n in range(2345)}}
    parts = list(canonical_parts(value, levels=2))
    assert "".join(parts).encode() == canonical_json(value)
    assert max(map(len, parts)) < len(canonical_json(value)) / 3


def test_what_may_not_be_printed_includes_what_no_value_may_hold() -> None:
    """The look at a large text asks for the first before the second."""
    for number in range(0x110000):
        if forbidden_character(chr(number)) is not None:
            assert not chr(number).isprintable(), hex(number)


TEXTS = (
    st.text(st.sampled_from("0123456789.:abcdef/ x"), max_size=20) | st.ip_addresses().map(str) | st.text(max_size=8)
)


@given(TEXTS)
def test_an_address_is_what_python_takes_for_one(text: str) -> None:
    try:
        expected = ipaddress.ip_address(text).packed
    except ValueError:
        expected = None
    if "%" not in text:  # the schema has no zones
        assert packed(text) == expected


@given(st.lists(st.tuples(st.ip_addresses(), st.integers(0, 32)), max_size=6), st.data())
def test_the_network_of_an_address_is_the_first_that_holds_it(
    drawn: list[tuple[Any, int]], data: st.DataObject
) -> None:
    subnets = [ipaddress.ip_network((int(address) if address.version == 4 else address, rest), strict=False)
               for address, rest in drawn]  # fmt: skip
    near = [st.sampled_from([subnet[0], subnet[-1]]) for subnet in subnets]
    address = data.draw(st.one_of(st.ip_addresses(), *near))
    expected = next((each for each in subnets if each.version == address.version and address in each), None)
    assert Subnets(subnets).home(address.packed) == expected


def test_an_error_carries_all_findings(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="2 findings"):
        load(write(tmp_path, put(put(sample(), ("media", "tape-1", "site"), "x"), ("people", "sue", "line"), 9)))
