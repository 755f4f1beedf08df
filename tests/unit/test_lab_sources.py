"""Where the lab's hosts are made from: the machine's own apt sources, in both formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.errors import MissingPrerequisite
from drillbook.lab.apt_sources import sources_for

if TYPE_CHECKING:
    from pathlib import Path

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # a remark
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] http://mirror.example/debian-security bookworm-security main
deb http://mirror.example/debian bookworm-backports main
deb http://other.example/tools stable main
not a source
"""
DEB822 = """\
# the main archive
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm
# a remark in the middle
 bookworm-updates
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main

types: deb
uris: http://mirror.example/debian-security http://second.example/debian-security
suites: bookworm-security
components: main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_one_line_sources(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    assert sources_for("bookworm", apt=apt) == [
        "deb http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian-security bookworm-security main",
    ]


def test_deb822_sources(apt: Path) -> None:
    (apt / "sources.list.d/debian.sources").write_text(DEB822)
    assert sources_for("bookworm", apt=apt) == [
        "deb http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian bookworm-updates main",
        "deb http://mirror.example/debian-security bookworm-security main",
        "deb http://second.example/debian-security bookworm-security main",
    ]


def test_files_of_other_kinds_and_repetitions_do_not_count(apt: Path) -> None:
    line = "deb http://mirror.example/debian bookworm main\n"
    (apt / "sources.list").write_text(line)
    (apt / "sources.list.d/again.list").write_text(line)
    (apt / "sources.list.d/old.list.save").write_text("deb http://saved.example/debian bookworm main\n")
    assert sources_for("bookworm", apt=apt) == [line.strip()]


def test_a_machine_of_another_release(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://mirror.example/debian trixie main\n")
    assert sources_for("bookworm", apt=apt) == ["deb http://mirror.example/debian bookworm main"]


@pytest.mark.parametrize("text", ["deb http://mirror.example/ubuntu noble main\n", ""])
def test_a_machine_without_a_debian_archive(apt: Path, text: str) -> None:
    (apt / "sources.list").write_text(text)
    with pytest.raises(MissingPrerequisite, match="name no Debian archive"):
        sources_for("bookworm", apt=apt)


def test_a_machine_without_any_sources(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisite) as caught:
        sources_for("bookworm", apt=tmp_path / "absent")
    assert "deb URL bookworm main" in caught.value.remedy
