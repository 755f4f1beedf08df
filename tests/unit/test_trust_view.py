"""What a person types to say that they compared a commit's id."""

from __future__ import annotations

import pytest

from drillbook.console.trust_view import ends_as, spaced

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("typed", ["4567", "01234567", " 0123 4567\n", "EF01234567", COMMIT, spaced(COMMIT)])
def test_the_end_of_the_id_however_long(typed: str) -> None:
    assert ends_as(COMMIT, typed)


@pytest.mark.parametrize("typed", ["", "567", "0123", "4568", "11234567", "x" + COMMIT, COMMIT[:12]])
def test_what_is_not_its_end_or_too_short(typed: str) -> None:
    assert not ends_as(COMMIT, typed)
