"""CIFAR's archives as they were downloaded."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.config import Config
from lmctool.data.resolve import open_spec
from lmctool.errors import LmctoolError
from lmctool.files import untrusted
from lmctool_plugins.datasets import cifar
from lmctool_plugins.datasets.cifar import archive, detect, open_cifar
from tests.plugins.datasets.test_cifar import TEN, pixels, write_binary, write_python
from tests.rows import whole

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = pytest.mark.parametrize(
    "form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)


def pack(folder: Path, to: Path, form: int = tarfile.GNU_FORMAT) -> Path:
    """Pack a folder as the archives are, and take it away."""
    extra = {"comment": "é" * 300} if form == tarfile.PAX_FORMAT else None
    with tarfile.open(to, "w:gz", format=form, pax_headers=extra) as file:
        file.add(folder, folder.name)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return to


@pytest.fixture
def python_archive(tmp_path: Path) -> Path:
    """Return CIFAR-10's archive of python batches."""
    folder = tmp_path / "cifar-10-batches-py"
    write_python(folder, TEN, b"labels")
    (folder / "readme.html").write_bytes(bytes(5000))
    return pack(folder, tmp_path / "cifar-10-python.tar.gz")


@FORMATS
@pytest.mark.parametrize("place", ["the archive", "its folder"])
def test_python_batches_are_read_in_their_archive(tmp_path: Path, form: int, place: str) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    write_python(folder, TEN, b"labels")
    packed = pack(folder, tmp_path / "cifar-10-python.tar.gz", form)
    dataset = open_cifar("cifar10", packed if place == "the archive" else tmp_path)
    train = dataset.splits["train"]()
    assert np.array_equal(whole(train.inputs)[3:6].reshape(3, -1), pixels(1))
    assert train.targets.tolist() == [0, 1, 2] * 5
    assert np.array_equal(whole(dataset.splits["test"]().inputs).reshape(3, -1), pixels(5))
    assert [path.name for path in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]


def test_binary_batches_are_read_in_theirs(tmp_path: Path) -> None:
    for folder, names, before in (
        ("cifar-10-batches-bin", TEN, b"\x07"),
        ("cifar-100-binary", ["train", "test"], b"\x03\x63"),
    ):
        (tmp_path / folder).mkdir()
        write_binary(tmp_path / folder, names, before)
        pack(tmp_path / folder, tmp_path / f"{folder}.tgz")
    ten = open_cifar("cifar10", tmp_path / "cifar-10-batches-bin.tgz").splits["test"]()
    assert np.array_equal(whole(ten.inputs).reshape(3, -1), pixels(5))
    hundred = open_cifar("cifar100", tmp_path / "cifar-100-binary.tgz").splits["test"]()
    assert hundred.targets.tolist() == [99, 99, 99]


def test_unpacked_batches_go_before_packed_ones(tmp_path: Path, python_archive: Path) -> None:
    write_python(tmp_path / "cifar-10-batches-py", ["test_batch"], b"labels")
    dataset = open_cifar("cifar10", tmp_path)
    assert np.array_equal(whole(dataset.splits["test"]().inputs).reshape(3, -1), pixels(0))
    assert dataset.splits["train"]().inputs.shape == (15, 3, 32, 32)


def test_a_path_tells_which_of_the_two_it_is(tmp_path: Path, python_archive: Path) -> None:
    assert detect(python_archive) == detect(tmp_path) == {"cifar10"}
    assert open_spec(str(python_archive), Config()).dataset.classes == 10
    write_python(tmp_path / "cifar-100-python", ["train", "test"], b"fine_labels")
    assert detect(tmp_path) == {"cifar10", "cifar100"}
    assert open_spec(str(tmp_path / "cifar-100-python"), Config()).dataset.classes == 100
    (tmp_path / "other.tar.gz").write_bytes(gzip.compress(bytes(2000)))
    (tmp_path / "text").write_bytes(b"no archive")
    assert detect(tmp_path / "other.tar.gz") == detect(tmp_path / "text") == set()
    with pytest.raises(LmctoolError, match="has none of train, test"):
        open_cifar("cifar100", python_archive)


def write_tar(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """Write an archive of members: name, type and content."""
    with gzip.open(path, "wb") as file:
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content)
            file.write(info.tobuf() + content + bytes(-len(content) % 512))
        file.write(bytes(1024))
    return path


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("cifar-10-batches-py/x", tarfile.REGTYPE, b"")], "holds no cifar-10-batches-py/test_b"),
        ([("cifar-10-batches-py/test_batch", tarfile.SYMTYPE, b"")], "holds no .*/test_batch"),
        ([("../cifar-10-batches-py/test_batch", tarfile.REGTYPE, b"x")], "holds no"),
        ([("cifar-10-batches-py/test_batch", tarfile.REGTYPE, b"x" * 9000)], "bytes of .*, beyond"),
        ([("cifar-10-batches-py/other", tarfile.REGTYPE, b"x" * 600_000)], "unpacks to more than"),
        ([("cifar-10-batches-py/test_batch", tarfile.REGTYPE, b"x")], "not read as a pickled"),
    ],
)
def test_an_archive_of_other_members_is_refused(
    tmp_path: Path, members: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar, "LARGEST", 8000)
    monkeypatch.setattr(untrusted, "ROOM", 100_000)
    begun = ("cifar-10-batches-py/readme", tarfile.REGTYPE, b"")
    path = write_tar(tmp_path / "x.tar.gz", begun, *members)
    with pytest.raises(LmctoolError, match=told):
        open_cifar("cifar10", path).splits["test"]()


def test_a_damaged_archive_is_told(python_archive: Path) -> None:
    packed = python_archive.read_bytes()
    content = gzip.decompress(packed)
    place = content.index(b"cifar-10-batches-py/test_batch")
    spoiled = {
        "cannot be read: .*copy it again": packed[: len(packed) // 2],
        "no tar archive throughout": gzip.compress(content[:place] + b"x" + content[place + 1 :]),
        "ends within a file": gzip.compress(content[: place + 1000]),
    }
    for told, data in spoiled.items():
        python_archive.write_bytes(data)
        with pytest.raises(LmctoolError, match=told):
            open_cifar("cifar10", python_archive).splits["test"]()


def test_sizes_in_other_digits_are_no_archive(tmp_path: Path) -> None:
    info = tarfile.TarInfo("cifar-10-batches-py/test_batch")
    info.size = 2**34  # in base 256, as GNU writes what octal digits cannot
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)))
    assert archive.first_folder(path) is None
    negative = io.BytesIO(info.tobuf(tarfile.GNU_FORMAT)).read()
    block = bytearray(negative[:512])
    block[124:136] = b"-0000000001\0"
    block[148:156] = b" " * 8
    block[148:155] = f"{sum(block):06o}\0".encode()
    path.write_bytes(gzip.compress(bytes(block)))
    assert archive.first_folder(path) is None
