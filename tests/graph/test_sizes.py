"""Sizes that vary with the batch: each unknown is a prime of its own."""

from __future__ import annotations

import sympy

from lmctool.graph.sizes import LEAST, _is_prime, _prime


def test_unknowns_count_as_the_primes_that_sympy_finds() -> None:
    for symbol in map("s{}".format, range(30)):
        prime = _prime(symbol)
        assert prime > LEAST and sympy.isprime(prime)


def test_composite_numbers_are_no_primes_whatever_base_they_deceive() -> None:
    strong_to_the_first_nine = 3_825_123_056_546_413_051  # Jaeschke 1993
    for number in (strong_to_the_first_nine, 65537 * 65539, 2**32, 3_215_031_751):
        assert not _is_prime(number) and not sympy.isprime(number)
