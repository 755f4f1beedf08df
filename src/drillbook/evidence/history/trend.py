"""Whether a row of figures rises or falls, and by how much: told apart from noise before it is said.

The slope is Theil and Sen's: the median of the slopes between all pairs, which a single bad run hardly moves
(H. Theil, *A rank-invariant method of linear and polynomial regression analysis*, Proc. Kon. Ned. Akad. Wet. 53,
1950; P. K. Sen, *Estimates of the regression coefficient based on Kendall's tau*, JASA 63, 1968). Whether there
is a trend at all is Mann and Kendall's test (H. B. Mann, *Nonparametric tests against trend*, Econometrica 13,
1945; M. G. Kendall, *Rank Correlation Methods*, 4th ed., 1975): it asks only how many pairs rise and how many fall.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import erfc, factorial, sqrt
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.05
"""What is rarer than this by chance counts as a trend (two-sided)."""
FEWEST = 5
"""With four figures even a perfect order has p = 0.083: fewer than five can show no trend."""


class Direction(StrEnum):
    """What durations do from run to run. UNKNOWN: there are too few."""

    FASTER = "faster"
    SLOWER = "slower"
    NONE = "no clear trend"
    UNKNOWN = "too few runs"


@dataclass(frozen=True, slots=True)
class Trend:
    """``slope``: seconds from one run to the next, None below two; ``p``: how likely by chance; ``runs``: how many."""

    direction: Direction
    slope: float | None
    p: float | None
    runs: int


def trend(values: Sequence[float]) -> Trend:
    """Give the trend of durations in the order of their runs."""
    slopes = [(later - earlier) / (j - i) for (i, earlier), (j, later) in combinations(enumerate(values), 2)]
    if len(values) < FEWEST:
        return Trend(Direction.UNKNOWN, median(slopes) if slopes else None, None, len(values))
    slope, p = median(slopes), mann_kendall(values)
    if p >= LEVEL or slope == 0:
        return Trend(Direction.NONE, slope, p, len(values))
    return Trend(Direction.FASTER if slope < 0 else Direction.SLOWER, slope, p, len(values))


def mann_kendall(values: Sequence[float]) -> float:
    """Give the two-sided p of Mann and Kendall's test.

    Exact where no two values are equal; with ties the normal approximation with Kendall's correction of the
    variance and a correction for continuity.
    """
    s = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    if len(set(values)) == len(values):
        return _exact(len(values), abs(s))
    n = len(values)
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if variance <= 0 or s == 0:
        return 1.0
    return erfc((abs(s) - 1) / sqrt(variance) / sqrt(2))


def _exact(n: int, s: int) -> float:
    """Give P(|S| >= s) when all n! orders are equally likely (Kendall 1975, chapter 5)."""
    orders = [1]  # by the number of pairs that fall
    for size in range(2, n + 1):
        longer = [0] * (len(orders) + size - 1)
        for fallen, count in enumerate(orders):
            for more in range(size):
                longer[fallen + more] += count
        orders = longer
    pairs = n * (n - 1) // 2
    extreme = sum(count for fallen, count in enumerate(orders) if abs(pairs - 2 * fallen) >= s)
    return extreme / factorial(n)
