"""How an entry came to be, from real repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.audit.history import entry_history
from drillbook.errors import UsageError
from drillbook.repo.git import Repository
from tests.audit_help import TOP, Book, item, items

if TYPE_CHECKING:
    from pathlib import Path

FILE = "cmdb.d/items.yaml"


@pytest.fixture
def book(tmp_path: Path) -> Book:
    made = Book(tmp_path / "estate")
    made.commit({"cmdb.yaml": TOP, FILE: items(item("db-1", serial="S-1"), item("db-2", serial="S-2"))}, "Begin")
    return made


def told(book: Book, id_: str) -> list[tuple[str, dict[str, tuple[object, object]]]]:
    return [(e.kind, {".".join(f.path): (f.old, f.new) for f in e.fields}) for e in reversed(book.history(id_).events)]


def test_each_change_has_its_fields_before_and_after(book: Book) -> None:
    commit = book.commit(
        {FILE: items(item("db-1", serial="S-1", owner="bob", rack="a01"), item("db-2", serial="S-2"))}, "Bob takes over"
    )
    book.commit({FILE: items(item("db-1", serial="S-1", owner="bob"), item("db-2", serial="S-2", owner="eve"))})
    found = told(book, "db-1")
    assert [kind for kind, _ in found] == ["added", "changed", "changed"]
    assert found[0][1]["serial"] == (None, "S-1")
    assert found[1][1] == {"owner": ("ann", "bob"), "rack": (None, "a01")}
    assert found[2][1] == {"rack": ("a01", None)}
    assert book.history("db-1").events[1].commit == commit


def test_nested_fields_lists_and_types_are_told_apart(book: Book) -> None:
    def nested(version: str, depends: str) -> str:
        return items(item("db-1", os=f"{{name: debian, version: {version}}}", depends_on=depends))

    book.commit({FILE: nested('"12"', "[ups-a]")})
    book.commit({FILE: nested("12", "[ups-a, ups-b]")})
    assert told(book, "db-1")[-1] == (
        "changed", {"os.version": ("12", 12), "depends_on": (["ups-a"], ["ups-a", "ups-b"])}
    )  # fmt: skip


def test_a_removed_entry_still_has_its_history(book: Book) -> None:
    book.commit({FILE: items(item("db-2", serial="S-2"))})
    assert book.kinds("db-1") == ["added", "removed"]
    book.commit({FILE: items(item("db-1", serial="S-9", owner="eve"), item("db-2", serial="S-2"))})
    assert book.kinds("db-1") == ["added", "removed", "added"]


def test_a_new_id_with_the_same_serial_is_the_same_thing(book: Book) -> None:
    book.commit({FILE: items(item("db-1", serial="S-1", owner="bob"), item("db-2", serial="S-2"))})
    book.commit({FILE: items(item("main-db", serial="S-1", owner="eve", rack="a2"), item("db-2", serial="S-2"))})
    book.commit({FILE: items(item("main-db", serial="S-1", owner="eve"), item("db-2", serial="S-2"))})
    assert book.kinds("main-db") == ["added", "changed", "renamed", "changed"]
    assert book.history("main-db").ids == ("main-db", "db-1")
    # The old name answers too, up to where it ended.
    assert book.kinds("db-1") == ["added", "changed", "renamed"]


def test_many_renamed_at_once_are_told_apart_by_their_serials(book: Book) -> None:
    book.commit({FILE: items(item("x-2", serial="S-2"), item("x-1", serial="S-1"))})
    assert book.history("x-1").ids == ("x-1", "db-1")
    assert book.history("x-2").ids == ("x-2", "db-2")


def test_another_serial_is_another_thing(book: Book) -> None:
    book.commit({FILE: items(item("db-9", serial="S-9"), item("db-2", serial="S-2"))})
    assert book.kinds("db-9") == ["added"]
    assert book.kinds("db-1") == ["added", "removed"]


def test_without_serials_nearly_the_same_fields_count(book: Book) -> None:
    book.commit({FILE: items(item("a-1", rack="a1"), item("a-2", rack="a2", owner="eve", brand="Oak", site="far"))})
    book.commit({FILE: items(item("b-1", rack="b1"), item("a-2", rack="a2", owner="eve", brand="Oak", site="far"))})
    assert book.kinds("b-1") == ["added", "renamed"]
    # The entry's file had other entries before: those with serials went.
    assert book.history("b-1").events[0].fields[0].path == ("rack",)


def test_several_candidates_are_said_and_none_is_chosen(book: Book) -> None:
    book.commit({FILE: items(item("a-1"), item("a-2"))})
    book.commit({FILE: items(item("b-1"), item("b-2"))})
    newest = book.history("b-1").events[0]
    assert (newest.kind, set(newest.candidates)) == ("added", {"a-1", "a-2"})
    removed = book.history("a-1").events[0]
    assert (removed.kind, set(removed.candidates)) == ("removed", {"b-1", "b-2"})


def test_one_candidate_that_two_entries_claim_is_not_chosen(book: Book) -> None:
    book.commit({FILE: items(item("a-1"))})
    book.commit({FILE: items(item("b-1"), item("b-2"))})
    assert (book.kinds("b-1"), book.history("b-1").events[0].candidates) == (["added"], ("a-1",))


def test_a_move_between_files_and_a_renamed_file(book: Book) -> None:
    book.commit({FILE: items(item("db-2", serial="S-2")), "cmdb.d/core.yaml": items(item("db-1", serial="S-1"))})
    book.git("mv", "cmdb.d/core.yaml", "cmdb.d/kernel.yaml")
    book.commit({}, "Rename the file")
    book.commit({"cmdb.d/kernel.yaml": items(item("db-1", serial="S-1", owner="bob"))})
    events = list(reversed(book.history("db-1").events))
    assert [each.kind for each in events] == ["added", "moved", "moved", "changed"]
    assert [each.entry.file for each in events] == [
        FILE,
        "cmdb.d/core.yaml",
        "cmdb.d/kernel.yaml",
        "cmdb.d/kernel.yaml",
    ]
    assert events[1].fields == ()


def test_a_move_to_another_section(book: Book) -> None:
    book.commit({FILE: items(item("db-2", serial="S-2")) + items(item("db-1", serial="S-1"), section="spares")})
    newest = book.history("db-1").events[0]
    assert newest.kind == "moved"
    assert newest.old is not None
    assert (newest.old.section, newest.entry.section) == ("config_items", "spares")


def test_a_file_that_is_no_longer_included_takes_its_entries_out(book: Book) -> None:
    book.commit({"cmdb.yaml": "organisation: Example\n"})
    book.commit({FILE: items(item("db-1", serial="S-1", owner="hidden"), item("db-2", serial="S-2"))})
    book.commit({"cmdb.yaml": TOP.replace("*", "items")})
    # What was changed meanwhile was no part of the CMDB, and shows when it comes in again.
    assert book.kinds("db-1") == ["added", "gone", "came"]
    assert {each.path: each.new for each in book.history("db-1").events[0].fields}[("owner",)] == "hidden"


def test_yaml_that_is_not_included_is_no_part_of_it(book: Book) -> None:
    book.commit({"other/items.yaml": items(item("db-1", owner="nobody")), "cmdb.d/.hidden.yaml": items(item("db-7"))})
    assert book.kinds("db-1") == ["added"]
    with pytest.raises(UsageError, match="no commit of this branch ever had"):
        book.history("db-7")


def test_a_room_has_a_history_of_its_own(book: Book) -> None:
    def site(name: str, racks: str, room: str = "room-a") -> str:
        rooms = f"    rooms:\n      {room}:\n        title: {{en: A, zh: A}}\n        racks: {racks}\n"
        return f"sites:\n  {name}:\n    kind: office\n{rooms}"

    book.commit({"cmdb.d/sites.yaml": site("hq", "{a1: {units: 42}}")})
    book.commit({"cmdb.d/sites.yaml": site("hq", "{a1: {units: 24}}")})
    book.commit({"cmdb.d/sites.yaml": site("annex", "{a1: {units: 24}}")})
    found = told(book, "room-a")
    assert [kind for kind, _ in found] == ["added", "changed", "changed"]
    assert found[1][1] == {"racks.a1.units": (42, 24)}
    assert found[2][1] == {"site": ("hq", "annex")}


BROKEN = items(item("db-1", serial="S-1")) + "  : : [\n"


def test_a_broken_version_is_said_and_skipped(book: Book) -> None:
    bad = book.commit({FILE: BROKEN}, "Oops")
    book.commit({FILE: items(item("db-1", serial="S-1", owner="bob"), item("db-2", serial="S-2"))}, "Repair")
    history = book.history("db-1")
    assert [(e.kind, e.across) for e in history.events] == [("changed", True), ("added", False)]
    assert [each.commit for each in history.unread][-1:] == [bad]
    assert {f.path for f in history.events[0].fields} == {("owner",)}


def test_broken_now_and_broken_at_the_start(tmp_path: Path) -> None:
    book = Book(tmp_path / "estate")
    first = book.commit({"cmdb.yaml": TOP, FILE: BROKEN})
    book.commit({FILE: items(item("db-1", serial="S-1"))})
    book.commit({FILE: items(item("db-1", serial="S-1", owner="eve"))})
    now = book.commit({FILE: BROKEN + "# worse\n"})
    history = book.history("db-1")
    assert [(e.kind, e.across) for e in history.events] == [("changed", False), ("added", True)]
    assert {each.commit for each in history.unread} == {first, now}


def test_a_broken_top_file_keeps_what_was_included(book: Book) -> None:
    book.commit({"cmdb.yaml": "include: [\n"})
    book.commit({FILE: items(item("db-1", serial="S-1", owner="bob"), item("db-2", serial="S-2"))})
    book.commit({"cmdb.yaml": TOP})
    history = book.history("db-1")
    assert [each.kind for each in reversed(history.events)] == ["added", "changed"]
    assert {each.finding.file for each in history.unread} == {"cmdb.yaml"}


def test_merges_count_as_what_they_brought(book: Book) -> None:
    book.git("checkout", "--quiet", "-b", "side")
    book.commit({FILE: items(item("db-1", serial="S-1", owner="one"), item("db-2", serial="S-2"))})
    book.commit({FILE: items(item("db-1", serial="S-1", owner="two"), item("db-2", serial="S-2"))})
    book.git("checkout", "--quiet", "main")
    book.commit({"README": "x\n"})
    book.count += 1
    book.git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side", **book.identity("Merger <m@example.org>"))
    found = told(book, "db-1")
    assert found[1:] == [("changed", {"owner": ("ann", "two")})]
    assert book.history("db-1").events[0].commit == book.git("rev-parse", "HEAD")


def test_a_shallow_clone_says_that_history_is_cut(book: Book, tmp_path: Path) -> None:
    book.commit({FILE: items(item("db-1", serial="S-1", owner="bob"), item("db-2", serial="S-2"))})
    book.git("clone", "--quiet", "--depth=1", book.root.as_uri(), str(tmp_path / "shallow"))
    repo = Repository(tmp_path / "shallow")
    history = entry_history(repo, repo.head(), "db-1")
    assert history.shallow
    with pytest.raises(UsageError) as error:
        entry_history(repo, repo.head(), "never")
    assert "unshallow" in error.value.remedy


def test_links_and_submodules_are_no_files_of_the_cmdb(book: Book) -> None:
    (book.root / "cmdb.d/linked.yaml").symlink_to("items.yaml")
    book.commit({})
    assert book.kinds("db-1") == ["added"]
