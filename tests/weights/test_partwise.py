"""Networks with an alpha of their own for every part: exact ends, shared tensors, buffers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool.weights.arithmetic import lerp
from lmctool.weights.partwise import Partwise
from tests.plugins.pairs import trained


def test_the_ends_are_the_networks_bit_for_bit_and_share_their_memory() -> None:
    a, b = trained("resnet-batch", 0, 20), trained("resnet-batch", 1, 20)
    parts = [[name for name in a if name.startswith("layer1")]]
    parts.append([name for name in a if name not in parts[0]])
    at_a, at_b, halfway = Partwise(a, b, parts, np.array([[0, 0], [1, 1], [0.5, 1]]))
    assert all(at_a[name] is a[name] and at_b[name] is b[name] for name in a)
    assert all(halfway[name] is b[name] for name in parts[1])


def test_all_parts_at_once_are_the_full_path_to_the_last_bit() -> None:
    a, b = trained("resnet-batch", 0, 20), trained("resnet-batch", 1, 20)
    names = list(a)
    parts = [names[:3], names[3:50], names[50:]]
    networks, path = Partwise(a, b, parts, np.full((1, 3), 0.3)), lerp(a, b, 0.3)
    assert list(networks[0]) == names
    for name in names:
        assert torch.equal(networks[0][name], path[name])
        assert torch.equal(networks.tensor(0, name), path[name])


def test_integer_buffers_are_those_of_a_until_their_part_has_come_to_b() -> None:
    a = {"norm.count": torch.tensor(3), "norm.mean": torch.zeros(2)}
    b = {"norm.count": torch.tensor(7), "norm.mean": torch.ones(2)}
    networks = Partwise(a, b, [list(a)], np.array([[0], [0.5], [1]]))
    assert [network["norm.count"] for network in networks] == [3, 3, 7]


def test_a_tensor_in_no_part_is_that_of_a() -> None:
    a, b = ({"x": torch.full((2,), at), "y": torch.full((2,), at)} for at in (0.0, 1.0))
    networks = Partwise(a, b, [["x"]], np.array([[1.0]]))
    assert networks[0]["x"] is b["x"]
    assert networks[0]["y"] is networks.tensor(0, "y") is a["y"]


def test_some_of_the_networks_are_networks_of_the_same_pair() -> None:
    a, b = ({"x": torch.full((1,), at)} for at in (0.0, 1.0))
    networks = Partwise(a, b, [["x"]], np.array([[0.25], [0.5], [0.75]]))[1:]
    assert isinstance(networks, Partwise)
    assert [network["x"].item() for network in networks] == [0.5, 0.75]


def test_tensors_that_differ_are_told_with_their_part() -> None:
    a = {"x": torch.ones(2), "y": torch.ones(2), "z": torch.ones(2)}
    b = {"x": torch.ones(2), "y": torch.zeros(2), "z": torch.zeros(2)}
    assert Partwise(a, b, [["x"], ["y"]], np.zeros((1, 2))).differing == {"y": 1}


def test_a_correction_is_no_tensor_of_a_part() -> None:
    a = {"@relu.scale": torch.ones(2)}
    with pytest.raises(LmctoolError, match=r"'@relu.scale' belongs to no tensor of a model"):
        _ = Partwise(a, a, [list(a)], np.array([[0.5]]))[0]
