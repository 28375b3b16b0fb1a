"""A result as the barrier analysis leaves it."""

from __future__ import annotations

import json

import numpy as np

from lmctool.results.result import Group, Result, Variable

ALPHA = np.linspace(0, 1, 11)
VARIANTS = np.array(["plain", "align", "align+repair"], dtype=object)
SPLITS = np.array(["train", "test"], dtype=object)
ENDS = np.array(["a", "b"], dtype=object)


def _curve() -> Group:
    heights = np.array([[2.2, 2.0], [1.1, 1.0], [0.2, 0.3]])
    bump = heights[..., None] * 4 * ALPHA * (1 - ALPHA)
    error = (bump / 4).astype(np.float32)
    error[2, 1, 5] = np.nan
    return Group(
        {
            "variant": Variable(VARIANTS, ("variant",)),
            "split": Variable(SPLITS, ("split",)),
            "alpha": Variable(ALPHA, ("alpha",), long_name="interpolation weight of B"),
            "loss": Variable(bump + 0.1, ("variant", "split", "alpha"), "nat", "loss"),
            "error": Variable(error, ("variant", "split", "alpha"), "1", "error"),
        },
        {"definition": "chord"},
    )


def _summary() -> Group:
    dims = ("variant", "split")
    values = np.arange(6.0).reshape(3, 2) / 10
    values[0, 0] = np.nan
    return Group(
        {
            "variant": Variable(VARIANTS, ("variant",)),
            "split": Variable(SPLITS, ("split",)),
            "barrier_loss": Variable(values, dims, "nat", "loss barrier", "barrier.loss"),
            "barrier_error": Variable(values / 4, dims, "1", "error barrier", "barrier.error"),
            "alpha_loss": Variable(np.full((3, 2), 0.5), dims, "1", "alpha of the barrier"),
            "alpha_error": Variable(np.full((3, 2), 0.4), dims, "1", "alpha of the barrier"),
        },
        {"definition": "chord"},
    )


def _permutations() -> Group:
    generator = np.random.default_rng(0)
    names = np.array(["layers.0/out", "layers.1.conv", "größe"], dtype=object)
    return Group(
        {
            "group": Variable(names, ("group",)),
            "correlation": Variable(np.array([0.5, 0.25, -0.0]), ("group",)),
            **{
                f"permutation_{index:03}": Variable(
                    generator.permutation(size), (f"unit_{index:03}",), long_name="unit of B"
                )
                for index, size in enumerate((16, 2048, 1))
            },
        }
    )


def _proof() -> Group:
    return Group(
        {
            "difference": Variable(
                np.array(1e-7), (), "1", "largest difference", "proof.difference"
            ),
            "preserving": Variable(np.array(True)),
            "unit_preserving": Variable(np.array([True, False]), ("half",)),
            "examples": Variable(np.array([], np.int64), ("none",)),
        },
        {"tolerance": 1e-4, "batch": 64},
    )


def _provenance() -> Group:
    return Group(
        {"examples_test": Variable(np.arange(5000), ("example_test",), long_name="index set")},
        {
            "command": "lmctool barrier a b",
            **{f"versions.library{index}": f"1.{index}" for index in range(30)},
            "seed": 0,
            "mean": [0.1307],
            "std": [0.5, 2.5],
            "checkpoints": ["a.safetensors", ""],
            "empty": [],
            "nothing": "",
            "nan": float("nan"),
            "shapes": json.dumps({f"layer.{index}": [index] * 3 for index in range(4000)}),
            "many": [f"layers.{index}.weight" for index in range(5000)],
        },
    )


def barrier_result() -> Result:
    """Groups, coordinates and types of every kind that a barrier run leaves."""
    ends = {
        "end": Variable(ENDS, ("end",)),
        "split": Variable(SPLITS, ("split",)),
        "loss": Variable(np.array([[0.1, 0.2], [0.3, np.inf]]), ("split", "end"), "nat", "loss"),
    }
    return Result(
        "barrier",
        {
            "barrier/curve": _curve(),
            "barrier/summary": _summary(),
            "barrier/ends": Group(ends),
            "permutations": _permutations(),
            "proof": _proof(),
            "provenance": _provenance(),
        },
    )
