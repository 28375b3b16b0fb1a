"""Pickles of which nothing is executed."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.data.stored import restricted_pickle
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from pathlib import Path


class Payload:
    """An object whose unpickling calls a function of its choice."""

    def __init__(self, *call: Any) -> None:
        """Take the function and its arguments."""
        self.call = call

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """Return the call."""
        return self.call[0], self.call[1:]


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_come_back_from_every_protocol(tmp_path: Path, protocol: int) -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps({b"data": array, "labels": [1, 2]}, protocol))
    batch = restricted_pickle.read_pickle(path.read_bytes(), "batch")
    assert np.array_equal(batch["data"].array(), array)
    assert batch["labels"] == [1, 2]


def test_arrays_in_column_order_come_back(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    (tmp_path / "batch").write_bytes(pickle.dumps({"data": array}, 2))
    assert np.array_equal(
        restricted_pickle.read_pickle((tmp_path / "batch").read_bytes(), "batch")["data"].array(),
        array,
    )


def test_the_names_of_numpy_1_are_known(tmp_path: Path) -> None:
    raw = pickle.dumps({"data": np.zeros(3, np.uint8)}, 0)
    assert b"numpy._core.multiarray" in raw
    (tmp_path / "batch").write_bytes(raw.replace(b"numpy._core.", b"numpy.core."))
    assert restricted_pickle.read_pickle((tmp_path / "batch").read_bytes(), "batch")[
        "data"
    ].array().tolist() == [0, 0, 0]


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_malicious_pickle_is_refused_and_executes_nothing(tmp_path: Path, protocol: int) -> None:
    victim = tmp_path / "victim"
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps({"data": Payload(os.mkdir, str(victim))}, protocol))
    with pytest.raises(LmctoolError, match=r"it names (posix|nt)\.mkdir"):
        restricted_pickle.read_pickle(path.read_bytes(), "batch")
    assert not victim.exists()


@pytest.mark.parametrize(
    "function", [eval, getattr, np.load, np.frombuffer, pickle.loads], ids=lambda f: f.__name__
)
def test_no_function_but_numpy_s_reconstruction_is_admitted(tmp_path: Path, function: Any) -> None:
    path = tmp_path / "batch"
    path.write_bytes(pickle.dumps({"data": Payload(function, "1")}))
    with pytest.raises(LmctoolError, match="which data has no need of"):
        restricted_pickle.read_pickle(path.read_bytes(), "batch")


@pytest.mark.parametrize("raw", [b"", b"not a pickle", b"\x80\x05K\x01.", b"\x80\x05]r\xff"])
def test_malformed_pickles_are_told_in_one_sentence(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "batch").write_bytes(raw)
    with pytest.raises(LmctoolError, match="batch"):
        restricted_pickle.read_pickle((tmp_path / "batch").read_bytes(), "batch")


def test_an_array_is_believed_only_if_its_bytes_fit_its_shape() -> None:
    dtype = restricted_pickle.Dtype(b"u1", 0, 1)
    with pytest.raises(ValueError, match="with 3 bytes"):
        restricted_pickle.from_buffer(b"abc", dtype, (2**40,), "C").array()
    with pytest.raises(ValueError, match="not of uint8"):
        restricted_pickle.from_buffer(b"abcdefgh", restricted_pickle.Dtype("O8"), (1,), "C").array()
    with pytest.raises(ValueError, match="without shape"):
        restricted_pickle.reconstruct().array()


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        pytest.param(
            b"\x80\x02}(K\x01t" + b"2\x86" * 60 + b"K\x01s.", "run without end", id="hash"
        ),
        pytest.param(b"\x80\x02}r\xf0\xff\xff\x7f.", "take more memory", id="memory"),
    ],
)
def test_a_pickle_that_is_a_bomb_is_refused(tmp_path: Path, raw: bytes, told: str) -> None:
    (tmp_path / "batch").write_bytes(raw)
    with pytest.raises(LmctoolError, match=f"'batch' is damaged: .* {told}"):
        restricted_pickle.read_pickle((tmp_path / "batch").read_bytes(), "batch")
