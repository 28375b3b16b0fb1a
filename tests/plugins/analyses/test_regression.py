"""Every analysis of networks that answer numbers says nothing of nats, classes or right answers."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.report import by_analysis, figure
from lmctool.results.file import read
from lmctool.results.metrics import listed
from lmctool.results.stored_metrics import metrics_of
from lmctool.run import resources
from lmctool.testing import invoke
from tests import every

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph

CODE = """
    import numpy as np
    from torch import nn
    from lmctool.api import Dataset, Examples

    def net():
        return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))

    def data():
        stored = np.load("stored.npz")
        splits = {s: lambda: Examples(stored["x"], stored["y"]) for s in ("train", "test")}
        return Dataset(splits, "memory", 0)
"""
A, B = "a.safetensors", "b.safetensors"
WORDS = {
    "barrier": (A, B, "--points", "3", "--bootstrap", "3", "--per-example"),
    "curve": (A, B, "--points", "3", "--curve-steps", "3", "--curve-lr", "1e-3"),
    "graft": (A, "--from", B, "--evaluate"),
    "instability": ("fork-0", "fork-40", "--points", "3"),
    "interpolate": (A, B, "--points", "3"),
    "layerwise": (A, B, "--points", "3"),
    "matrix": (A, B, "--points", "3"),
    "merge": (A, B, "--alphas", "0.25,0.5"),
    "sharpness": (A, B, "--along", "--points", "3", "--lanczos", "12", "--probes", "4"),
    "plane": (A, "--random", "--points", "3"),
    "trajectory": ("run-a", "run-b"),
}
FOREIGN = ("nat", "accuracy", "share of examples", "wrong", "right at both", "class")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work beside data, two networks that answer it roughly, and two runs of these."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "save", lambda *_: None)
    monkeypatch.setattr(resources, "capture", recorded)
    Path("mine.py").write_text(dedent(CODE))
    inputs = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    np.savez("stored.npz", x=inputs, y=3 * inputs[:, 0] + 2)
    for name, sign in ((A, 1.0), (B, -1.0)):
        save_file(network(sign), name)
    every.place_series(Path(), A, B)
    yield
    sys.modules.pop("mine", None)


def network(sign: float) -> dict[str, Tensor]:
    """Return a network that answers 2.9 x + 2 by units of either order, so a path between errs."""
    first, last = torch.zeros(8, 6), torch.zeros(1, 8)
    first[0, 0], first[1, 0] = sign, -sign
    last[0, 0], last[0, 1] = 2.9 * sign, -2.9 * sign
    state = {"0.weight": first, "0.bias": torch.zeros(8)}
    return {**state, "2.weight": last, "2.bias": torch.full((1,), 2.0)}


def recorded(module: nn.Module, inputs: Tensor, *_: object) -> Graph:
    """Return the graph of a model by running it once: torch.export takes seconds."""
    return record_graph(fresh(module), (inputs,))


@pytest.mark.parametrize("name", WORDS)
def test_its_words_units_and_axes_are_those_of_the_task(name: str) -> None:
    mine = ("--model", "./mine.py:net", "--data", "./mine.py:data", "-o", "out.h5", "--quiet")
    done = invoke(name, *WORDS[name], *mine)
    assert done.exit_code == 0, done.output
    result = read(Path("out.h5"))
    loss, error = metrics_of(result)
    assert (loss.unit, loss.label, error.label) == (
        *("1", "loss (mean squared error)"),
        "error (1 - R²)",
    )
    assert {metric.unit for metric in listed(result)} == {"1"}
    table = by_analysis.table(result, Path("out.h5"))
    told = "\n".join([table.title, *map(" ".join, (table.columns, *table.rows)), *table.notes])
    with figure.drawing(result, by_analysis.drawer(result)) as drawn:
        told += "".join(f"\n{a.get_title()} {a.get_xlabel()} {a.get_ylabel()}" for a in drawn.axes)
    assert not [word for word in FOREIGN if re.search(rf"\b{word}", told)], told
    assert name == "matrix" or "loss (mean squared error)" in told  # it draws no loss


def test_an_error_may_be_above_one_and_no_answer_is_right() -> None:
    mine = ("--model", "./mine.py:net", "--data", "./mine.py:data", "-o", "out.h5", "--quiet")
    done = invoke("barrier", *WORDS["barrier"], *mine, "--require", "barrier.error <= 150%")
    assert done.exit_code == 0, done.output
    result = read(Path("out.h5"))
    summary = result.groups["barrier/summary"].variables
    inputs = np.load("stored.npz")["x"][:, 0].astype(np.float64)
    middle = 9 * inputs**2  # the units of A and B cancel in the middle, which answers 2
    ends = (0.1 * inputs) ** 2
    height = (middle - ends).mean() / (9 * inputs.var())
    np.testing.assert_allclose(summary["barrier_error"].values[0, 0], height, rtol=1e-4)
    assert result.groups["barrier/curve"].variables["error"].values[0, 0, 1] > 1
    assert "broken" not in result.groups["barrier/singly"].variables
    assert "broken" not in result.groups["barrier/examples"].variables
