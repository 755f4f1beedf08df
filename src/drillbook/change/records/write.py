"""Writes a change's files: whole or not at all, and never over what is there."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drillbook.change.records.record import FOLDER
from drillbook.durable import sync_folder
from drillbook.errors import MissingPrerequisite, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def create(root: Path, change: str, files: Mapping[str, bytes]) -> Path:
    """Make a change's folder with its first files; it appears whole. Gives the folder.

    Args:
        root: the estate's folder.
        change: the id.
        files: the bytes by path within the change's folder.

    Raises:
        Refused: there is such a folder already: an id is used once.
        MissingPrerequisite: it cannot be written.
    """
    folder = root / FOLDER / change
    with _staged(root, change, files) as fresh:
        if folder.is_symlink() or folder.exists():
            raise _used(folder)
        try:
            fresh.rename(folder)
        except FileExistsError:
            raise _used(folder) from None
        except OSError as error:
            if folder.exists():
                raise _used(folder) from None
            raise _cannot(folder, error) from None
        sync_folder(folder.parent)
    return folder


def add(root: Path, change: str, files: Mapping[str, bytes], *, instead: bool = False) -> None:
    """Add files to a change.

    Args:
        root: the estate's folder.
        change: the id.
        files: the bytes by path, in the order in which they appear. The last one is what readers go by: until it
            is there, the others count for nothing.
        instead: replace files that are there (a plan that nobody has signed). Else a file that is there is refused.

    Raises:
        Refused: a file is there already; nothing was written.
        MissingPrerequisite: they cannot be written.
    """
    folder = root / FOLDER / change
    with _staged(root, change, files) as fresh:
        last = list(files)[-1]
        if not instead and (folder / last).exists():
            raise Refused(f"{FOLDER}/{change}/{last} is there already, and is not written over")
        try:
            for path in files:
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                if instead or path != last:
                    (fresh / path).replace(place)
                else:
                    os.link(fresh / path, place, follow_symlinks=False)  # unlike a rename, never over another file
                sync_folder(place.parent)
        except FileExistsError:
            raise Refused(f"{FOLDER}/{change}/{last} is there already, and is not written over") from None
        except OSError as error:
            raise _cannot(folder, error) from None


@contextmanager
def _staged(root: Path, change: str, files: Mapping[str, bytes]) -> Iterator[Path]:
    """Write the files durably beside the changes, where nobody reads them yet."""
    top = root / FOLDER
    if top.is_symlink():
        raise Refused(f"{FOLDER} is a symbolic link; it must be a folder", remedy=f"ls -ld {top}")
    fresh = top / f".{change}.{os.getpid()}.new"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        for path, data in files.items():
            (fresh / path).parent.mkdir(parents=True, exist_ok=True)
            with (fresh / path).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(fresh)
        yield fresh
    except OSError as error:
        raise _cannot(top, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _used(folder: Path) -> Refused:
    return Refused(
        f"{FOLDER}/{folder.name} is there already: an id is used once",
        remedy="run it again: it takes the next free id",
    )


def _cannot(place: Path, error: OSError) -> MissingPrerequisite:
    return MissingPrerequisite(
        f"{place} cannot be written: {error.strerror}; nothing was changed",
        remedy=f"make room or make it writable: df -h {place}; ls -ld {place}",
    )
