"""Checks that the cases name; no case runs them."""

from __future__ import annotations


def is_primary(host: object, port: int) -> None:
    """It takes writes."""


def is_standby(host: object, *, port: int, standby: str = "") -> None:
    """It is in recovery."""


def stopped(host: object, unit: str) -> None:
    """It does not run."""


def newest(host: object, folders: list[str]) -> dict[str, str]:
    """Choose a copy."""
    return {"value": "copy.1", "detail": folders[0]}


def has(host: object, copies: list[str], folders: list[str]) -> None:
    """It has the copies."""
