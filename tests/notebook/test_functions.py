"""The functions of analyses: their names, signatures and docstrings."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import numpy as np
import pytest

import lmctool
from lmctool.api import Analysis, Group, Result, Variable
from lmctool.cli.analysis import AnalysisCommand
from lmctool.notebook.keywords import keywords
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import tiny_pair
from tools.stub import PLACE, stub

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.api import Run

NAMES = registry.names(ANALYSES)


def test_every_analysis_is_a_function() -> None:
    assert set(NAMES) == set(lmctool.analyses) <= set(dir(lmctool))
    assert all(getattr(lmctool, name) is lmctool.analyses[name] for name in NAMES)
    assert "barier" not in lmctool.analyses


def test_everything_that_is_offered_is_there() -> None:
    assert all(getattr(lmctool, name) is not None for name in dir(lmctool))


@pytest.mark.parametrize("name", NAMES)
def test_a_signature_has_every_keyword_with_the_commands_default(name: str) -> None:
    signature = inspect.signature(lmctool.analyses[name])
    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    for each in keywords(command).values():
        assert signature.parameters[each.name].default == (
            None if each.name == "out" else each.default
        )
    assert repr(signature.return_annotation) == "Result"


@pytest.mark.parametrize("name", NAMES)
def test_a_docstring_tells_every_keyword_in_the_words_of_python(name: str) -> None:
    function = lmctool.analyses[name]
    text = inspect.getdoc(function) or ""
    assert text.startswith(registry.summary(ANALYSES, name))
    arguments = text.partition("Args:")[2]
    for each in inspect.signature(function).parameters:
        assert f"{each}" in arguments
    flags = {f"--{word.replace('_', '-')}" for word in inspect.signature(function).parameters}
    assert not [flag for flag in flags if f"{flag} " in arguments]


def test_a_name_that_nobody_has_is_an_attribute_error_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="no attribute 'barier'; did you mean 'barrier'"):
        lmctool.barier  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute '__wrapped__'"):
        lmctool.__wrapped__  # type: ignore[attr-defined]  # noqa: B018


def test_the_stub_is_what_the_records_say() -> None:
    assert PLACE.read_text(encoding="utf-8") == stub(), "run python -m tools.stub"


def test_a_strangers_analysis_is_a_function_too(tmp_path: Path) -> None:
    def count(run: Run, more: int) -> Result:
        numbers = np.array(float(run.count + more))
        return Result("how-many", {"how-many": Group({"n": Variable(numbers, metric="count")})})

    more = click.Option(["--more"], type=int, default=1, help="Add to it.")
    record = Analysis(count, arity=(1, None), needs=frozenset(), options=(more,))
    with registry.registered(ANALYSES, "how-many", record, "lmctool.testing"):
        assert "how_many" in dir(lmctool)
        found = lmctool.analyses["how-many"](*tiny_pair(tmp_path), more=3)
        assert dict(found.metrics) == {"count": 5}
        function = lmctool.analyses["how_many"]
        assert "(*checkpoints: Network, more: int = 1, " in f"{inspect.signature(function)}"
        assert "more: Add to it." in (function.__doc__ or "")
    assert "how_many" not in dir(lmctool)


def test_listing_and_help_import_nothing_heavy() -> None:
    code = (
        "import sys, lmctool; dir(lmctool); lmctool.barrier.__doc__; lmctool.trajectory.__doc__\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'h5py', 'scipy', 'pandas', 'xarray', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
