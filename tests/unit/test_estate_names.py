"""The engine knows no name of the estate that ships with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillbook.cmdb.load import load
from drillbook.estate.content import CONTENT, content_folder
from tests.estate_names import ALLOWED, names_of

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "src/drillbook"
NAMES = names_of(load(ROOT))

FILES = [
    *(path for path in sorted(ENGINE.rglob("*")) if path.is_file() and "__pycache__" not in path.parts),
    *(
        path
        for name in CONTENT
        for path in (
            [content_folder() / name] if (content_folder() / name).is_file() else (content_folder() / name).rglob("*")
        )
        if path.is_file() and "__pycache__" not in path.parts
    ),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_name_of_the_shipped_estate(path: Path) -> None:
    strict = NAMES.without(*ALLOWED)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {name}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for name in strict.found(line)
    ]
    assert not found, "the engine serves any estate; write a neutral name:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("the pair core-db fails over", "core-db"),
        ("groups['protection_core_db']", "core-db"),
        ("CORE_DB_UNIT", "core-db"),
        ("see mon-1.", "mon-1"),
        ("/etc/drillbook/secrets/core-db-1", "core-db-1"),
        ("at 198.18.0.11:5432", "198-18-0-11"),
        ("https://198.18.1.11/redfish", "198-18-1-11"),
        ("in 10.213.0.0/24", "10-213-0-0-24"),
        ("Harbour Asset Management", "harbour asset management"),
        ("# as Harbour does", "harbour"),
        ("mail to name@harbour.example", "harbour-example"),
        ("陈伟 signs", "陈伟"),
        ("the service core-business", "core-business"),
        ("barcode HAM001L8", "ham001l8"),
    ],
)
def test_a_name_is_found_wherever_it_hides(text: str, name: str) -> None:
    assert name in set(NAMES.found(text))


@pytest.mark.parametrize(
    "text", ["core-database", "mon-12", "score-db", "198.18.0.0/15", "1198.18.0.11", "harbours", "my-pair", "db-1"]
)
def test_what_only_looks_like_a_name_is_not_found(text: str) -> None:
    assert not set(NAMES.found(text))


def test_what_is_allowed_is_an_id_and_is_needed() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    assert set(ALLOWED) <= set(NAMES.found(text))
