"""How long work tells where it is, without knowing who listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Phase(Protocol):
    """One phase while it runs."""

    def note(self, text: str) -> None:
        """Say how far it is, in a few words; each note replaces the one before."""
        ...


class Progress(Protocol):
    """Someone who watches long work."""

    def phase(self, title: str, *, usual: float | None = None) -> AbstractContextManager[Phase]:
        """Be in a phase for as long as the context lasts.

        ``title`` says what is being done; ``usual`` is how long it took lately, in seconds, or None
        when that is not known.
        """
        ...
