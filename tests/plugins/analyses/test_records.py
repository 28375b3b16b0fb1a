"""The records of the built-in analyses, which name their functions by text."""

from __future__ import annotations

import inspect

import pytest

from lmctool.api import Lazy
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES

NAMES = registry.names(ANALYSES)


def imported(function: object) -> object:
    """Return a function of a record, imported where it is named by text."""
    return function.function() if isinstance(function, Lazy) else function


@pytest.mark.parametrize("name", NAMES)
def test_a_record_names_functions_that_exist(name: str) -> None:
    record = registry.load(ANALYSES, name)
    assert all(inspect.isfunction(imported(each)) for each in (record.compute, record.table))
    assert record.figure is None or inspect.isfunction(imported(record.figure))


@pytest.mark.parametrize("name", NAMES)
def test_what_an_analysis_computes_takes_its_options(name: str) -> None:
    record = registry.load(ANALYSES, name)
    compute = imported(record.compute)
    assert callable(compute)
    options = {str(option.name): None for option in record.options}
    inspect.signature(compute).bind("the run", **options)
