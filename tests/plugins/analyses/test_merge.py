"""Merging: the mean to the bit, the frame of many networks and its proof, and whole runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.results.alignments import one
from lmctool.results.metrics import metrics
from lmctool.run.provenance import complete
from lmctool.run.run import Run
from lmctool.symmetry import Permutation
from lmctool.symmetry.common_frame import cycle_displacement
from lmctool.weights.mean import mean_tensor, weighted_mean
from lmctool_plugins.analyses.merge.measure import measure
from lmctool_plugins.analyses.merge.shares import distance, shares
from tests.plugins.pairs import plain_loss, save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result

Merges = Callable[..., Run]
WEIGHT = Choice("weight")
WIDTHS = {torch.bfloat16: torch.int16, torch.float32: torch.int32, torch.float64: torch.int64}


@pytest.fixture
def merging(tmp_path: Path) -> Merges:
    """Prepare a run of ``merge`` on weights of networks."""

    def prepare(key: str, *networks: Mapping[str, Tensor], **settings: Any) -> Run:
        paths = tuple(
            save(tmp_path / f"{number}.safetensors", key, each)
            for number, each in enumerate(networks)
        )
        analysis = registry.load(ANALYSES, "merge")
        return Run("merge", analysis, Settings(paths, **{"merge": Choice("mean"), **settings}))

    return prepare


def merge(
    run: Run, weights: str | None = None, alphas: str | None = None, frame: str = "first"
) -> Result:
    return complete(run, measure(run, weights, alphas, frame), command="merge", options={})


def written(result: Result) -> Mapping[str, Tensor]:
    assert result.checkpoint is not None
    return result.checkpoint.weights


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def random(seed: int, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    numbers = torch.Generator().manual_seed(seed)
    drawn = torch.randn(50, 7, generator=numbers, dtype=torch.float64).to(dtype)
    return {"w": drawn, "count": torch.tensor(seed)}


def test_a_uniform_soup_is_the_float64_mean() -> None:
    networks = [random(seed) for seed in range(5)]
    stacked = np.stack([each["w"].numpy() for each in networks])
    expected = stacked.astype(np.float64).mean(0).astype(np.float32)
    np.testing.assert_array_equal(weighted_mean(networks, (1.0,) * 5)["w"].numpy(), expected)


def test_a_weighted_soup_is_that_of_loops() -> None:
    networks, counts = [random(seed, torch.float64) for seed in range(3)], (0.5, 2.0, 7.0)
    found = weighted_mean(networks, counts)["w"]
    for place in [(0, 0), (3, 2), (49, 6)]:
        values = [float(each["w"][place]) for each in networks]
        total = sum(count * value for count, value in zip(counts, values, strict=True))
        assert float(found[place]) == pytest.approx(total / 9.5, rel=1e-14)


@pytest.mark.parametrize("dtype", WIDTHS, ids=str)
def test_a_network_merged_with_itself_is_itself_to_the_bit(dtype: torch.dtype) -> None:
    own = random(0, dtype)["w"]
    own[0, 0] = -0.0
    for counts in [(1.0, 1.0), (0.3, 0.7), (1.0, 2.0, 4.1)]:
        found = mean_tensor([own.clone() for _ in counts], counts)
        assert torch.equal(found.view(WIDTHS[dtype]), own.view(WIDTHS[dtype]))


@pytest.mark.parametrize(("counts", "kept"), [((1.0, 0.0), 0), ((0.0, 3.0), 1)])
def test_a_network_that_counts_alone_is_given_back(counts: tuple[float, ...], kept: int) -> None:
    networks = [random(0), random(1)]
    networks[kept]["w"][0, 0] = -0.0
    found = weighted_mean(networks, counts)
    assert same(found, networks[kept])
    assert math.copysign(1, float(found["w"][0, 0])) == -1


def test_integers_are_those_of_the_first_that_counts() -> None:
    networks = [random(seed) for seed in range(3)]
    assert int(weighted_mean(networks, (1.0, 1.0, 1.0))["count"]) == 0
    assert int(weighted_mean(networks, (0.0, 1.0, 1.0))["count"]) == 1


def test_only_the_ratio_of_weights_matters() -> None:
    networks = [random(0), random(1)]
    half = shares(None, "0.5", 2)[0]
    assert shares(None, None, 2) == [(1.0, 1.0)]
    for text in ("1,1", "3,3", "0.5,0.5"):
        assert same(
            weighted_mean(networks, shares(text, None, 2)[0]), weighted_mean(networks, half)
        )


def test_alphas_are_positions_from_the_first_to_the_second() -> None:
    assert shares(None, "0.75,0,0.25,0.25", 2) == [(1.0, 0.0), (0.75, 0.25), (0.25, 0.75)]


@pytest.mark.parametrize(
    ("weights", "alphas", "count", "told"),
    [
        ("1,1", "0.5", 2, "--weights and --alphas both say"),
        (None, "0.5", 3, "--alphas lie between two networks, not 3; give --weights"),
        (None, "1.5", 2, "--alphas must lie between 0 and 1, not '1.5'"),
        (None, "half", 2, "--alphas takes numbers like 0.25,0.5, not 'half'"),
        ("1,2", None, 3, "--weights has 2 numbers for 3 networks: '1,2'"),
        ("1,-1", None, 2, "--weights must be 0 or more, and not all 0, unlike '1,-1'"),
        ("0,0", None, 2, "--weights must be 0 or more, and not all 0, unlike '0,0'"),
        ("1e308,1e308", None, 2, "--weights takes numbers like"),
        ("nan,1", None, 2, "--weights takes numbers like 0.25,0.75, not 'nan,1'"),
        ("inf,1", None, 2, "--weights takes numbers like"),
    ],
)
def test_shares_that_are_none_are_refused(
    weights: str | None, alphas: str | None, count: int, told: str
) -> None:
    with pytest.raises(LmctoolError) as error:
        shares(weights, alphas, count)
    assert str(error.value).startswith(told)


def test_the_distance_is_the_root_of_all_squares() -> None:
    a, b = (
        {"x": torch.zeros(2), "y": torch.ones(1)},
        {"x": torch.tensor([3.0, 4]), "y": torch.ones(1)},
    )
    assert distance(a, b, ["x", "y"]) == 5


def test_the_repaired_network_is_that_of_the_repair_command(merging: Merges) -> None:
    run = merging(
        "mlp",
        trained("mlp", 0),
        trained("mlp", 1),
        aligner=Choice("activation"),
        correction=Choice("repair", {"targets": "both"}),
    )
    result = merge(run, alphas="0.4")
    assert same(written(result), run.variants(storable=True)[-1].at(0.4))
    scores = result.groups["merge/scores"].variables
    names = ["a", "b", "plain", "align", "align+repair"]
    assert scores["network"].values.tolist() == names
    assert scores["loss"].values[-1, 0] == pytest.approx(
        plain_loss("mlp", written(result)), rel=1e-5
    )


def test_the_plain_merge_of_two_is_the_midpoint_of_the_path(merging: Merges) -> None:
    run = merging("mlp-batch", trained("mlp-batch", 0), trained("mlp-batch", 1))
    found, middle = written(merge(run)), run.batchnorm.mix(run.weights(0), run.weights(1), 0.5)
    assert all(torch.allclose(found[name], middle[name], atol=1e-6) for name in middle)


def test_shuffled_copies_give_the_network_back(merging: Merges) -> None:
    original = dict(trained("mlp", 0))
    spec = merging("mlp", original, original).permutation_spec
    numbers = torch.Generator().manual_seed(0)
    copies = [Permutation.random(spec, numbers).apply(original) for _ in range(3)]
    run = merging("mlp", *copies, aligner=WEIGHT)
    for frame in ("first", "common"):
        result = merge(run, frame=frame)
        assert same(written(result), copies[0])
        found = result.groups["merge/frame"].variables
        assert found["unaligned"].values > 1
        assert not found["spread"].values.any()
        loss = result.groups["merge/scores"].variables["loss"].values[:, 0]
        assert loss[-1] == loss[0]
        assert loss[-2] > loss[0]


@pytest.fixture(scope="module")
def apart() -> list[Mapping[str, Tensor]]:
    return [trained("mlp", seed) for seed in range(4)]


def test_a_common_frame_is_closer_proved_and_closes_every_cycle(
    merging: Merges, apart: list[Mapping[str, Tensor]]
) -> None:
    run = merging("mlp", *apart, aligner=WEIGHT)
    result = merge(run, frame="common")
    found = result.groups["merge/frame"]
    spread = found.variables["spread"].values
    assert spread[-1] < spread[0] < found.variables["unaligned"].values
    assert all(after <= before for before, after in pairwise(spread))
    assert found.attributes == {"frame": "common", "settled": 1}
    assert found.variables["displaced"].values == 0
    assert metrics(result)["merge.displaced"] == 0
    assert [each.proof.holds for each in run.alignments.proved] == [True] * 4
    assert result.groups["proof"].variables["difference"].values.max() < 1e-12
    assert "weight" not in result.groups  # what the aligner says of one pair alone


def test_the_frame_that_is_stored_is_the_one_that_was_merged_in(
    merging: Merges, apart: list[Mapping[str, Tensor]]
) -> None:
    run = merging("mlp", *apart, aligner=WEIGHT)
    result = complete(run, merge(run, "3,1,1,1", frame="common"), command="", options={})
    spec = run.permutation_spec
    brought = []
    for index in range(4):
        held = one(result.groups, "permutations", index).variables
        moves = {
            str(group): torch.from_numpy(np.array(held[f"permutation_{number:03d}"].values))
            for number, group in enumerate(held["group"].values)
        }
        brought.append(Permutation(spec, moves).apply(run.weights(index)))
    assert same(weighted_mean(brought, (3, 1, 1, 1)), written(result))
    weights = result.groups["merge/networks"].variables["weight"].values
    np.testing.assert_allclose(weights, [1 / 2, 1 / 6, 1 / 6, 1 / 6])


def test_alignments_of_pairs_close_no_cycle(
    merging: Merges, apart: list[Mapping[str, Tensor]]
) -> None:
    run = merging("mlp", *apart, aligner=WEIGHT)
    nets = [run.weights(index) for index in range(3)]
    assert cycle_displacement(lambda i, j: run.match("weight", nets[j], nets[i]).permutation, 3) > 0


def test_aligned_networks_merge_better(merging: Merges, apart: list[Mapping[str, Tensor]]) -> None:
    result = merge(merging("mlp", *apart, aligner=WEIGHT))
    plain, align = result.groups["merge/scores"].variables["error"].values[-2:, 0]
    assert align < plain / 2
    far = result.groups["merge/networks"].variables["distance"].values
    assert (far[1] < far[0]).all()


@pytest.mark.parametrize("policy", ["interpolate", "reset", "a"])
def test_running_statistics_are_as_the_policy_says(merging: Merges, policy: str) -> None:
    nets = [trained("mlp-batch", seed) for seed in range(3)]
    run = merging("mlp-batch", *nets, batchnorm=policy)
    found, mean = written(merge(run)), weighted_mean([run.weights(n) for n in range(3)], (1, 1, 1))
    expected = {"interpolate": mean, "reset": run.batchnorm.reset(mean), "a": run.weights(0)}[
        policy
    ]
    for name in mean:
        wanted = expected if "running" in name else mean
        assert torch.equal(found[name], wanted[name]), name
    alone = written(merge(run, "0,1,0"))
    assert same(alone, run.weights(1))


def test_the_alpha_is_chosen_on_the_calibration_examples(merging: Merges) -> None:
    run = merging("mlp", trained("mlp", 0), trained("mlp", 1), aligner=WEIGHT, calib_size=200)
    result = merge(run, alphas="0.5,0.1,0.9")
    held = result.groups["merge/alphas"].variables
    _, b = run.weights(0), run.variants()[-1].b
    tried = [weighted_mean([run.weights(0), b], (1 - alpha, alpha)) for alpha in (0.1, 0.5, 0.9)]
    expected = run.evaluate(tried, [run.calibration.split]).loss[0]
    np.testing.assert_array_equal(held["calibration"].values[-1], expected)
    np.testing.assert_array_equal(held["loss"].values[-1, 0], run.evaluate(tried).loss[0])
    assert held["chosen"].values == [0.1, 0.5, 0.9][int(expected.argmin())]
    assert same(written(result), tried[int(expected.argmin())])
