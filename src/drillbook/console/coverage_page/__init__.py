"""Pages about coverage and single failures, made as the evidence pages are, with their style sheet and one more."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.evidence.page import frame

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).parent


def render(template: str, values: Mapping[str, Any], *, language: str) -> str:
    """Give the page of a template of this folder. ``language`` (en or zh) is shown first; both are in it."""
    return frame.render(_FOLDER / template, values, language=language, style=_FOLDER / "coverage.css")
