"""Averages over results: what is in them, and which results may be averaged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from lmctool.errors import LmctoolError
from lmctool.results.aggregate.aggregate import (
    aggregate,
    averages_alone,
    derived,
    over_draws,
)
from lmctool.results.aggregate.side_by_side import Member
from lmctool.results.derived import contradiction
from lmctool.results.doubt import Doubt, doubt_group, doubts_of
from lmctool.results.file import pack, unpack
from lmctool.results.metrics import listed, metrics
from lmctool.results.provenance import Provenance
from lmctool.results.result import Group, Result, Variable
from tests.results.aggregate.samples import named, seed, square, with_variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.aggregate.aggregate import Over


@pytest.fixture
def seeds() -> list[Member]:
    """Return the results of five seeds."""
    return [seed(number) for number in range(5)]


def values(result: Result, path: str, name: str) -> Any:
    """Return the numbers of a variable."""
    return result.groups[path].variables[name].values


def refused(members: Sequence[Member], *told: str, over: Over = "file") -> None:
    """Check that results are not averaged, and that the sentence says all this."""
    with pytest.raises(LmctoolError) as error:
        aggregate(members, over)
    for text in told:
        assert text in str(error.value), str(error.value)


def test_an_average_over_five_seeds_is_that_of_numpy_and_scipy(seeds: list[Member]) -> None:
    result = aggregate(seeds)
    for path, name in (("x/curve", "loss"), ("x/summary", "height")):
        each = np.stack([values(seed.result, path, name) for seed in seeds]).astype(np.float64)
        own = result.groups[path].variables[name]
        np.testing.assert_array_equal(own.values, each)
        assert own.values.dtype == np.float64 and own.dims[0] == "result"
        mean, error = each.mean(axis=0), stats.sem(each, axis=0)
        np.testing.assert_allclose(values(result, path, f"{name}_mean"), mean, rtol=1e-14)
        deviation = each.std(axis=0, ddof=1)
        np.testing.assert_allclose(values(result, path, f"{name}_std"), deviation, rtol=1e-14)
        between = [values(result, path, f"{name}_mean_{side}95") for side in ("lower", "upper")]
        np.testing.assert_allclose(between, stats.t.interval(0.95, 4, mean, error), rtol=1e-12)


def test_differences_of_variants_are_those_of_a_paired_t_test(seeds: list[Member]) -> None:
    result = aggregate(seeds)
    each = np.stack([values(seed.result, "x/summary", "height") for seed in seeds])
    plain, align = each[:, 0], each[:, 1]
    paired = stats.ttest_rel(align, plain)
    between = paired.confidence_interval()
    for key, expected in (
        ("", (align - plain).mean(axis=0)),
        ("_p", paired.pvalue),
        ("_lower95", between.low),
        ("_upper95", between.high),
    ):
        found = values(result, "x/summary", f"height_difference{key}")
        np.testing.assert_allclose(found, [expected], rtol=1e-12)
    names = [metric.full_name for metric in listed(result)]
    assert "x.height.difference.p[variants=plain to align,split=test]" in names


def test_metrics_keep_unit_meaning_and_way_and_gates_find_each_by_its_name(
    seeds: list[Member],
) -> None:
    found = {metric.name: metric for metric in listed(aggregate(seeds))}
    assert {name: metric.better for name, metric in found.items() if metric.better} == {
        "x.height.mean": "lower"
    }
    assert {found[f"x.height{end}"].unit for end in ("", ".mean", ".std", ".difference")} == {"nat"}
    assert found["x.height.difference.p"].unit == "1"
    mean = aggregate(seeds).groups["x/summary"].variables["height_mean"]
    assert (mean.long_name, mean.dims) == ("mean of the height", ("variant", "split"))


def test_bounds_over_examples_are_kept_and_have_no_mean(seeds: list[Member]) -> None:
    names = {metric.name for metric in listed(aggregate(seeds))}
    assert "x.height.lower95" in names
    assert "x.height.lower95.mean" not in names


def test_what_is_no_metric_and_no_curve_is_left_out(seeds: list[Member]) -> None:
    result = aggregate(seeds)
    assert {"at", "shape"}.isdisjoint(result.groups["x/summary"].variables)
    assert "permutations" not in result.groups
    assert result.groups["x/curve"].attributes == {"definition": "chord"}


def test_no_order_of_results_changes_a_mean(seeds: list[Member]) -> None:
    one, other = (averages_alone(aggregate(each)) for each in (seeds, seeds[::-1]))
    assert metrics(one) == metrics(other)
    assert values(one, "x/curve", "loss_mean").tobytes() == (
        values(other, "x/curve", "loss_mean").tobytes()
    )


def test_what_is_no_number_in_one_result_is_none_in_the_mean(seeds: list[Member]) -> None:
    broken = values(seeds[2].result, "x/summary", "height").copy()
    broken[0, 1] = np.nan
    seeds[2] = with_variable(seeds[2], "x/summary", "height", values=broken)
    found = metrics(aggregate(seeds))
    assert found["x.height.mean[variant=plain,split=test]"] is None
    assert found["x.height.difference[variants=plain to align,split=test]"] is None
    assert found["x.height.mean[variant=plain,split=train]"] is not None


def test_one_result_has_a_mean_and_nothing_else(seeds: list[Member]) -> None:
    found = metrics(aggregate(seeds[:1]))
    assert (
        found["x.height.mean[variant=plain,split=test]"]
        == (found["x.height[result=seed0,variant=plain,split=test]"])
    )
    assert found["x.height.std[variant=plain,split=test]"] is None
    assert found["x.height.mean.lower95[variant=plain,split=test]"] is None


def test_an_average_is_stored_and_follows_from_what_it_holds_of_each(seeds: list[Member]) -> None:
    stored = unpack(pack(aggregate(seeds)))
    assert contradiction(stored, derived(stored)) == ""
    mean = values(stored, "x/summary", "height_mean").copy()
    mean[1, 0] -= 0.1
    held = dict(stored.groups["x/summary"].variables)
    held["height_mean"] = replace(held["height_mean"], values=mean)
    changed = replace(stored, groups={**stored.groups, "x/summary": Group(held)})
    assert "x.height.mean[variant=align,split=train] is" in contradiction(changed, derived(changed))
    del held["height"]
    hidden = replace(stored, groups={**stored.groups, "x/summary": Group(held)})
    with pytest.raises(LookupError, match="without the number of each result"):
        derived(hidden)
    about = stored.groups["aggregate"]
    more = {**about.attributes, "count": 500}
    boasting = replace(stored, groups={**stored.groups, "aggregate": Group({}, more)})
    with pytest.raises(ValueError, match="has 5 places along result"):
        derived(boasting)


def test_doubts_of_any_result_are_doubts_of_the_average(seeds: list[Member]) -> None:
    def doubting(member: Member, *doubts: Doubt) -> Member:
        groups = {**member.result.groups, "doubts": doubt_group(doubts)}
        return Member(member.name, replace(member.result, groups=groups))

    everywhere, own = Doubt("odd inputs"), Doubt("at chance", {"variant": "align", "split": "test"})
    nowhere = Doubt("no such place", {"checkpoint": "a"})
    seeds = [doubting(each, everywhere) for each in seeds]
    seeds[3] = doubting(seeds[3], everywhere, own, nowhere)
    doubts = doubts_of(aggregate(seeds))
    assert doubts == (
        everywhere,
        Doubt("at chance (of seed3)", {"variant": "align", "split": "test"}),
        Doubt("at chance (of seed3)", {"split": "test", "variants": "plain to align"}),
        Doubt("no such place (of seed3)"),
    )
    covered = {m.full_name for m in listed(aggregate(seeds)) if doubts[1].covers(m)}
    assert "x.height.mean[variant=align,split=test]" in covered
    assert "x.height.mean[variant=plain,split=test]" not in covered


def test_the_provenance_is_what_all_results_agree_on(seeds: list[Member]) -> None:
    found = Provenance.of(aggregate(seeds))
    assert found.options == {"points": 3}
    assert found.settings == {"batchnorm": "interpolate", "task": "classification", "device": "cpu"}
    assert found.splits["test"].digest == "examples"
    assert (found.command, found.key, found.checkpoints, found.environment) == (None, None, {}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("split__test__digest", "others"),
        ("batchnorm", "reset"),
        ("task", "regression"),
        ("aligner", "weight"),
        ("correction", "repair"),
        ("score", ["auc"]),
        ("options", '{"points": 5, "also": ["c1"]}'),
        ("model__graph", "other"),
        ("precision", "bfloat16"),
        ("calibration__examples", 7),
        ("result__0__sha256", "scores"),
        ("unheard_of", 1),
    ],
)
def test_what_changes_the_meaning_of_a_number_must_be_the_same(name: str, value: Any) -> None:
    key = "options.points" if name == "options" else name.replace("__", ".")
    refused(
        [seed(0), seed(1, **{name: value})], f"'seed0' and 'seed1' cannot be averaged: {key} is"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("calibration__digest", "other"), ("subset_seed", 3), ("apply__sha256", "other")],
)
def test_samples_may_differ(name: str, value: Any) -> None:
    result = aggregate([seed(0), seed(1, **{name: value})])
    assert "notes" not in result.groups["aggregate"].attributes


def test_the_machine_and_versions_may_differ_and_are_told() -> None:
    result = aggregate([seed(0), seed(1, device="cuda"), seed(2, versions__torch="2.14")])
    assert result.groups["aggregate"].attributes["notes"] == [
        "the results differ in device, versions.torch"
    ]


def test_results_of_two_analyses_are_not_averaged(seeds: list[Member]) -> None:
    seeds[1] = Member("seed1", replace(seeds[1].result, analysis="y"))
    refused(seeds, "'seed0' is of analysis 'x' and 'seed1' of 'y'")


def test_an_average_is_not_averaged_again(seeds: list[Member]) -> None:
    refused(
        [Member("mean", aggregate(seeds)), Member("other", aggregate(seeds))],
        "'mean' is an average",
    )


def test_nothing_has_no_average() -> None:
    refused([], "no result")
    refused([Member("a", Result("x", {}))], "hold nothing to average")


def test_the_same_run_counts_once(seeds: list[Member]) -> None:
    refused(
        [seeds[0], seeds[1], Member("copy", seeds[0].result)], "'seed0' and 'copy' are the same"
    )
    again = seed(0, device="cuda", checkpoint__0__digest="b0", checkpoint__1__digest="a0")
    refused([seeds[0], Member("other way round", again.result)], "the same evidence twice")
    refused([seeds[0], Member("other seed", seed(0, seed=5).result)], "the same evidence twice")


def test_other_calibration_examples_of_the_same_networks_count_and_are_told() -> None:
    networks = {"checkpoint__0__digest": "a0", "checkpoint__1__digest": "b0"}
    result = aggregate([seed(0), seed(1, **networks, calibration__digest="other")])
    note = str(result.groups["aggregate"].attributes["notes"])
    assert "networks are in several results (seed0, seed1)" in note


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"unit": "1"}, "x/summary/height has other unit"),
        ({"metric": "x.depth"}, "x/summary/height has other metric"),
        ({"better": "higher"}, "x/summary/height has other better"),
        ({"dims": ("split", "variant")}, "x/summary/height has other dims"),
        (
            {"values": np.full((2, 2), "?", dtype=object)},
            "x/summary/height is in result 'seed0', but",
        ),
    ],
)
def test_arrays_of_other_things_are_not_averaged(
    seeds: list[Member], changed: dict[str, Any], told: str
) -> None:
    seeds[3] = with_variable(seeds[3], "x/summary", "height", **changed)
    refused(seeds, told, "'seed3'")


def test_arrays_over_other_places_are_not_averaged(seeds: list[Member]) -> None:
    moved = with_variable(seeds[4], "x/curve", "alpha", values=np.array([0.0, 0.4, 1.0]))
    refused([*seeds[:4], moved], "x/curve/alpha is 0.5 in result 'seed0' and 0.4 in 'seed4'")
    other = named("variant", ["plain", "repair"]).values
    turned = with_variable(seeds[4], "x/summary", "variant", values=other)
    refused([*seeds[:4], turned], "x/summary/variant is align in result 'seed0' and repair in")


def path(first: str, last: str, label: str) -> Member:
    """Return a result along a dim whose places are called by the files of its networks."""
    name = {"pair": named("pair", [label]), "height": Variable(np.ones(1), ("pair",), metric="x.h")}
    said = {"checkpoint.0.path": f"{first}.pt", "checkpoint.1.path": f"{last}.pt"}
    said |= {"checkpoint.0.digest": first, "checkpoint.1.digest": last}
    return Member(first, Result("x", {"x": Group(name), "provenance": Group({}, said)}))


def test_places_called_by_files_are_called_by_letters_where_files_differ() -> None:
    members = [path("init0", "last0", "init0 to last0"), path("init1", "last1", "init1 to last1")]
    assert list(values(aggregate(members), "x", "pair")) == ["a to b"]
    assert list(values(aggregate(members[:1]), "x", "pair")) == ["init0 to last0"]
    crossed = path("init2", "last2", "last2 to init2")
    refused([members[0], crossed], "x/pair is a to b in result 'init0' and b to a in 'init2'")


def test_over_pairs_each_pair_counts_once_and_networks_are_what_is_drawn() -> None:
    whole = square()
    result = aggregate([Member("m", whole)], "pair")
    heights = values(whole, "x/square", "height")[np.triu_indices(4, 1)]
    np.testing.assert_array_equal(values(result, "x/square", "height"), heights)
    np.testing.assert_allclose(values(result, "x/square", "height_mean"), heights.mean())
    without = [
        np.delete(np.delete(values(whole, "x/square", "height"), i, 0), i, 1) for i in range(4)
    ]
    means = np.array([each[np.triu_indices(3, 1)].mean() for each in without])
    error = np.sqrt(3 / 4 * ((means - means.mean()) ** 2).sum())
    upper = heights.mean() + stats.t.ppf(0.975, 3) * error
    np.testing.assert_allclose(values(result, "x/square", "height_mean_upper95"), upper)
    curve = values(whole, "x/curve", "loss")
    np.testing.assert_allclose(values(result, "x/curve", "loss_mean"), curve.mean(axis=0))
    assert list(values(result, "x/curve", "pair")) == list(values(whole, "x/curve", "pair"))
    assert "x/all" not in result.groups
    assert doubts_of(result) == (Doubt("at chance"),)
    stored = unpack(pack(result))
    assert contradiction(stored, derived(stored)) == ""


def test_pairs_are_those_of_one_result_that_has_pairs_the_same_both_ways() -> None:
    refused([Member("m", square()), Member("n", square())], "single result, but 2", over="pair")
    refused([seed(0)], "'seed0' is of analysis 'x', which has no pairs", over="pair")
    refused(
        [Member("m", square(asymmetric=True))],
        "x/square/height of result 'm' is not the same both",
        over="pair",
    )


def test_names_that_an_average_gives_are_not_taken_from_the_analysis(seeds: list[Member]) -> None:
    def with_mean(member: Member) -> Member:
        held = member.result.groups["x/summary"].variables
        mean = Variable(np.ones(2), ("split",), metric="x.other")
        groups = {**member.result.groups, "x/summary": Group({**held, "height_mean": mean})}
        return Member(member.name, replace(member.result, groups=groups))

    refused([with_mean(each) for each in seeds], "x/summary holds 'height_mean'")
    square = with_variable(seeds[0], "x/summary", "split", dims=("result",))
    square = with_variable(square, "x/summary", "height", dims=("variant", "result"))
    refused([square], "has a dim 'result' of its own")


def test_draws_of_one_run_may_be_equal_and_their_doubts_name_them() -> None:
    only = seed(0).result
    doubted = replace(only, groups={**only.groups, "doubts": doubt_group([Doubt("no unit moves")])})
    found = over_draws([Member("0", only), Member("1", doubted)], ["each draw is 2 of 9"])
    assert doubts_of(found) == (Doubt("no unit moves (of draw 1)"),)
    about = found.groups["aggregate"].attributes
    assert (about["over"], about["count"], about["notes"]) == ("draw", 2, ["each draw is 2 of 9"])
    assert not values(found, "x/summary", "height_std").any()
    np.testing.assert_array_equal(
        values(found, "x/summary", "height_mean"), values(only, "x/summary", "height")
    )
    assert not contradiction(found, derived(found))
    assert "provenance" not in found.groups and "permutations" not in found.groups
    refused([Member("mean", found), seed(1)], "'mean' is an average over draws already")
