"""A file that is no result, or no longer one, is told in one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool.files import untrusted
from lmctool.files.untrusted import Limits, limits_for
from lmctool.results.file import read, write
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match="does not exist"):
        read(tmp_path / "none.h5")


def test_a_file_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "page.h5"
    path.write_text("<html>")
    with pytest.raises(LmctoolError, match="no HDF5 file"):
        read(path)
    path.write_bytes(b"")
    with pytest.raises(LmctoolError, match="no HDF5 file"):
        read(path)


def test_a_strange_hdf5_file_is_told(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(LmctoolError, match="no result of lmctool"):
        read(tmp_path / "x.h5")


def test_a_newer_schema_is_told(barrier_file: Path) -> None:
    with h5py.File(barrier_file, "r+") as file:
        file.attrs["lmctool_schema"] = 2
    with pytest.raises(LmctoolError, match="has schema 2, but this lmctool reads up to 1"):
        read(barrier_file)


@pytest.mark.parametrize("kept", [0.001, 0.02, 0.3, 0.5, 0.8, 0.99, 0.9999])
def test_a_truncated_file_is_told(barrier_file: Path, kept: float) -> None:
    whole = barrier_file.read_bytes()
    barrier_file.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(LmctoolError, match="damaged or cut short"):
        read(barrier_file)


def test_a_flipped_byte_in_a_large_array_is_told(barrier_file: Path) -> None:
    with h5py.File(barrier_file) as file:
        chunk = file["permutations/permutation_001"].id.get_chunk_info(0)
    content = bytearray(barrier_file.read_bytes())
    content[chunk.byte_offset + chunk.size // 2] ^= 1
    barrier_file.write_bytes(content)
    with pytest.raises(LmctoolError, match="damaged or cut short"):
        read(barrier_file)


def test_a_missing_group_is_told(barrier_file: Path) -> None:
    with h5py.File(barrier_file, "r+") as file:
        del file["proof"]
    with pytest.raises(LmctoolError, match="proof"):
        read(barrier_file)


def test_links_and_arrays_that_lead_to_other_files_are_refused(barrier_file: Path) -> None:
    secret = barrier_file.with_name("secret.h5")
    with h5py.File(secret, "w") as file:
        file["x"] = np.zeros(3)
    with h5py.File(barrier_file, "r+") as file:
        file["proof/link"] = h5py.ExternalLink(str(secret), "x")
    with pytest.raises(LmctoolError, match="of its own"):
        read(barrier_file)
    with h5py.File(barrier_file, "r+") as file:
        del file["proof/link"]
        layout = h5py.VirtualLayout((3,), float)
        layout[:] = h5py.VirtualSource(str(secret), "x", (3,))
        file["proof"].create_virtual_dataset("virtual", layout)
    with pytest.raises(LmctoolError, match="another file"):
        read(barrier_file)


def test_an_array_larger_than_its_file_is_refused_before_it_takes_memory(
    barrier_file: Path,
) -> None:
    with h5py.File(barrier_file, "r+") as file:
        file["proof"].create_dataset("huge", (10**12,), chunks=(1000,), dtype="f8")
    with pytest.raises(LmctoolError, match="more values than the file holds"):
        read(barrier_file)


def test_damage_that_hangs_the_library_is_told(barrier_file: Path) -> None:
    content = bytearray(barrier_file.read_bytes())
    heap = content.index(b"GCOL")  # its first text, of a length after which the next is itself
    content[heap + 24 : heap + 32] = (2**64 - 16).to_bytes(8, "little")
    barrier_file.write_bytes(content)
    with pytest.raises(LmctoolError, match="is damaged"):
        read(barrier_file)


def test_a_list_of_one_group_many_times_is_refused(
    barrier_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(processor=600, wall=600, memory=128 << 20)
    monkeypatch.setattr(untrusted, "limits_for", lambda _: limits)
    with h5py.File(barrier_file, "r+") as file:
        file["proof/again"] = file["proof"]  # a group that holds itself
        file["proof"]["large"] = np.zeros(10**6)
        file["proof"]["large"].make_scale("large")
        del file.attrs["groups"]
        file["groups"] = json.dumps(["proof" + "/again" * depth for depth in range(300)])
        file["groups"].attrs["lmctool_role"] = "json"
    with pytest.raises(LmctoolError, match="is damaged: it makes its reader take more memory"):
        read(barrier_file)


def test_a_path_through_an_array_is_told(barrier_file: Path) -> None:
    with h5py.File(barrier_file, "r+") as file:
        file.attrs["groups"] = ["proof/difference/x"]
    with pytest.raises(LmctoolError, match="/proof/difference is no group"):
        read(barrier_file)


def test_the_limits_leave_time_for_as_many_arrays_as_a_matrix_of_networks_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.h5"
    numbers = range(900)  # as many as the permutations of a matrix of networks may be
    one = {f"move_{n:03}": Variable(np.arange(2), (f"unit_{n:03}",)) for n in numbers}
    write(Result("align", {"permutations": Group(one)}), path)
    # HDF5 reads hundreds a second, on a slow machine too
    assert limits_for(path.stat().st_size).processor >= len(numbers) / 300
    monkeypatch.setattr(untrusted, "limits_for", lambda _: Limits(600, 600, 1 << 40))
    assert len(read(path).groups["permutations"].variables) == len(numbers)
