"""One section in a process of its own.

``python -m benchmarks.gpu.one_section NAME DEVICE SECONDS``
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.gpu.checkout import RESULTS, result_folders
from benchmarks.gpu.measurement import Journal, Measurement
from benchmarks.gpu.setting import Setting


def main(name: str, word: str, seconds: str) -> None:
    """Measure, and keep each measurement as it comes."""
    device = torch.device(word)
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)
        if (count := torch.cuda.device_count()) <= device.index:
            sys.exit(f"torch finds {count} CUDA devices, not {word}; --device cpu tries the script")
        torch.cuda.set_device(device)
    deadline = time.monotonic() + float(seconds)
    journal = Journal([folder / RESULTS for folder in result_folders(os.environ)])
    section = import_module(f"benchmarks.gpu.sections.{name}")
    with TemporaryDirectory() as folder:
        for found in section.measure(Setting(device, Path(folder), deadline)):
            journal.add(Measurement(name, **asdict(found)))
            print(found, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
