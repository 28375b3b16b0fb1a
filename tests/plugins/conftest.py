"""Fixtures for the tests of the built-in plugins."""

from tests.plugins.pairs import run_of
from tests.plugins.runs import follow

__all__ = ["follow", "run_of"]
