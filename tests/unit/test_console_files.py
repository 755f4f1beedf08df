"""Files that a person asked for: whole or not at all; what is no ordinary file is never replaced."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from drillbook.console.files import write_file
from drillbook.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    # A device is treated alike; /dev/null itself is not at stake in a test that root may run.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for name in ("pipe", "link"):
        found: list[bytes] = []
        reader = threading.Thread(target=lambda into: into.append(pipe.read_bytes()), args=[found], daemon=True)
        reader.start()
        write_file(tmp_path / name, b"page")
        reader.join(10)
        assert found == [b"page"]
        assert pipe.is_fifo()


def test_a_link_stays_one_and_the_file_that_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/file")
    for text in (b"first", b"second"):
        write_file(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "folder/file").read_bytes() == text
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["file"]


@pytest.mark.parametrize("name", ["", ".", "none/file", "file/x", "x" * 300, "nul\0", "folder"])
@pytest.mark.parametrize("folders", [False, True])
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str, folders: bool) -> None:
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder").mkdir()
    if folders and name.startswith("none"):
        write_file(tmp_path / name, b"", folders=True)
        return
    with pytest.raises(UsageError, match="cannot be written"):
        write_file(tmp_path / name, b"", folders=folders)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"kept"
