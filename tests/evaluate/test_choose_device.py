"""The choice of a device, with a pretended GPU that works or does not."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.cli import run_job, session
from lmctool.errors import LmctoolError
from lmctool.evaluate import device
from lmctool.evaluate.device import choose_device, in_use
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BUSY = torch.AcceleratorError("CUDA error: all CUDA-capable devices are busy or unavailable\nmore")
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")
TOO_NEW = torch.AcceleratorError("CUDA error: no kernel image is available for execution")
OLD_DRIVER = RuntimeError("The NVIDIA driver on your system is too old (found version 11040)")
NO_ENGINE = RuntimeError("GET was unable to find an engine to execute this computation")


class GPUs:
    """Pretends that torch finds GPUs: what is computed on one raises an error, if there is one.

    Attributes:
        tried: the devices that something was computed on.
        current: the current device.
    """

    def __init__(self, patch: pytest.MonkeyPatch, count: int, error: Exception | None) -> None:
        self.tried: list[torch.device] = []
        self.current = 0
        ones = torch.ones

        def made(*sizes: int, device: torch.device, **options: Any) -> torch.Tensor:
            self.tried.append(device)
            if error is not None:
                raise error
            return ones(*sizes, **options)

        def exchange(index: int) -> int:
            before, self.current = self.current, index
            return before

        patch.setattr(torch.cuda, "is_available", lambda: count > 0)
        patch.setattr(torch.cuda, "device_count", lambda: count)
        patch.setattr(torch.cuda, "synchronize", lambda _: None)
        patch.setattr(torch.cuda, "_exchange_device", exchange)
        patch.setattr(torch.cuda, "_maybe_exchange_device", exchange)
        patch.setattr(torch.version, "cuda", "13.0")
        patch.setattr(torch, "ones", made)


@pytest.mark.parametrize(
    ("word", "number"), [("auto", 0), ("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)]
)
def test_a_gpu_is_tried_and_has_its_number(
    word: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus, notes = GPUs(monkeypatch, 2, None), list[str]()
    assert choose_device(word, notes.append) == torch.device("cuda", number)
    assert gpus.tried == [torch.device("cuda", number)]
    assert notes == []


@pytest.mark.parametrize("error", [BUSY, FULL, TOO_NEW, OLD_DRIVER, NO_ENGINE], ids=str)
def test_a_gpu_that_cannot_be_used_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    GPUs(monkeypatch, 1, error)
    reason = str(error).partition("\n")[0]
    with pytest.raises(LmctoolError) as told:
        choose_device("cuda")
    assert str(told.value) == f"device 'cuda' cannot be used: {reason}; try --device cpu"


@pytest.mark.parametrize("error", [BUSY, FULL, TOO_NEW, OLD_DRIVER, NO_ENGINE], ids=str)
def test_auto_passes_over_it_and_says_so(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    GPUs(monkeypatch, 1, error)
    assert choose_device("auto", notes.append) == torch.device("cpu")
    reason = str(error).partition("\n")[0]
    assert notes == [f"the GPU cannot be used, so the CPU is: {reason}"]


def test_a_gpu_that_torch_only_warns_of_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_available() -> bool:
        warnings.warn(
            "CUDA initialization: The NVIDIA driver on your system is too old (found version"
            " 11040). Please update your GPU driver by downloading a newer one",
            stacklevel=1,
        )
        return False

    notes: list[str] = []
    GPUs(monkeypatch, 0, None)
    monkeypatch.setattr(torch.cuda, "is_available", is_available)
    assert choose_device("auto", notes.append) == torch.device("cpu")
    reason = "The NVIDIA driver on your system is too old (found version 11040)"
    assert notes == [f"the GPU cannot be used, so the CPU is: {reason}"]
    with pytest.raises(LmctoolError) as told:
        choose_device("cuda:0")
    assert f"torch finds 0 CUDA devices ({reason}); try --device cpu" in str(told.value)


def test_where_there_is_no_gpu_auto_is_the_cpu_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes: list[str] = []
    gpus = GPUs(monkeypatch, 0, None)
    assert choose_device("auto", notes.append) == torch.device("cpu")
    assert notes == [] and gpus.tried == []


def test_nothing_is_tried_for_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = GPUs(monkeypatch, 1, BUSY)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("looked for a GPU"))
    assert choose_device("cpu") == torch.device("cpu")
    assert gpus.tried == []


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("cuda:2", "torch finds 2 CUDA devices; try --device cpu"),
        ("cuda:300", "torch finds 2 CUDA devices"),  # torch.device reads 44
        ("cuda:0,cuda:1", "names several, but here one computes; try cuda:0"),
        ("cuda:-1", "no device is called 'cuda:-1'"),
        ("cuda:", "no device is called 'cuda:'"),
        ("", "no device is called ''"),
    ],
)
def test_words_that_name_no_gpu(word: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    GPUs(monkeypatch, 2, None)
    with pytest.raises(LmctoolError) as error:
        choose_device(word)
    assert told in str(error.value)


def test_a_build_of_torch_without_gpus_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    GPUs(monkeypatch, 0, None)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", None)
    with pytest.raises(LmctoolError, match=r"torch \d.* is built without them"):
        choose_device("cuda")


def test_a_device_in_use_is_the_current_one_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = GPUs(monkeypatch, 2, None)
    with pytest.raises(ValueError, match="broken"), in_use(torch.device("cuda", 1)):
        assert gpus.current == 1
        raise ValueError("broken")
    assert gpus.current == 0
    with in_use(torch.device("cpu")):
        assert gpus.current == 0


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_command_is_refused_in_one_sentence(
    more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    GPUs(monkeypatch, 1, BUSY)
    out = ("-o", tmp_path / "out.h5")
    done = invoke("distance", *tiny_pair(tmp_path), "--device", "cuda", *more, *out)
    assert done.exit_code == 2
    assert done.stderr.endswith("busy or unavailable; try --device cpu\n")
    assert done.stderr.count("\n") == 1


def test_a_command_that_passes_over_a_gpu_notes_and_records_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = tiny_pair(tmp_path)
    GPUs(monkeypatch, 1, BUSY)
    done = invoke("distance", a, b, "-o", tmp_path / "out.h5")
    assert done.exit_code == 0, done.output
    assert "the GPU cannot be used, so the CPU is: CUDA error: all CUDA-capable" in done.stderr
    assert Provenance.of(read(tmp_path / "out.h5")).settings["device"] == "cpu"


def test_a_command_and_its_rerun_compute_with_their_device_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    @contextmanager
    def noted(used: torch.device) -> Iterator[None]:
        seen.append(f"{used} in use")
        yield
        seen.append("put back")

    def look(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        seen.append(original.__name__)
        return original(*arguments, **options)

    monkeypatch.setattr(device, "in_use", noted)
    for place, name in ((session, "compute"), (session, "complete"), (run_job, "complete")):
        monkeypatch.setattr(place, name, partial(look, getattr(place, name)))
    words, out = ("-q", "--device", "cpu", "-o"), tmp_path / "out.h5"
    assert invoke("distance", *tiny_pair(tmp_path), *words, out).exit_code == 0
    assert seen == ["cpu in use", "complete", "compute", "put back"]
    assert invoke("rerun", out, "-q").exit_code == 0
    assert seen[4:] == ["cpu in use", "complete", "compute", "put back"]


@pytest.mark.cuda
def test_a_gpu_that_is_there_is_chosen_and_in_use() -> None:
    last = torch.cuda.device_count() - 1
    before = torch.cuda.current_device()
    assert choose_device("auto") == torch.device("cuda", 0)
    with in_use(choose_device(f"cuda:{last}")):
        assert torch.cuda.current_device() == last
    assert torch.cuda.current_device() == before
