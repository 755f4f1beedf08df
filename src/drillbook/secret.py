"""A value that must not be seen: it prints as ``***``, quoted or not, and refuses to be journalled."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds a secret string; only ``reveal`` gives it, at the place where it is used."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take the secret."""
        self._value = value

    def reveal(self) -> str:
        """Give the secret itself."""
        return self._value

    def __str__(self) -> str:
        """Never the value."""
        return "***"

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        """Never the value."""
        return "***"

    def __eq__(self, other: object) -> bool:
        """Equal to a secret of the same value."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash of the type alone: a hash of the value could be guessed against."""
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        """Refuse to be written anywhere."""
        raise TypeError("a secret is not written to files")
