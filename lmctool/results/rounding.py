"""When two computed numbers are the same but for rounding.

A share of examples is a count over N, and a barrier a difference of such shares and of their mean:
each is off by a few roundings of its terms, which lie within 1, and not of what is left when they
cancel.  So 2 of 100 is 2 %, whatever the counts were that it is a difference of, while a single
example more, even of 10^12, is not.
"""

from __future__ import annotations

import sys

ULPS = 4
"""Roundings of the greatest term that a difference of shares and of their means may add up to."""
SHARE = 1.0
"""The greatest term of a share, or of a difference of shares."""


def slack(term: float) -> float:
    """Return how far apart two equal numbers may be by rounding alone.

    Args:
        term: the greatest absolute value of what they are sums and differences of.
    """
    return ULPS * sys.float_info.epsilon * abs(term)
