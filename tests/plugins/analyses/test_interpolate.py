"""Paths and their shapes: closed forms, loops, saved networks, and whole runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from lmctool.curves.partition import Partition
from lmctool.curves.shape import ShapeRule, draw_up
from lmctool.errors import UnjudgedError
from lmctool.evaluate import Network
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.report import figure
from lmctool.results.file import read
from lmctool.results.score_metric import ERROR
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.interpolate.measure import by_part, measure
from lmctool_plugins.analyses.interpolate.view import draw, tabulate
from tests import reference
from tests.plugins.pairs import initial, save, trained

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.evaluate.functional import Outputs
    from lmctool.results.result import Result

    Weights = Mapping[str, Tensor]

Runs = Callable[..., Run]
LAYERS = ["layers.0", "layers.1", "classifier"]
ALPHA = np.array([0, 0.25, 0.5, 0.75, 1])


def result_of(run: Run, **options: Any) -> Result:
    arguments: dict[str, Any] = {
        "points": 5,
        "alphas": None,
        "also": (),
        "save_at": None,
        "by_split": None,
        "scores": None,
    }
    return measure(run, **(arguments | options))


def values(result: Result, group: str, name: str) -> NDArray[Any]:
    return result.groups[f"interpolate/{group}"].variables[name].values


def start() -> Weights:
    return dict(initial("mlp", 5).state_dict())


@pytest.fixture
def paths_to_b(tmp_path: Path) -> Callable[..., Run]:
    """Prepare a run of ``interpolate`` from A and further starts to B."""

    def prepare(b: Weights, *starts: Weights, **settings: Any) -> Run:
        a, *others = (
            save(tmp_path / f"start{number}.safetensors", "mlp", weights)
            for number, weights in enumerate(starts)
        )
        paths = a, save(tmp_path / "b.safetensors", "mlp", b)
        chosen: dict[str, Any] = {"dtype": "float64", "splits": ("train", "test")} | settings
        analysis = registry.load(ANALYSES, "interpolate")
        return Run("interpolate", analysis, Settings(paths, others=tuple(others), **chosen))

    return prepare


def test_every_point_of_the_curve_is_that_of_loops(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    run = run_of("mlp", a, b, aligner=None, splits=("train", "test"))
    result = result_of(run)
    nets = [
        reference.layers_of({k: v.double().numpy() for k, v in net.items()}, LAYERS)
        for net in (a, b)
    ]
    for row, split in enumerate(("train", "test")):
        ((inputs, targets),) = run.split(split).batches(2000, torch.float64)
        for metric, of in (("loss", reference.cross_entropy), ("error", reference.errors)):
            score = partial(mean_score, of, targets.numpy())
            flat = inputs.flatten(1).numpy()
            expected = reference.path_curve(nets[0], nets[1], ALPHA.tolist(), score, flat)
            found = values(result, "curve", metric)[0, 0, row]
            np.testing.assert_allclose(found, expected, rtol=1e-9)


def mean_score(
    score: Callable[[reference.Array, NDArray[np.int64]], reference.Array],
    targets: NDArray[np.int64],
    outputs: reference.Array,
) -> float:
    return float(score(outputs, targets).mean())


def test_the_shape_is_read_off_the_curve(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    result = result_of(run, rise=0.3)
    curve = values(result, "curve", "loss")
    assert values(result, "shape", "delta_loss") == draw_up(curve)
    assert values(result, "shape", "highest_loss") == curve.max()
    assert values(result, "shape", "alpha_loss") == ALPHA[curve.argmax()]
    assert values(result, "shape", "shape_loss").item() == "barrier"
    said = result.groups["interpolate/shape"].attributes
    assert said["rise"] == 0.3
    assert said["plateau_until"] == ShapeRule().plateau_until


def test_paths_from_several_starts_are_those_of_each_alone(paths_to_b: Runs) -> None:
    b, one, two = trained("mlp", 0), start(), trained("mlp", 1)
    together = result_of(paths_to_b(b, one, two), also=(2,))
    assert values(together, "curve", "pair").tolist() == ["start0 to b", "start1 to b"]
    for number, alone in enumerate((one, two)):
        result = result_of(paths_to_b(b, alone))
        for metric in ("loss", "error"):
            np.testing.assert_array_equal(
                values(together, "curve", metric)[number], values(result, "curve", metric)[0]
            )


def test_the_common_end_is_evaluated_once(
    paths_to_b: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = paths_to_b(trained("mlp", 0), start(), trained("mlp", 1), splits=("test",))
    evaluated = []
    forward = Network.__call__

    def counted(network: Network, weights: Weights) -> Outputs:
        evaluated.append(network)
        return forward(network, weights)

    monkeypatch.setattr(Network, "__call__", counted)
    result_of(run, also=(2,))
    # two tell the layout, three are checkpoints, and two times three are between
    assert len(evaluated) == 2 + 3 + 2 * 3


def test_aligned_and_repaired_paths_of_every_start(paths_to_b: Runs) -> None:
    run = paths_to_b(
        trained("mlp", 0),
        trained("mlp", 1),
        trained("mlp", 2),
        aligner=Choice("activation"),
        correction=Choice("repair", {"targets": "both"}),
        splits=("test",),
    )
    result = result_of(run, also=(2,), points=3)
    assert values(result, "curve", "variant").tolist() == ["plain", "align", "align+repair"]
    delta = values(result, "shape", "delta_loss")[:, :, 0]
    assert (delta[:, 2] < delta[:, 0]).all()


def test_parts_are_means_of_their_examples(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    result = result_of(run, by_split="class", points=3)
    part = result.groups["interpolate/part"].variables
    assert part["loss"].dims == ("pair", "variant", "split", "part", "alpha")
    assert part["part"].values.tolist() == list(map(str, range(10)))
    sizes = part["examples"].values[0]
    for metric in ("loss", "error"):
        whole = (part[metric].values[0, 0, 0] * sizes[:, None]).sum(axis=0) / sizes.sum()
        np.testing.assert_allclose(whole, values(result, "curve", metric)[0, 0, 0], rtol=1e-12)
    np.testing.assert_array_equal(part["delta_loss"].values, draw_up(part["loss"].values))


def test_the_means_of_parts_have_their_places() -> None:
    divided = {"test": Partition("class", ("0", "1"), np.array([0, 1, 1]))}
    losses = np.arange(12.0).reshape(2, 2, 3)  # (variant, alpha, example)
    curves = type("Held", (), {"weights": {}})()
    found = by_part({"test": losses}, divided, curves)
    assert found.shape == (2, 1, 2, 2)  # (variant, split, part, alpha)
    for variant in range(2):
        for alpha in range(2):
            first, *rest = losses[variant, alpha].tolist()
            assert found[variant, 0, :, alpha].tolist() == [first, sum(rest) / 2]


def test_a_start_without_a_finite_loss_is_not_judged(paths_to_b: Runs) -> None:
    large = {name: 1e300 * tensor.double() for name, tensor in start().items()}
    run = paths_to_b(trained("mlp", 0), start(), large)
    with pytest.raises(UnjudgedError):
        result_of(run, also=(2,), points=3)


def test_the_command_writes_curves_figure_and_checkpoint(tmp_path: Path) -> None:
    a = save(tmp_path / "init.safetensors", "mlp", initial("mlp", 0).state_dict())
    b = save(tmp_path / "final.safetensors", "mlp", trained("mlp", 0))
    c = save(tmp_path / "random.safetensors", "mlp", start())
    out = tmp_path / "out.h5"
    run = invoke(
        *("interpolate", a, b, "--also", c, "--points", "5", "--limit", "100"),
        *("--by-split", "class", "--save-at", "0", "-o", out),
    )
    assert run.exit_code == 0, run.output
    result = read(out)
    assert values(result, "curve", "pair").tolist() == ["init to final", "random to final"]
    assert values(result, "curve", "split").tolist() == ["train", "test"]
    assert "checkpoint: interpolate, alpha 0 (as given), variant plain" in run.stdout
    saved, initially = load_file(tmp_path / "out.safetensors"), load_file(a)
    assert all(torch.equal(saved[name], initially[name]) for name in initially)
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert file.metadata()["lmctool.made"] == "interpolate, alpha 0 (as given), variant plain"
    assert (tmp_path / "out.png").stat().st_size > 0
    shapes = [row[-1] for row in tabulate(result).rows if row[1] == "loss"]
    assert shapes == values(result, "shape", "shape_loss")[:, 0].T.ravel().tolist()


def test_parts_by_score_need_the_scores(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", "mlp", trained("mlp", 0))
    run = invoke("interpolate", a, a, "--by-split", "el2n", "-o", tmp_path / "out.h5")
    assert run.exit_code == 2
    assert "--by-split el2n needs --scores FILE" in run.stderr


def test_the_figure_says_the_shape_of_every_path(run_of: Runs) -> None:
    from matplotlib.figure import Figure

    result = result_of(run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None))
    drawn = Figure()
    draw(result, drawn)
    legends = [axes.get_legend() for axes in drawn.axes]
    texts = [text.get_text() for each in legends if each for text in each.get_texts()]
    delta = values(result, "shape", "delta_error").item()
    assert texts[0] == f"plain: barrier, Delta {ERROR.text(delta)}"
    assert len(texts) == 2


def test_a_figure_of_parts_has_a_row_for_every_path(paths_to_b: Runs, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    run = paths_to_b(trained("mlp", 0), start(), trained("mlp", 1), splits=("test",))
    result = result_of(run, also=(2,), by_split="class", points=3)
    drawn = Figure()
    draw(result, drawn)
    assert len(drawn.axes) == 2 * (1 + 2)
    figure.save(result, draw, tmp_path / "out.png", force=False)
    assert (tmp_path / "out.png").stat().st_size > 0
