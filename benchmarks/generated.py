"""Estates of any size, generated from a seed, in which tasks can be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.generated_estate import Shape, write_estate

if TYPE_CHECKING:
    from pathlib import Path

TASKS = "from drillbook.tasks.all import ns\n\n__all__ = ['ns']\n"


def make_estate(root: Path, shape: Shape) -> None:
    """Write an estate below ``root``, with its tasks."""
    write_estate(root, shape)
    (root / "tasks.py").write_text(TASKS)
