"""A sample of the campaign: random mutations of signed journals are all found, whichever part finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.journal_mutations import MUTATIONS, campaign

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_every_mutation_is_found(tmp_path: Path, seed: int) -> None:
    mutations = 500 if seed == 3 else 2000
    outcome = campaign(tmp_path, mutations=mutations, seed=seed)
    assert outcome.missed == []
    assert sum(sum(by.values()) for by in outcome.found.values()) == mutations
    assert set(outcome.found) == {kind.__name__ for _, kind in MUTATIONS}
    # Each part is needed: without it, some would not be found.
    assert {part for by in outcome.found.values() for part in by} == {"chain", "signature", "plan", "ledger"}
