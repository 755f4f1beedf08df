"""How figures are printed: median, spread, and never a verdict on a time alone."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def line(name: str, values: Sequence[float], unit: str = "s", digits: int = 3) -> str:
    """Give one line: median, least and most, and how many there were."""
    shown = f"{median(values):.{digits}f} {unit}"
    spread = f"{min(values):.{digits}f} to {max(values):.{digits}f}"
    return f"{name:<44} median {shown:>10}   {spread:>18}   n={len(values)}"


def machine() -> str:
    """Say what was measured on."""
    return f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, Python {platform.python_version()}"
