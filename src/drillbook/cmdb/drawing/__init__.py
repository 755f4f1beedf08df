"""Draws a service or a site as SVG that one can read and print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.drawing.cards import render
from drillbook.cmdb.drawing.service import picture_of_service
from drillbook.cmdb.drawing.site import picture_of_site
from drillbook.cmdb.drawing.words import Words
from drillbook.errors import UsageError

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb


def draw(cmdb: Cmdb, id_: str, language: str = "en") -> str:
    """Give the text of an SVG file; the same CMDB gives the same text.

    Args:
        cmdb: a validated CMDB.
        id_: a service (what it needs, what protects that, what needs it) or a site (its rooms, the services
            that stand there, its equipment by class).
        language: ``en`` or ``zh``.

    Raises:
        UsageError: there is no such thing or language, or it is neither a service nor a site.
    """
    words = Words(language)
    entry = cmdb.find(id_)
    match entry.section:
        case "services":
            return render(picture_of_service(cmdb, entry, words))
        case "sites":
            return render(picture_of_site(cmdb, entry, words))
        case section:
            raise UsageError(
                f"'{id_}' stands in {section}, of which there is no drawing",
                remedy="name a service or a site: ./inv cmdb.list --section services",
            )
