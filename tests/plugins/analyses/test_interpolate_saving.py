"""The network that ``--save-at`` writes: where it stands, and that it is the one on the path."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool.weights.arithmetic import lerp
from lmctool_plugins.analyses.interpolate.measure import measure
from lmctool_plugins.analyses.interpolate.saving import check, position
from tests.plugins.pairs import initial, plain_loss, save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.results.result import Result

Runs = Callable[..., Run]
ALPHA = np.array([0, 0.25, 0.5, 0.75, 1])
PLAIN: dict[str, Any] = {"aligner": None, "splits": ("train", "test")}


def result_of(run: Run, save_at: str | None = None, points: int = 5) -> Result:
    return measure(
        run, points=points, alphas=None, also=(), save_at=save_at, by_split=None, scores=None
    )


def loss_of(result: Result) -> NDArray[Any]:
    return result.groups["interpolate/curve"].variables["loss"].values


def test_the_peak_is_where_the_loss_is_greatest_and_its_neighbours_are_beside_it() -> None:
    loss = np.array([1.0, 2, 5, 3, 0])
    found = [position(ALPHA, loss, at) for at in ("before", "peak", "after", "0.3")]
    assert found == [0.25, 0.5, 0.75, 0.3]


@pytest.mark.parametrize("loss", [[3.0, 2, 2.5, 1, 0], [0, 1, 0, 1, 2]])
def test_a_loss_that_is_greatest_at_an_end_has_no_peak(loss: list[float]) -> None:
    with pytest.raises(
        UnjudgedError, match=r"an end of the path.*name an alpha in place of 'peak'"
    ):
        position(ALPHA, np.array(loss), "peak")


@pytest.mark.parametrize("text", ["top", "1.5", "-0.1", "nan", ""])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LmctoolError, match="--save-at takes peak, before, after or a number"):
        check(text)


@pytest.mark.parametrize(("at", "shift"), [("before", -1), ("peak", 0), ("after", 1)])
def test_the_saved_network_is_the_one_at_the_peak_of_the_train_loss(
    run_of: Runs, at: str, shift: int
) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    result = result_of(run_of("mlp", a, b, dtype="float32", **PLAIN), save_at=at)
    train = loss_of(result)[0, 0, 0]
    alpha = ALPHA[train.argmax() + shift]
    made = result.checkpoint
    assert made is not None
    wanted = lerp(a, b, float(alpha))
    assert all(torch.equal(made.weights[name], wanted[name]) for name in wanted)
    assert result.groups["interpolate/saved"].variables["saved_alpha"].values == alpha
    told = made.metadata["lmctool.made"]
    assert told.startswith(f"interpolate, alpha {alpha:g} (")
    assert told.endswith("the greatest train loss), variant plain")


def test_a_repaired_network_is_saved_in_the_models_own_tensors(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    repair = Choice("repair", {"targets": "both"})
    run = run_of("mlp", a, b, aligner=None, correction=repair)
    result = result_of(run, save_at="0.5", points=3)
    made = result.checkpoint
    assert made is not None
    assert made.weights.keys() == b.keys()
    stored = loss_of(result)[0, -1, 0, 1]
    assert plain_loss("mlp", made.weights) == pytest.approx(stored, rel=1e-9)


def test_nothing_is_saved_unless_it_is_asked_for(run_of: Runs) -> None:
    result = result_of(run_of("mlp", trained("mlp", 0), trained("mlp", 1), **PLAIN), points=3)
    assert result.checkpoint is None
    assert "interpolate/saved" not in result.groups


def test_a_path_without_a_peak_writes_nothing(tmp_path: Path) -> None:
    a = save(tmp_path / "init.safetensors", "mlp", initial("mlp", 0).state_dict())
    b = save(tmp_path / "final.safetensors", "mlp", trained("mlp", 0))
    run = invoke(
        *("interpolate", a, b, "--points", "3", "--limit", "100", "--save-at", "peak"),
        *("-o", tmp_path / "out.h5"),
    )
    assert run.exit_code == 4
    assert "the loss is greatest at alpha 0, an end of the path" in run.stderr
    assert not list(tmp_path.glob("out.*"))
