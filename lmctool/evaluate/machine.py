"""What of the machine decides the last bits of numbers: kernels, libraries, the driver."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from lmctool.results.result import Attribute

BLAS = re.compile(r"BLAS_INFO=(\w+)")
LIBRARIES = re.compile(r"^ *- (Intel\(R\) (?:oneAPI )?(?:Math Kernel Library|MKL-DNN).*)$", re.M)
VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "DNNL_MAX_CPU_ISA", "MKL_CBWR"),
    *("MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS", "NVIDIA_TF32_OVERRIDE"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE"),
    *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TORCH_BLAS_PREFER_CUBLASLT"),
    "TORCH_CUDNN_V8_API_DISABLED",
)
"""Environment variables that choose other kernels."""
DRIVER = Path("/proc/driver/nvidia/version")


def machine(device: torch.device) -> dict[str, Attribute]:
    """Return what decides how a device rounds, under the keys of a provenance.

    ``platform.cpu``: the widest instructions that torch's kernels use; ``platform.blas``: its
    libraries of matrix products; ``platform.VARIABLE``: what is set of ``VARIABLES``; on a GPU
    ``platform.cuda``, ``platform.cudnn`` and ``platform.driver``.
    """
    build = torch.__config__.show()
    blas = BLAS.search(build)
    found: dict[str, Attribute] = {
        "platform.cpu": str(torch.backends.cpu.get_cpu_capability()),
        "platform.blas": "; ".join([blas[1] if blas else "unknown", *LIBRARIES.findall(build)]),
        **{f"platform.{name}": os.environ[name] for name in VARIABLES if name in os.environ},
    }
    if device.type == "cuda":
        cudnn: Any = torch.backends.cudnn  # parts of it have no annotations
        found |= {
            "platform.cuda": str(torch.version.cuda),
            "platform.cudnn": str(cudnn.version()),
            "platform.driver": _driver(),
        }
    return found


def _driver() -> str:
    """Return the version of the GPU's driver."""
    try:
        line = DRIVER.read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        return "unknown"
    return line.partition(":")[2].strip()
