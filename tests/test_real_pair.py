"""The main job on real images: two perceptrons trained on Fashion-MNIST from two seeds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Fashion-MNIST is not installed: make data")
def test_alignment_and_repair_each_lower_the_barrier_on_fashion_mnist(tmp_path: Path) -> None:
    for seed in (0, 1):
        words = ["--model", "mlp", "--model-arg", "depth=6", "--data", "fashion-mnist"]
        words += ["--epochs", "2", "--optimizer", "adam", "--lr", "0.001", "--weight-decay", "0"]
        words += ["--device", "cpu", "--seed", str(seed), "-o", f"{seed}.safetensors"]
        train = [sys.executable, str(ROOT / "examples/train.py"), *words]
        subprocess.run(train, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-m", "lmctool", "barrier", "0.safetensors", "1.safetensors", "--align",
         "--repair", "--points", "5", "--json", "-"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    metrics = json.loads(done.stdout)["metrics"]
    assert metrics["end.error[split=test,end=a]"] < 0.2
    plain, align, both = (
        metrics[f"barrier.error[variant={variant},split=test]"]
        for variant in ("plain", "align", "align+repair")
    )
    assert plain > 2 * align > 2 * both
