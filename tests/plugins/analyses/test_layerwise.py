"""Layer-wise paths: closed forms, exact ends, loops, and whole runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.evaluate import shared_prefix
from lmctool.plugin.settings import Choice
from lmctool.results.file import read
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.layerwise.measure import follow, measure, parts_of
from lmctool_plugins.analyses.layerwise.networks import networks_of
from lmctool_plugins.analyses.layerwise.table import tabulate
from tests import reference
from tests.plugins.pairs import initial, save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.evaluate.scores import Scores
    from lmctool.results.result import Result

Runs = Callable[..., Run]
LAYERS = ["layers.0", "layers.1", "classifier"]
ALPHA = np.array([0, 0.25, 0.5, 0.75, 1])


def result_of(run: Run, **options: Any) -> Result:
    arguments: dict[str, Any] = {
        "points": 5,
        "alphas": None,
        "by": "layer",
        "rest": "b",
        "cumulative": "none",
        "definition": "chord",
    }
    return measure(run, **(arguments | options))


def values(result: Result, group: str, name: str) -> NDArray[Any]:
    return result.groups[f"layerwise/{group}"].variables[name].values


def mean_score(
    score: Callable[[reference.Array, NDArray[np.int64]], reference.Array],
    targets: NDArray[np.int64],
    outputs: reference.Array,
) -> float:
    return float(score(outputs, targets).mean())


def reference_curve(
    a: list[reference.Layer],
    b: list[reference.Layer],
    moving: int,
    rest: str,
    score: Callable[[reference.Array], float],
    inputs: reference.Array,
) -> list[float]:
    """Return a score along the path of one layer, with all numbers mixed one by one."""
    curve = []
    for alpha in ALPHA:
        network = []
        for depth, (first, second) in enumerate(zip(a, b, strict=True)):
            share = alpha if depth == moving else {"a": 0.0, "b": 1.0}[rest]
            weight, bias = ((1 - share) * x + share * y for x, y in zip(first, second, strict=True))
            network.append((weight, bias))
        curve.append(score(reference.forward(network, inputs)[0]))
    return curve


def test_every_curve_is_that_of_loops(run_of: Runs) -> None:
    a, b = trained("mlp", 0), trained("mlp", 1)
    run = run_of("mlp", a, b, aligner=None)
    result = result_of(run, rest="both")
    assert values(result, "curve", "part").tolist() == LAYERS
    assert values(result, "curve", "rest").tolist() == ["b", "a"]
    first, second = (
        reference.layers_of({k: v.double().numpy() for k, v in net.items()}, LAYERS)
        for net in (a, b)
    )
    ((inputs, targets),) = run.split("test").batches(1000, torch.float64)
    flat, wanted = inputs.flatten(1).numpy(), targets.numpy()
    for metric, of in (("loss", reference.cross_entropy), ("error", reference.errors)):
        score = partial(mean_score, of, wanted)
        for row, rest in enumerate("ba"):
            for part in range(len(LAYERS)):
                expected = reference_curve(first, second, part, rest, score, flat)
                found = values(result, "curve", metric)[0, row, 0, part]
                np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_last_cumulative_curve_is_the_full_path_exactly(run_of: Runs) -> None:
    a, b = trained("mlp-batch", 0), trained("mlp-batch", 1)
    run = run_of("mlp-batch", a, b, aligner=None, dtype="float32")
    full = run.follow(run.variants(), ALPHA).loss
    for cumulative, last in (("forward", -1), ("backward", 0)):
        result = result_of(run, cumulative=cumulative)
        np.testing.assert_array_equal(values(result, "curve", "loss")[:, 0, :, last], full)
        np.testing.assert_array_equal(values(result, "full", "loss"), full)
        assert values(result, "summary", "share_loss").sum() == pytest.approx(1)


def test_a_single_part_with_every_tensor_is_the_full_path(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    result = result_of(run, by="l")  # in the name of every tensor
    assert values(result, "curve", "part").tolist() == ["l"]
    for metric in ("loss", "error"):
        curve, full = (values(result, group, metric) for group in ("curve", "full"))
        np.testing.assert_array_equal(curve[:, 0, :, 0], full)
    assert values(result, "summary", "share_loss").item() == 1


def test_no_network_is_evaluated_twice(run_of: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    _ = run.ends
    counts = []
    evaluate = run.evaluate

    def counted(networks: Any, **options: Any) -> Any:
        listed = list(networks)
        counts.append(len(listed))
        return evaluate(listed, **options)

    monkeypatch.setattr(run, "evaluate", counted)
    result_of(run, rest="both")
    # three parts and two rests at three inner alphas and the other end, and the full path's inside
    assert counts == [3 * 2 * 4 + 3]


@pytest.mark.parametrize("cumulative", ["none", "forward"])
def test_what_networks_share_is_computed_once_and_changes_nothing(
    cumulative: str, run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = trained("mlp-batch", 0), trained("mlp-batch", 1)
    run = run_of("mlp-batch", a, b, aligner=None, dtype="float32")
    alone = result_of(run, rest="both", cumulative=cumulative)
    calls = []
    evaluate = shared_prefix.evaluate

    def counted(shared: shared_prefix.Shared, *arguments: Any, **options: Any) -> Scores:
        calls.append(len(shared.networks))
        return evaluate(shared, *arguments, **options)

    monkeypatch.setattr(shared_prefix, "evaluate", counted)
    monkeypatch.setattr(shared_prefix, "WORK", 0)
    shared = result_of(run, rest="both", cumulative=cumulative)
    assert len(calls) == 1
    for group in ("curve", "full"):
        # the order of sums in float32
        old, new = (values(result, group, "loss") for result in (alone, shared))
        np.testing.assert_allclose(new, old, rtol=1e-5)
        old, new = (values(result, group, "error") for result in (alone, shared))
        np.testing.assert_array_equal(new, old)


def test_a_network_against_itself_needs_no_evaluation_at_all(run_of: Runs) -> None:
    a = trained("mlp", 0)
    run = run_of("mlp", a, a, aligner=None)
    (variant,) = run.variants()
    found = follow(run, networks_of(variant, [[n] for n in a], ALPHA, ("b",), "none"))
    parts, full = found["loss"]
    assert (parts == run.ends.loss[0, 0]).all()
    assert (full == run.ends.loss[0, 0]).all()


def test_running_statistics_belong_to_their_layer_and_are_a_kind_of_their_own(
    run_of: Runs,
) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), aligner=None)
    result = result_of(run)
    group = result.groups["layerwise/part"]
    names, tensors = (group.variables[name].values for name in ("part", "tensor"))
    member = dict(zip(tensors, group.variables["member"].values, strict=True))
    assert names[member["norms.0.running_mean"]] == "norms.0"
    assert (
        result.groups["layerwise/curve"].attributes["batchnorm"] == "interpolated with their part"
    )
    kinds = result_of(run, by="kind")
    assert values(kinds, "curve", "part").tolist() == [
        "weights",
        "biases",
        "norm affine",
        "norm statistics",
    ]
    row = values(kinds, "curve", "loss")[0, 0, 0, 3]
    a, b = run.weights(0), run.weights(1)
    mixed = {
        name: torch.lerp(a[name], b[name], 0.5) if "running" in name else b[name] for name in b
    }
    assert row[2] == run.evaluate([mixed]).loss[0, 0]


@pytest.mark.parametrize("by", [r"layers\.\d", "layers.[0-9]"])
def test_tensors_in_no_part_rest_and_are_said(by: str, run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    result = result_of(run, by=by, cumulative="forward")
    group = result.groups["layerwise/part"].variables
    named = zip(group["tensor"].values, group["member"].values, strict=True)
    loose = sorted(name for name, part in named if part == -1)
    assert loose == ["classifier.bias", "classifier.weight"]
    last, full = values(result, "curve", "loss")[0, 0, 0, -1], values(result, "full", "loss")[0, 0]
    assert last[-1] == full[-1]
    assert last[0] != full[0]


def test_of_tied_tensors_only_the_first_name_moves() -> None:
    run = SimpleNamespace(
        weights=lambda _: {"embed.weight": torch.zeros(1), "mix.weight": torch.zeros(1)},
        resources=SimpleNamespace(
            parts=lambda _: {
                "embed": ("embed.weight",),
                "mix": ("mix.weight",),
                "head": ("head.w",),
            }
        ),
    )
    found = parts_of(cast("Run", run), "layer")
    assert found == {"embed": ["embed.weight"], "mix": ["mix.weight"]}


def test_aligned_parts_end_at_the_same_function(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1))
    result = result_of(run)
    assert values(result, "curve", "variant").tolist() == ["plain", "align"]
    curve = values(result, "curve", "loss")
    # a permuted sum is added in another order: rounding of float64
    np.testing.assert_allclose(curve[1, ..., -1], curve[0, ..., -1], rtol=1e-9)
    plain, aligned = values(result, "full", "barrier_loss")[:, 0]
    assert aligned < plain


def test_numbers_of_a_part_are_read_off_its_curve(run_of: Runs) -> None:
    result = result_of(
        run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None), rest="both"
    )
    curve = values(result, "curve", "loss")[0, :, 0]
    other = values(result, "summary", "other_loss")[0, :, 0]
    np.testing.assert_array_equal(other, [curve[0, :, 0], curve[1, :, -1]])
    delta = values(result, "summary", "delta_loss")[0, :, 0]
    rises = np.maximum(curve[..., None, :] - curve[..., None], 0)
    upper = np.triu(np.ones((5, 5)))
    np.testing.assert_allclose(delta, (rises * upper).max(axis=(-2, -1)))


def test_other_batchnorm_statistics_are_refused(run_of: Runs) -> None:
    run = run_of("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1), batchnorm="reset")
    with pytest.raises(LmctoolError, match="--batchnorm reset has no meaning here; --by kind"):
        result_of(run)


def test_a_loss_on_the_way_that_is_no_number_is_not_judged(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=None)
    (plain,) = run.variants()
    broken = replace(plain, b={n: t * float("nan") for n, t in plain.b.items()})
    with pytest.raises(UnjudgedError, match="not a number on split 'test', so its parts"):
        follow(run, networks_of(broken, [list(plain.a)], ALPHA, ("b",), "none"))


def test_the_command_from_an_initial_state_to_a_trained_one(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", "mlp", initial("mlp", 0).state_dict())
    b = save(tmp_path / "b.safetensors", "mlp", trained("mlp", 0))
    out = tmp_path / "out.h5"
    run = invoke(
        *("layerwise", a, b, "--points", "3", "--by", "block", "--limit", "100"),
        *("--json", tmp_path / "out.json", "-o", out),
    )
    assert run.exit_code == 0, run.output
    assert "Parts by block (the rest at B, test, plain, chord barriers)" in run.stdout
    assert "no share of loss: the full path's barrier is not above 0.0100" in run.stdout
    result = read(out)
    curve = result.groups["layerwise/curve"].variables["loss"]
    assert curve.dims == ("variant", "rest", "split", "part", "alpha")
    assert (tmp_path / "out.png").stat().st_size > 0
    metrics = json.loads((tmp_path / "out.json").read_text())["metrics"]
    name = "layerwise.other_error[variant=plain,rest=b,split=test,part=classifier]"
    assert metrics[name] == values(result, "summary", "other_error")[0, 0, 0, -1]
    assert tabulate(result).rows[-1][0] == "(all)"


def test_a_part_that_is_nothing_is_refused(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", "mlp", trained("mlp", 0))
    run = invoke("layerwise", a, a, "--by", "attention", "-o", tmp_path / "out.h5")
    assert run.exit_code == 2
    assert "'attention' is neither one of layer, block, group, kind" in run.stderr
    assert not (tmp_path / "out.h5").exists()


def test_parts_of_an_aligned_pair_have_a_figure_for_every_variant(
    run_of: Runs, tmp_path: Path
) -> None:
    from lmctool.report import figure
    from lmctool_plugins.analyses.layerwise.figure import draw

    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=Choice("identity"))
    result = result_of(run, rest="both", points=3)
    figure.save(result, draw, tmp_path / "out.png", force=False)
    assert (tmp_path / "out.png").stat().st_size > 0
