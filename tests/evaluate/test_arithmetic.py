"""The arithmetic of a run: what is in force while it computes, noticed and recorded."""

from __future__ import annotations

import copy
import os
import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from lmctool.errors import UnjudgedError
from lmctool.evaluate import arithmetic as module
from lmctool.evaluate import device
from lmctool.evaluate.arithmetic import (
    arithmetic,
    casting,
    computing,
    describe,
    exact_products,
    rounding,
)
from lmctool.evaluate.switches import FILLING, SWITCHES, WORDS, Switch, kept, set_words
from lmctool.statistics.cross import _Cross
from lmctool.testing import invoke, tiny_pair, tiny_run
from tests.evaluate.test_switches import other
from tests.evaluate.torch_switches import standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmctool.evaluate.arithmetic import Precision

CPU, GPU = torch.device("cpu"), torch.device("cuda")
PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")
backends: Any = torch.backends


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what is set for cuBLAS."""
    monkeypatch.delenv(module.WORKSPACE[0], raising=False)


@pytest.fixture(params=["as torch begins", "as a program chose"])
def chosen(request: pytest.FixtureRequest) -> Iterator[list[object]]:
    """Return the switches in two states of them, neither of which is what a run sets."""
    with kept():
        if request.param == "as a program chose":
            backends.fp32_precision = "tf32"
            backends.mkldnn.matmul.fp32_precision = "bf16"
            backends.cudnn.benchmark = True
            torch.set_float32_matmul_precision("medium")
        yield standing()


@pytest.fixture
def a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch tell the name of a GPU."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")


def test_a_run_is_described() -> None:
    assert describe("float32", CPU) == {
        "device": "cpu",
        "device.name": "CPU",
        "precision": "float32",
        "tf32": 0,
        "cudnn.deterministic": 1,
        "cudnn.benchmark": 0,
        "threads": torch.get_num_threads(),
    }


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_gpu_computes_in_tf32_where_that_is_asked_for_and_a_cpu_never_does(
    precision: Precision, a_gpu: None
) -> None:
    assert describe(precision, CPU)["tf32"] == 0
    found = describe(precision, GPU)
    assert found["tf32"] == (precision == "tf32")
    assert found["device.name"] == "a GPU" and found["deterministic_algorithms"] == 1


def test_the_record_says_what_is_read_back(a_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "set_words", lambda _: set_words("tf32"))
    read = {"DETERMINISTIC": lambda: False, "BENCHMARK": lambda: True}
    for name, reads in read.items():
        monkeypatch.setattr(module, name, Switch(name, reads, lambda _: None))
    found = describe("float32", GPU)
    assert found["precision"] == "float32" and found["tf32"] == 1
    assert found["cudnn.deterministic"] == 0 and found["cudnn.benchmark"] == 1


@pytest.mark.parametrize("device", [CPU, GPU], ids=str)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_switches_hold_inside_and_are_put_back(
    precision: Precision, device: torch.device, chosen: list[object]
) -> None:
    word = "tf32" if precision == "tf32" and device is GPU else "ieee"
    with arithmetic(precision, device):
        assert {each.read() for each in WORDS if each.decides(device)} == {word}
        assert backends.cuda.matmul.fp32_precision == word  # torch.compile reads it on a CPU too
        assert torch.get_float32_matmul_precision() == ("high" if word == "tf32" else "highest")
        assert backends.cudnn.deterministic and not backends.cudnn.benchmark
        with arithmetic("float32", device):
            assert {each.read() for each in WORDS if each.decides(device)} == {"ieee"}
        assert backends.cuda.matmul.fp32_precision == word
    assert standing() == chosen


def test_switches_are_put_back_after_an_error(chosen: list[object]) -> None:
    with pytest.raises(ValueError, match="broken"), arithmetic("tf32", GPU):
        raise ValueError("broken")
    assert standing() == chosen


@pytest.mark.parametrize("device", [CPU, GPU], ids=str)
@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.name)
def test_a_change_inside_is_noticed_where_numbers_depend_on_it(
    switch: Switch, device: torch.device, chosen: list[object]
) -> None:
    after: list[object] = []
    if switch.decides(device):
        told = f"^{switch.name} was .* code of the model or of a plugin changed it to "
        with pytest.raises(UnjudgedError, match=told), arithmetic("float32", device):
            switch.write(other(switch))
        with (
            pytest.raises(UnjudgedError, match=told),
            arithmetic("float32", device),
            arithmetic("tf32", device),
        ):
            switch.write(other(switch))
        with pytest.raises(UnjudgedError, match=told), arithmetic("float32", device):
            switch.write(other(switch))
            with computing("bfloat16", device):
                after.append("computed all the same")
    else:
        with arithmetic("float32", device):
            switch.write(other(switch))
    assert not after
    assert standing() == chosen


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_torch_follows_a_model_whatever_was_chosen(precision: Precision) -> None:
    with kept():
        backends.cudnn.conv.fp32_precision = "ieee"  # which alone keeps torch.export from it
        with arithmetic(precision, GPU):
            torch.export.export(torch.nn.Linear(3, 2), (torch.ones(2, 3),))


def test_a_change_hides_no_other_error() -> None:
    with pytest.raises(ValueError, match="broken"), arithmetic("float32", CPU):
        backends.mkldnn.matmul.fp32_precision = "bf16"
        raise ValueError("broken")


def test_a_change_by_the_old_words_is_noticed() -> None:
    told = r"matmul\.fp32_precision was 'ieee'"
    with pytest.raises(UnjudgedError, match=told), arithmetic("float32", GPU):
        torch.backends.cuda.matmul.allow_tf32 = True


def test_a_program_may_cast_and_a_run_does_not() -> None:
    x = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with computing("float32", CPU):
            assert (x @ x).dtype == torch.float32
        with computing("bfloat16", CPU), arithmetic("bfloat16", CPU):
            assert (x @ x).dtype == torch.bfloat16
        assert (x @ x).dtype == torch.bfloat16


def test_a_gpu_computes_in_a_fixed_order(monkeypatch: pytest.MonkeyPatch) -> None:
    with arithmetic("float32", GPU):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        assert FILLING.read() is False
        assert os.environ[module.WORKSPACE[0]] == ":4096:8"
        warnings.warn("x_cuda does not have a deterministic implementation, but", stacklevel=1)
        warnings.warn(
            "Memory Efficient attention defaults to a non-deterministic algorithm. To", stacklevel=1
        )
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setenv(module.WORKSPACE[0], ":16:8")
    with arithmetic("float32", GPU):
        assert os.environ[module.WORKSPACE[0]] == ":16:8"


def test_a_cpu_needs_nothing_for_it() -> None:
    with arithmetic("float32", CPU):
        assert not torch.are_deterministic_algorithms_enabled()
    assert module.WORKSPACE[0] not in os.environ


def test_bfloat16_computes_in_bfloat16() -> None:
    x = torch.ones(2, 2)
    with casting("bfloat16", CPU):
        assert (x @ x).dtype == torch.bfloat16
    with casting("float32", CPU):
        assert (x @ x).dtype == torch.float32


def test_products_are_exact_whatever_the_precision() -> None:
    with arithmetic("tf32", GPU):
        assert rounding(torch.float32, GPU) == torch.float16
        with exact_products(GPU):
            assert {word.read() for word in WORDS} == {"ieee"}
            assert rounding(torch.float32, GPU) == torch.float32
        assert rounding(torch.float32, GPU) == torch.float16
        assert rounding(torch.float64, GPU) == torch.float64
    x = torch.ones(2, 2)
    with computing("bfloat16", CPU), exact_products(CPU):
        assert (x @ x).dtype == torch.float32


class Products(TorchDispatchMode):
    """Counts matrix products by the precision that a GPU has for them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[tuple[str, str]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Note one operation, and do it."""
        if func.overloadpacket.__name__ in {"mm", "addmm", "addmm_"}:
            word = backends.cuda.matmul.fp32_precision
            self.seen[word, str(args[0].dtype)] += 1
        return func(*args, **(kwargs or {}))


def test_correlations_are_sums_of_exact_products() -> None:
    with FakeTensorMode(), arithmetic("tf32", GPU), Products() as products:
        a, b = (torch.empty(3, 50, device="cuda") for _ in range(2))
        _Cross().of_batch(a, b, 50)
    assert products.seen == {("ieee", "torch.float32"): 1}


def test_aligners_compute_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny_run(tmp_path, aligner="weight", precision="tf32", limit=64, calib_size=64)
    a, b = run.weights(0), run.weights(1)
    assert run.permutation_spec.groups
    monkeypatch.setattr(run, "device", GPU)  # of the run alone: its tensors stay
    with Products() as products:
        run.match("weight", a, b)
    assert {word for word, _ in products.seen} == {"ieee"}


def test_a_proof_is_done_in_exact_products(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny_run(tmp_path, precision="tf32", limit=64, calib_size=64)
    a, b = run.weights(0), run.weights(1)
    permutation = run.match("weight", a, b).permutation
    assert run.symmetries.first.paths
    monkeypatch.setattr(run.resources, "device", GPU)
    with Products() as products:
        run.symmetries.prove(b, permutation)
    assert {word for word, _ in products.seen} == {"ieee"}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_run_leaves_the_switches_as_they_are(
    precision: Precision, chosen: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "has_bfloat16", lambda: True)
    run = tiny_run(tmp_path, aligner="weight", precision=precision, limit=64, calib_size=64)
    assert standing() == chosen
    a, b = run.weights(0), run.weights(1)
    inside: list[object] = []

    def note(outputs: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        inside.append(backends.mkldnn.matmul.fp32_precision)
        return outputs

    run.read([a], run.splits[0], note)
    assert set(inside) == {"ieee"}
    run.evaluate([a, b])
    run.calibration.moments(a, {})
    run.align(a, b)
    assert standing() == chosen


def test_what_makes_a_model_may_set_switches_each_time(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    assert run.model is not None
    make = run.model.initial

    def initial(seed: int) -> torch.nn.Module:
        backends.mkldnn.matmul.fp32_precision = "bf16"
        return make(seed)

    run.resources.sources = replace(
        run.resources.sources, model=replace(run.model, initial=initial)
    )
    with arithmetic("float32", CPU):
        assert run.resources.initial(0).keys() == run.weights(0).keys()


def test_a_method_that_fails_leaves_the_switches_as_they_are(
    chosen: list[object], tmp_path: Path
) -> None:
    def fail(outputs: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        raise ValueError("broken")

    run = tiny_run(tmp_path, precision="tf32")
    with pytest.raises(ValueError, match="broken"):
        run.read([run.weights(0)], run.splits[0], fail)
    assert standing() == chosen


@pytest.mark.parametrize("more", [(), ("--split", "nonsense")], ids=["done", "an error"])
def test_a_command_leaves_the_switches_as_they_are(
    more: tuple[str, ...], chosen: list[object], tmp_path: Path
) -> None:
    words = ("--allow-chance", "--limit", "64", "--points", "3", "--precision", "tf32", *more)
    done = invoke("barrier", *tiny_pair(tmp_path), *words, "-o", tmp_path / "out.h5")
    assert done.exit_code == (2 if more else 0), done.output
    assert standing() == chosen


def error(layer: torch.nn.Module, x: torch.Tensor) -> float:
    """Return how far a layer's outputs are from those in float64, of the greatest."""
    with torch.no_grad():
        outputs, exact = layer(x), copy.deepcopy(layer).double()(x.double())
    return float((outputs - exact).abs().max() / exact.abs().max())


@pytest.mark.cuda
def test_a_gpu_rounds_as_asked_for() -> None:
    drawn = torch.Generator(GPU).manual_seed(0)
    dense = torch.nn.Linear(512, 64).to(GPU), torch.randn(256, 512, generator=drawn, device=GPU)
    images = torch.randn(16, 64, 12, 12, generator=drawn, device=GPU)
    has_tf32 = torch.cuda.get_device_capability() >= (8, 0)
    for layer, x in (dense, (torch.nn.Conv2d(64, 64, 3).to(GPU), images)):
        with arithmetic("float32", GPU):
            assert error(layer, x) < 5e-5
        with arithmetic("tf32", GPU):
            assert (error(layer, x) > 1e-4) is has_tf32
            with exact_products(GPU):
                assert error(layer, x) < 5e-5


@pytest.mark.cuda
def test_gradients_on_a_gpu_repeat_to_the_bit() -> None:
    drawn = torch.Generator(GPU).manual_seed(0)
    rows = torch.randn(2000, 64, generator=drawn, device=GPU, requires_grad=True)
    picked = torch.randint(2000, (50_000,), generator=drawn, device=GPU)
    images = torch.randn(32, 16, 28, 28, generator=drawn, device=GPU, requires_grad=True)

    def gradients() -> list[torch.Tensor]:
        pooled = torch.nn.functional.max_pool2d(images, 3, 2)
        loss = rows.index_select(0, picked).sin().sum() + pooled.cos().sum()
        return list(torch.autograd.grad(loss, [rows, images]))

    with arithmetic("float32", GPU):
        first = gradients()
        for _ in range(5):
            assert all(map(torch.equal, gradients(), first))
