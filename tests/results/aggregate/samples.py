"""Results of one analysis over several seeds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from lmctool.results.aggregate.side_by_side import Member
from lmctool.results.doubt import Doubt, doubt_group
from lmctool.results.result import Group, Result, Variable

VARIANTS, SPLITS, ALPHA = ["plain", "align"], ["train", "test"], [0.0, 0.5, 1.0]


def named(dim: str, names: list[Any]) -> Variable:
    """Return a coordinate."""
    return Variable(np.array(names, dtype=object), (dim,), long_name=dim)


def seed(number: int, **said: Any) -> Member:
    """Return the result of one seed: a curve, a metric of it, its permutation and its provenance.

    Args:
        number: the seed of its numbers, its name and its networks.
        said: what its provenance says beside that, ``__`` standing for a dot.
    """
    generator = np.random.default_rng(number)
    both = {"variant": named("variant", VARIANTS), "split": named("split", SPLITS)}
    loss = generator.random((2, 2, 3)).astype(np.float32)
    curve = both | {
        "alpha": Variable(np.array(ALPHA), ("alpha",), long_name="alpha"),
        "loss": Variable(loss, ("variant", "split", "alpha"), "nat", "loss"),
    }
    height = generator.random((2, 2))
    summary = both | {
        "height": Variable(height, ("variant", "split"), "nat", "height", "x.height", "lower"),
        "height_lower95": Variable(
            height, ("variant", "split"), "nat", "bound", "x.height.lower95"
        ),
        "at": Variable(height, ("variant", "split"), "1", "where it is"),
        "shape": Variable(np.full((2, 2), "flat", dtype=object), ("variant", "split")),
    }
    permutations = {"permutation_000": Variable(generator.permutation(4), ("unit_000",))}
    provenance = {
        "command": f"lmctool x {number}",
        "options": json.dumps({"points": 3, "also": [f"c{number}"]}),
        "key": f"key {number}",
        "checkpoint.0.path": f"runs/{number}/a.safetensors",
        "checkpoint.0.digest": f"a{number}",
        "checkpoint.1.path": f"c{number}",
        "checkpoint.1.digest": f"b{number}",
        "split.test.digest": "examples",
        "batchnorm": "interpolate",
        "task": "classification",
        "seed": number,
        "device": "cpu",
        "versions.torch": "2.13",
        **{name.replace("__", "."): value for name, value in said.items()},
    }
    groups = {
        "x/curve": Group(curve, {"definition": "chord", "from": f"c{number}"}),
        "x/summary": Group(summary),
        "permutations": Group(permutations),
        "provenance": Group({}, provenance),
    }
    return Member(f"seed{number}", Result("x", groups))


def with_variable(member: Member, path: str, name: str, **changed: Any) -> Member:
    """Return a result with one variable that is another."""
    group = member.result.groups[path]
    variables = dict(group.variables) | {name: replace(group.variables[name], **changed)}
    groups = {**member.result.groups, path: replace(group, variables=variables)}
    return Member(member.name, replace(member.result, groups=groups))


def without(path: str, member: Member) -> Member:
    """Return a result without one group."""
    groups = {place: group for place, group in member.result.groups.items() if place != path}
    return Member(member.name, replace(member.result, groups=groups))


def square(count: int = 4, *, asymmetric: bool = False) -> Result:
    """Return what is measured of each two networks, both ways and along the path between them."""
    generator = np.random.default_rng(1)
    names = [f"n{number}" for number in range(count)]
    one, other = np.triu_indices(count, 1)
    heights = np.zeros((count, count))
    heights[one, other] = generator.random(len(one))
    heights += heights.T
    heights[0, 1] += asymmetric
    both = {"checkpoint": named("checkpoint", names), "other": named("other", names)}
    curve = {
        "pair": named(
            "pair", [f"{names[i]} | {names[j]}" for i, j in zip(one, other, strict=True)]
        ),
        "alpha": Variable(np.linspace(0, 1, 3), ("alpha",)),
        "loss": Variable(generator.random((len(one), 3)), ("pair", "alpha"), "nat", "loss"),
    }
    groups = {
        "x/square": Group(
            both | {"height": Variable(heights, ("checkpoint", "other"), metric="x.h")}
        ),
        "x/curve": Group(curve),
        "x/all": Group({"clusters": Variable(np.array(2), metric="x.clusters")}),
        "doubts": doubt_group([Doubt("at chance", {"checkpoint": "n0"})]),
    }
    return Result("x", groups)
