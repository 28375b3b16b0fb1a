"""Distances: closed forms, invariances, sums over parts, and whole runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from safetensors.torch import save_file

from lmctool.errors import ExitCode
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.results.file import read
from lmctool.run.run import Run
from lmctool.symmetry import Permutation
from lmctool.testing import invoke
from lmctool_plugins.analyses.distance import kernel, measure, view
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.results.result import Result

    Array = NDArray[np.float64]
    Runs = Callable[..., Run]

VECTORS = arrays(np.float64, (3, 5), elements=st.floats(-4, 4).map(lambda x: round(x, 3)))


def squares(a: Array, b: Array, origin: Array) -> Array:
    vectors = np.array([a, b, a - b, origin, a - origin, b - origin])
    return np.asarray((vectors**2).sum(axis=1))


def run_on(folder: Path, *tensors: Mapping[str, Tensor], **settings: Any) -> Run:
    """Prepare a run without model or data; tensors after the second are named by options."""
    paths = tuple(folder / f"{number}.safetensors" for number in range(len(tensors)))
    for path, held in zip(paths, tensors, strict=True):
        save_file(dict(held), path)
    analysis = registry.load(ANALYSES, "distance")
    return Run("distance", analysis, Settings(paths[:2], others=paths[2:], **settings))


def values(result: Result, level: str) -> dict[str, Any]:
    return {name: v.values for name, v in result.groups[f"distance/{level}"].variables.items()}


def tensors(seed: int, scale: float = 1.0) -> dict[str, Tensor]:
    """Return a convolution with BatchNorm, and a classifier."""
    numbers = torch.Generator().manual_seed(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (4, 1, 3, 3),
        "bn1.weight": (4,),
        "bn1.bias": (4,),
        "bn1.running_mean": (4,),
        "bn1.running_var": (4,),
        "fc.weight": (2, 4),
        "fc.bias": (2,),
    }
    drawn = {name: scale * torch.randn(shape, generator=numbers) for name, shape in shapes.items()}
    return drawn | {"bn1.num_batches_tracked": torch.tensor(100 * seed)}


def test_twice_the_network_lies_its_own_norm_away_in_the_same_direction() -> None:
    a = np.array([3.0, 4.0])
    found = kernel.measures(squares(a, 2 * a, a))
    assert found["l2"] == 5
    assert found["relative"] == found["cosine"] == found["growth"] == 1
    assert found["symmetric"] == pytest.approx(math.sqrt(1 / 2))


def test_opposite_networks_lie_two_norms_apart() -> None:
    a = np.array([3.0, 4.0])
    found = kernel.measures(squares(a, -a, a))
    assert found["cosine"] == -1
    assert found["relative"] == 2
    assert found["symmetric"] == pytest.approx(2)


def test_orthogonal_displacements_have_cosine_0() -> None:
    origin = np.array([1.0, 1.0, 1.0])
    a, b = np.array([3.0, 1.0, 1.0]), np.array([1.0, 1.0, 6.0])
    found = kernel.travels(squares(a, b, origin))
    assert found["travelled"].tolist() == [2, 5]
    assert found["travelled_cosine"] == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(found["travelled_relative"], [2 / 3**0.5, 5 / 3**0.5])


def test_what_a_norm_of_0_would_divide_is_no_number() -> None:
    nothing, a = np.zeros(2), np.array([3.0, 4.0])
    found = kernel.measures(squares(nothing, a, a))
    assert found["l2"] == 5
    assert all(np.isnan(found[name]) for name in ("relative", "symmetric", "cosine", "growth"))
    assert np.isnan(kernel.travels(squares(a, a, nothing))["travelled_relative"]).all()


@given(VECTORS)
def test_measures_are_those_of_loops(vectors: Array) -> None:
    a, b, origin = vectors
    found = kernel.measures(squares(a, b, origin)) | kernel.travels(squares(a, b, origin))

    def norm(vector: Array) -> float:
        return math.hypot(*vector.tolist())

    def cosine(first: Array, second: Array) -> float:
        scale = norm(first) * norm(second)
        return sum(x * y for x, y in zip(first, second, strict=True)) / scale if scale else math.nan

    assert found["l2"] == pytest.approx(norm(a - b), abs=1e-12)
    # the law of cosines loses what one norm is smaller than the other; 1e-3 is the smallest here
    wanted = [cosine(a, b), cosine(a - origin, b - origin)]
    got = [float(found["cosine"]), float(found["travelled_cosine"])]
    assert got == pytest.approx(wanted, abs=1e-10, nan_ok=True)
    assert found["travelled"].tolist() == pytest.approx([norm(a - origin), norm(b - origin)])


@given(VECTORS)
def test_the_symmetric_measures_are_the_same_from_b_to_a(vectors: Array) -> None:
    a, b, origin = vectors
    there, back = (kernel.measures(squares(*pair, origin)) for pair in ((a, b), (b, a)))
    for name in ("l2", "symmetric", "cosine"):
        np.testing.assert_array_equal(there[name], back[name])


def test_squares_of_tensors_add_up_to_those_of_layers_blocks_and_the_whole(tmp_path: Path) -> None:
    run = run_on(tmp_path, tensors(0), tensors(1), tensors(2))
    result = measure.measure(run, over="all", to=2)
    for name in ("l2", "norm_a", "norm_b", "norm_origin"):
        whole = values(result, "whole")[name] ** 2
        for level in ("tensor", "layer", "block", "kind"):
            np.testing.assert_allclose((values(result, level)[name] ** 2).sum(axis=1), whole)
    travelled = (values(result, "layer")["travelled"] ** 2).sum(axis=1)
    np.testing.assert_allclose(travelled, values(result, "whole")["travelled"] ** 2)


def test_a_layer_is_the_norm_of_its_parameters(tmp_path: Path) -> None:
    a, b = tensors(0), tensors(1)
    found = values(measure.measure(run_on(tmp_path, a, b), over="parameters", to=None), "layer")
    assert found["layer"].tolist() == ["bn1", "conv1", "fc"]
    both = [torch.cat([net["bn1.bias"], net["bn1.weight"]]).double() for net in (a, b)]
    assert found["l2"][0, 0] == pytest.approx(float((both[0] - both[1]).norm()), rel=1e-7)
    assert found["norm_b"][0, 0] == pytest.approx(float(both[1].norm()), rel=1e-12)


def test_running_statistics_count_as_a_kind_and_elsewhere_only_on_request(tmp_path: Path) -> None:
    a = tensors(0)
    b = a | {"bn1.running_var": a["bn1.running_var"] + 3}
    run = run_on(tmp_path, a, b)
    parameters, everything = (
        measure.measure(run, over=over, to=None) for over in ("parameters", "all")
    )
    for result in (parameters, everything):
        kinds = values(result, "kind")
        row = kinds["kind"].tolist().index("norm statistics")
        assert kinds["l2"][0, row] == pytest.approx(6)
    assert values(parameters, "whole")["l2"] == [0]
    assert values(everything, "whole")["l2"] == pytest.approx([6])
    counted = dict(
        zip(*(values(parameters, "tensor")[n] for n in ("tensor", "counted")), strict=True)
    )
    assert not counted["bn1.running_var"]
    assert counted["bn1.weight"]
    assert "bn1.num_batches_tracked" not in counted


def test_permuting_both_networks_alike_changes_nothing(run_of: Runs, tmp_path: Path) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    spec = run_of("mlp", a, b).permutation_spec
    permutation = Permutation.random(spec, torch.Generator().manual_seed(0))
    before, after = (
        measure.measure(run_on(tmp_path, *pair), over="parameters", to=None)
        for pair in ((a, b), (permutation.apply(a), permutation.apply(b)))
    )
    for level in ("whole", "layer"):
        for name in ("l2", "relative", "cosine"):
            np.testing.assert_allclose(
                values(after, level)[name], values(before, level)[name], rtol=1e-6, atol=1e-6
            )


def test_a_permuted_copy_is_far_away_until_it_is_aligned(run_of: Runs, tmp_path: Path) -> None:
    a = trained("mlp", 0)
    spec = run_of("mlp", a, a).permutation_spec
    b = Permutation.random(spec, torch.Generator().manual_seed(1)).apply(a)
    paths = save(tmp_path / "a.safetensors", "mlp", a), save(tmp_path / "b.safetensors", "mlp", b)
    analysis = registry.load(ANALYSES, "distance")
    chosen = Choice("weight", {"start": "anchored", "restarts": 1})
    run = Run("distance", analysis, Settings(paths, aligner=chosen))
    found = values(measure.measure(run, over="parameters", to=None), "whole")
    assert found["variant"].tolist() == ["plain", "align"]
    assert found["relative"][0] > 1
    assert found["relative"][1] == 0
    assert found["cosine"][1] == pytest.approx(1)


def test_the_command_needs_neither_model_nor_data(tmp_path: Path) -> None:
    run_on(tmp_path, tensors(0), tensors(1), tensors(0, 0.5))
    files = [tmp_path / f"{number}.safetensors" for number in range(3)]
    out = tmp_path / "d.h5"
    told = invoke("distance", *files[:2], "--to", files[2], "-o", out)
    assert told.exit_code == 0, told.output
    assert "whole" in told.stdout
    assert f"O is '{files[2]}'" in told.stdout
    assert (tmp_path / "d.png").exists()
    result = read(out)
    whole = values(result, "whole")
    assert whole["travelled_relative"][0, 0] == pytest.approx(1)  # O is half of A
    assert whole["l2"][0] > 0
    assert result.groups["provenance"].attributes["checkpoint.2.path"] == str(files[2])


def test_values_that_are_no_numbers_cannot_be_judged(tmp_path: Path) -> None:
    bad = tensors(1) | {"fc.bias": torch.tensor([1.0, float("inf")])}
    run_on(tmp_path, tensors(0), bad)
    files = [tmp_path / f"{number}.safetensors" for number in range(2)]
    told = invoke("distance", *files, "-o", tmp_path / "d.h5", "--quiet")
    assert told.exit_code == ExitCode.UNJUDGED
    assert told.stderr == (
        f"Error: tensor 'fc.bias' of '{files[1]}' holds 1 values that are NaN or infinite, of 2\n"
    )
    assert not (tmp_path / "d.h5").exists()


def test_other_shapes_are_told_in_one_line(tmp_path: Path) -> None:
    for number, size in enumerate((2, 3)):
        save_file({"w": torch.ones(size)}, tmp_path / f"{number}.safetensors")
    files = [tmp_path / f"{number}.safetensors" for number in range(2)]
    told = invoke("distance", *files, "-o", tmp_path / "d.h5")
    assert told.exit_code == ExitCode.USAGE
    wanted = f"tensor 'w' has shape (2,) in '{files[0]}' but (3,) in '{files[1]}'"
    assert told.stderr == f"Error: {wanted}\n"


def test_checkpoints_of_whole_numbers_alone_cannot_be_judged(tmp_path: Path) -> None:
    for number in range(2):
        save_file({"steps": torch.tensor(number)}, tmp_path / f"{number}.safetensors")
    told = invoke("distance", *sorted(tmp_path.glob("*.safetensors")), "-o", tmp_path / "d.h5")
    assert told.exit_code == ExitCode.UNJUDGED
    assert "holds no parameters to measure a distance over" in told.stderr


def test_the_figure_has_a_line_over_the_layers_and_says_what_it_is_of(tmp_path: Path) -> None:
    result = measure.measure(run_on(tmp_path, tensors(0), tensors(1)), over="parameters", to=None)
    figure = Figure()
    view.draw(result, figure)
    relative, cosine = figure.axes
    (line,) = relative.lines
    np.testing.assert_array_equal(line.get_ydata(), values(result, "layer")["relative"][0])
    assert [text.get_text() for text in relative.get_xticklabels()] == ["bn1", "conv1", "fc"]
    assert relative.get_ylabel() == "relative distance\n||A - B|| / ||A||"
    assert cosine.get_ylabel() == "cosine\n<A, B> / (||A|| ||B||)"
    assert figure.get_supxlabel() == "||x||: Euclidean norm over a layer's parameters"


def test_a_network_of_zeros_is_shown_without_what_cannot_be_said(tmp_path: Path) -> None:
    zeros = {name: torch.zeros_like(tensor) for name, tensor in tensors(0).items()}
    result = measure.measure(run_on(tmp_path, zeros, tensors(1)), over="parameters", to=None)
    whole = view.tabulate(result).rows[0]
    assert whole[3] == "0"
    assert whole[6:] == ("-", "-", "-")
    view.draw(result, Figure())


def test_of_very_many_layers_some_are_named(tmp_path: Path) -> None:
    many = {f"layers.{n}.weight": torch.ones(2, 2) for n in range(200)}
    figure = Figure()
    view.draw(measure.measure(run_on(tmp_path, many, many), "parameters", None), figure)
    labels = [text.get_text() for text in figure.axes[-1].get_xticklabels()]
    assert labels[:2] == ["layers.0", "layers.3"]
    assert figure.get_size_inches()[0] == view.WIDEST
