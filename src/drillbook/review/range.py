"""Which two commits a review compares."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Range:
    """What is compared.

    ``base`` and ``head`` are commits; ``old`` is the commit that head branched off, with which head is compared.
    ``moved_on``: commits that base has and head does not; ``both``: files that changed on both sides since.
    ``base_name`` and ``head_name``: how they were named; an empty name is the trusted base's.
    """

    base: str
    head: str
    old: str
    base_name: str
    head_name: str
    moved_on: int
    both: tuple[str, ...]
