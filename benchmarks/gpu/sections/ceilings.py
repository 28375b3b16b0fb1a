"""What the machine can do at most: copies, matrix products, launches, and what is installed."""

from __future__ import annotations

import platform
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.gpu.section import TESTS
from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.work import mean_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.gpu.setting import Setting

PRODUCTS = (
    ("float32", torch.float32, "ieee", "50 to 60"),
    ("TF32", torch.float32, "tf32", "about 400"),
    ("bfloat16", torch.bfloat16, "ieee", "about 790"),
    ("float64", torch.float64, "ieee", "about 60"),
)
"""Name, dtype, precision of float32 and estimate in TFLOP/s, of an H200."""
OPTIONAL = ("hypothesis", "pytest", "timm", "torchvision", "transformers", "triton", "xdist")


def measure(setting: Setting) -> Iterator[Found]:
    """Give what is here, and the ceilings that all else is to be read against."""
    yield Found("device", _device(setting))
    versions = f"Python {platform.python_version()}, torch {torch.__version__}"
    yield Found("versions", f"{versions}, CUDA {torch.version.cuda}, cuDNN {_cudnn()}")
    absent = [name for name in sorted({*TESTS, *OPTIONAL}) if find_spec(name) is None]
    yield Found("not installed", ", ".join(absent) or "nothing is missing")
    yield from tried("copy", partial(_copy, setting))
    for product in PRODUCTS:
        yield from tried(f"product, {product[0]}", partial(_product, setting, *product))
    yield from tried("launch", partial(_launch, setting))


def _device(setting: Setting) -> str:
    if not setting.on_gpu:
        return "CPU"
    about: Any = torch.cuda.get_device_properties(setting.device)
    size, units = about.total_memory / 1e9, about.multi_processor_count
    cache = getattr(about, "L2_cache_size", 0) / 1e6
    return f"{about.name}, {size:.0f} GB, {units} multiprocessors, L2 {cache:.0f} MB"


def _cudnn() -> object:
    backends: Any = torch.backends
    return backends.cudnn.version() if torch.version.cuda else None


def _copy(setting: Setting) -> Iterator[Found]:
    source = torch.zeros(setting.sized(1 << 30, 1 << 22), device=setting.device)
    target = torch.empty_like(source)
    taken = mean_seconds(setting, lambda: target.copy_(source), 10)
    rate = 2 * source.nbytes / taken / 1e12
    yield Found("copy, read and written", rate, "TB/s", expected="about 4.3 on an H200")


def _product(
    setting: Setting, name: str, dtype: torch.dtype, precision: str, expected: str
) -> Iterator[Found]:
    side = setting.sized(8192, 256)
    if dtype == torch.float64:
        side //= 2
    matmul: Any = torch.backends.cuda.matmul
    a, b = (torch.randn(side, side, device=setting.device).to(dtype) for _ in range(2))
    before = matmul.fp32_precision
    matmul.fp32_precision = precision
    try:
        taken = mean_seconds(setting, lambda: a @ b, 10)
    finally:
        matmul.fp32_precision = before
    rate = 2 * side**3 / taken / 1e12
    yield Found(f"product, {name}", rate, "TFLOP/s", expected=f"{expected} on an H200")


def _launch(setting: Setting) -> Iterator[Found]:
    x = torch.zeros(16, device=setting.device)
    taken = mean_seconds(setting, lambda: x.add_(1), 2000)
    yield Found("one launch from Python", 1e6 * taken, "us", expected="4 to 6")
    waiting = mean_seconds(setting, lambda: x[0].item(), 500)
    yield Found("one .item()", 1e6 * waiting, "us", expected="10 to 20")
