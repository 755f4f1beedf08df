"""What is there more than once in the end: how many, in words that fit, and whether that is wrong. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.evidence.wording import count
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Repeats:
    """What a write that is there more than once means for a kind of probe.

    ``one``, ``many`` and ``chinese`` follow the number. ``wrong``: the service promises each write once. Where what
    was not answered has to be sent again, and the receiver cannot know it, a repeat is counted and told, and no more.
    """

    one: str
    many: str
    chinese: str
    wrong: bool = True


ROWS = Repeats("row is there more than once", "rows are there more than once", "行数据重复")


@dataclass(frozen=True, slots=True)
class Repeated:
    """The writes of a drill that are there more than once; ``number`` is at least 1."""

    number: int
    means: Repeats

    @property
    def said(self) -> Text:
        """Say how many."""
        return count(self.number, self.means.one, self.means.many, self.means.chinese)

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value."""
        return {"number": self.number, "wrong": self.means.wrong, "said": {"en": self.said.en, "zh": self.said.zh}}


def repeated_words(measures: Mapping[str, Any]) -> Text | None:
    """Give the sentence for a record's ``measures``; None when nothing is there more than once, or nobody looked."""
    found = measures.get("repeated")
    if found is None:
        return None
    if found["wrong"]:
        return Text(f"{found['said']['en']}.", f"{found['said']['zh']}。")
    return Text(
        f"{found['said']['en']}, which is allowed: what was not answered is sent again.",
        f"{found['said']['zh']}，属正常情况：未得到应答的邮件会重发。",
    )
