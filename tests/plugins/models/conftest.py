"""The fixtures of the tests of models."""

from tests.model.conftest import install, saved

__all__ = ["install", "saved"]
