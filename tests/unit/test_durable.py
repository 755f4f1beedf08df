"""Files are replaced whole or not at all."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from drillbook.durable import replace_file

if TYPE_CHECKING:
    from pathlib import Path


def test_it_is_replaced_with_its_mode_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a"
    for data, mode in ((b"one", 0o600), (b"two", 0o644)):
        replace_file(file, data, mode=mode)
        assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (data, mode)
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(folder, b"x", mode=0o600)
    assert list(tmp_path.iterdir()) == [folder]
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "none/a", b"x", mode=0o600)
