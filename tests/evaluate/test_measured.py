"""What was measured of networks, on its way to the host."""

from __future__ import annotations

import numpy as np
import torch

from lmctool.evaluate.measured import arrays, on_host, scores
from lmctool.results.score_metric import STANDARD
from tests.emulated_gpu.waits import pretended_gpu
from tests.evaluate.pairs import examples

PAIR = torch.tensor([0.5, 0.25], dtype=torch.float64)
EACH = torch.arange(22, dtype=torch.float64).view(2, 11)


def test_all_tensors_of_a_device_come_in_one_copy_and_those_of_the_host_in_none() -> None:
    with pretended_gpu() as gpu:
        there = [PAIR.to("cuda"), EACH.to("cuda"), PAIR.sum().to("cuda")]
        gpu.waits.clear()
        found = on_host([there[0], PAIR, there[1], there[2]])
        assert len(gpu.waits) == 1
        assert on_host([PAIR, EACH])[1].base is not None  # the tensors' own memory
        assert len(gpu.waits) == 1
    for array, expected in zip(found, [PAIR, PAIR, EACH, PAIR.sum()], strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.shape == expected.shape


def test_networks_that_the_journal_knew_stand_beside_new_ones() -> None:
    split, names = examples((6,)), ("mean.0", "each.0")
    with pretended_gpu() as gpu:
        new = {name: value.to("cuda") for name, value in zip(names, (PAIR, EACH), strict=True)}
        gpu.waits.clear()
        kept = {name: torch.from_numpy(array) for name, array in arrays(new).items()}
        assert len(gpu.waits) == 1
        found = scores([new, kept], [split], [EACH[0].to("cuda")], True, STANDARD, ())
        whole = scores([kept], [split], [None], False, STANDARD, ())
    assert found.loss.tolist() == [[0.5, 0.5]]
    assert found.error.tolist() == [[0.25, 0.25]]
    for row in (0, 1):
        np.testing.assert_array_equal(found.losses["test"][row], EACH[0])
        np.testing.assert_array_equal(found.errors["test"][row], EACH[1])
    np.testing.assert_array_equal(found.weights["test"], EACH[0])
    assert (whole.losses, whole.weights) == ({}, {})


def test_no_network_is_no_score_of_every_example() -> None:
    found = scores([], [examples((6,))], [None], True, STANDARD, ())
    assert found.loss.shape == (1, 0)
    assert found.losses["test"].shape == (0, 11)
