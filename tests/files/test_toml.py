"""TOML files that say too much."""

from __future__ import annotations

import mmap
import os
import tomllib
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from lmctool.errors import LmctoolError
from lmctool.files import untrusted
from lmctool.files.toml import read_toml
from lmctool.files.untrusted import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes('["größe"]\r\na = 1\r\n'.encode())
    assert read_toml(tmp_path / "x.toml", "it") == {"größe": {"a": 1}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(b"a = 1 # \xff", "cannot be read as TOML", id="no UTF-8"),
        pytest.param(b"a = " + b"9" * 5000, "cannot be read as TOML", id="5,000 digits"),
        pytest.param(b"[[a]]\nb = [0x" + b"f" * 5000 + b"]", "more than 64 bits", id="hexadecimal"),
        pytest.param(b"a = " + b"[" * 5000, "cannot be read as TOML", id="5,000 brackets"),
        pytest.param(b"a.b = 1\na = 2", "cannot be read as TOML", id="a key twice"),
        pytest.param(b"a." * 100 + b"b = 1", "too deep in each other", id="100 tables"),
        # which of them ends the parser first depends on the machine
        pytest.param(
            b"a." * 40_000 + b"b = 1", "(run without end|more memory|too deep)", id="40,000 tables"
        ),
        pytest.param(b"#" * (1 << 20) + b"\n", "is larger than 1 MiB", id="1 MiB"),
    ],
)
def test_what_nobody_writes_is_told(tmp_path: Path, text: bytes, told: str) -> None:
    (tmp_path / "x.toml").write_bytes(text)
    with pytest.raises(LmctoolError, match=f"^policy 'x' .*{told}"):
        read_toml(tmp_path / "x.toml", "policy 'x'")


def loop(_: str) -> NoReturn:
    while True:
        pass


def demand(_: str) -> dict[str, Any]:
    mmap.mmap(-1, 1 << 33)  # anew: what this process has free already is within its limits
    return {}


@pytest.mark.parametrize(
    ("parse", "limits", "harm"),
    [
        (
            loop,
            Limits(processor=1, wall=600, memory=1 << 40),
            "it makes its reader run without end",
        ),
        (
            demand,
            Limits(processor=600, wall=600, memory=32 << 20),
            "it makes its reader take more memory than it can need",
        ),
    ],
    ids=["time", "memory"],
)
def test_a_file_whose_parser_passes_a_limit_is_told(
    parse: Callable[[str], dict[str, Any]],
    limits: Limits,
    harm: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(untrusted, "limits_for", lambda _: limits)
    monkeypatch.setattr(tomllib, "loads", parse)
    (tmp_path / "x.toml").write_text("a = 1")
    with pytest.raises(LmctoolError, match=f"^policy 'x' is no sound TOML: {harm}$"):
        read_toml(tmp_path / "x.toml", "policy 'x'")


def test_only_a_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(LmctoolError, match=r"it cannot be read: it is a .*, no regular file"):
            read_toml(path, "it")
    with pytest.raises(LmctoolError, match="it does not exist"):
        read_toml(tmp_path / "nothing", "it")
