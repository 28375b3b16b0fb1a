"""Fixtures for the tests of the built-in plugins."""

from tests.plugins.pairs import run_of

__all__ = ["run_of"]
