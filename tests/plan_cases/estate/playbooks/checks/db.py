"""Checks that the cases name; no case runs them."""

from __future__ import annotations


def is_primary(host: object, port: int) -> None:
    """It takes writes."""


def is_standby(host: object, *, port: int, standby: str = "") -> None:
    """It is in recovery."""


def stopped(host: object, unit: str) -> None:
    """It does not run."""
