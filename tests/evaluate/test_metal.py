"""Networks on ``mps``, for which the CPU stands here, and what is done where it cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.evaluate import metal
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lmctool.evaluate.functional import Outputs

ON = ("--device", "mps")


@pytest.fixture
def apple(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend a GPU of an Apple machine that computes as the CPU does."""
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(metal, "THERE", torch.device("cpu"))


def barrier(folder: Path, *words: str) -> Any:
    a, b = tiny_pair(folder)
    out = folder / "barrier.h5"
    return invoke(
        "barrier", a, b, "--points", "3", "--align", "--repair", "--allow-chance", "-o", out, *words
    )


def strategy(folder: Path) -> tuple[object, object]:
    """Return how networks were evaluated, and why not otherwise."""
    settings = Provenance.of(read(folder / "barrier.h5")).settings
    return settings["strategy"], settings.get("strategy.given_up")


@pytest.mark.usefixtures("apple")
def test_networks_are_there_and_the_result_says_so_and_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "mps").mkdir()
    for folder, words in (("cpu", ("--strategy", "plain")), ("mps", ON)):
        done = barrier(tmp_path / folder, *words)
        assert done.exit_code == 0, done.output
    assert strategy(tmp_path / "mps") == ("mps, contiguous", None)
    cpu, mps = (read(tmp_path / folder / "barrier.h5").groups for folder in ("cpu", "mps"))
    for name in ("loss", "error"):
        own, other = (groups["barrier/curve"].variables[name].values for groups in (cpu, mps))
        np.testing.assert_array_equal(own, other)
    again = invoke("rerun", tmp_path / "mps" / "barrier.h5")
    assert again.exit_code == 0, again.output


@pytest.mark.usefixtures("apple")
def test_wrong_outputs_are_never_relied_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(each: metal.OnMetal, weights: Any) -> Outputs:
        return lambda inputs: each.network(weights)(inputs) + 0.01

    monkeypatch.setattr(metal.OnMetal, "__call__", wrong)
    assert barrier(tmp_path, *ON).exit_code == 0
    assert strategy(tmp_path) == (
        "module, contiguous",
        "it gave other outputs than the model itself",
    )


@pytest.mark.usefixtures("apple")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--strategy", "graphs"), "--strategy graphs is none of --device mps"),
        (("--precision", "bfloat16"), "--precision bfloat16 is none of --device mps"),
    ],
)
def test_what_it_has_not_is_one_sentence(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = barrier(tmp_path, *ON, *words)
    assert done.exit_code == 2
    assert sentence in done.stderr


@pytest.mark.usefixtures("apple")
def test_a_model_that_lacks_an_operation_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: Tensor) -> Tensor:
        raise NotImplementedError("The operator 'aten::rare' is not implemented for MPS")

    functional: Any = metal.OnMetal.__call__

    def called(each: metal.OnMetal, weights: Any) -> Any:
        outputs = functional(each, weights)
        each.network = type("Lacking", (), {"functional": staticmethod(lacking)})()
        return outputs

    monkeypatch.setattr(metal.OnMetal, "__call__", called)
    done = barrier(tmp_path, *ON)
    assert done.exit_code == 2
    assert "the model cannot be computed on mps (The operator 'aten::rare'" in done.stderr
    assert "leave out --device mps" in done.stderr


def test_a_machine_without_it_says_so(tmp_path: Path) -> None:
    done = barrier(tmp_path, *ON)
    assert done.exit_code == 2
    assert "torch finds no GPU of an Apple machine" in done.stderr
    assert "try --device cpu" in done.stderr
