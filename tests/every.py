"""One small run of every installed analysis, whose outputs several tests read."""

from __future__ import annotations

import shutil
from pathlib import Path

from lmctool.testing import invoke

DIGITS = Path(__file__).parent.parent / "examples/digits"
A, B = (str(DIGITS / f"{end}.safetensors") for end in "ab")
FEW = ("--limit", "40", "--calib-size", "100")
WORDS: dict[str, tuple[str, ...]] = {
    "align": (A, B, *FEW),
    "barrier": (A, B, "--align", "--repair", "--points", "3", "--bootstrap", "20", *FEW),
    "curve": (A, B, "--curve-steps", "20", "--curve-batch", "40", "--points", "3", *FEW),
    "distance": (A, B),
    "el2n": (A, B, "--limit", "40"),
    "graft": (A, "--from", B, "--layers", "layers.0.*", "--evaluate", *FEW),
    "instability": ("fork-0", "fork-40", "--points", "3", *FEW),
    "interpolate": (A, B, "--points", "3", *FEW),
    "layerwise": (A, B, "--points", "3", *FEW),
    "matrix": (A, B, "--points", "3", *FEW),
    "merge": (A, B, "--align", *FEW),
    "plane": (A, "--random", "--points", "3", *FEW),
    "repair": (A, B, "--align", *FEW),
    "sharpness": (A, B, "--curvature-size", "40", "--lanczos", "12", "--probes", "8", *FEW),
    "similarity": (A, B, "--align", "--repair", *FEW),
    "trajectory": ("run-a", "run-b", *FEW),
    "variance": (A, B, "--align", "--repair", *FEW),
}
"""The arguments of each analysis, in the folder that ``run`` makes."""


def place_series(folder: Path, first: str | Path = A, last: str | Path = B) -> None:
    """Put two training runs, and two forks of two siblings, of two networks into a folder."""
    for place, ends in (("run-a", (first, last)), ("run-b", (last, first))):
        (folder / place).mkdir(exist_ok=True)
        for step, source in enumerate(ends):
            shutil.copyfile(source, folder / place / f"net-step{step}.safetensors")
    for place, ends in (("fork-0", (first, last)), ("fork-40", (last, first))):
        (folder / place).mkdir(exist_ok=True)
        for name, source in zip("ab", ends, strict=True):
            shutil.copyfile(source, folder / place / f"{name}.safetensors")


def run(name: str, folder: Path) -> Path:
    """Run an analysis in a folder; return its result, with JSON and the progress beside it.

    Args:
        name: the analysis.
        folder: an existing folder; it gets ``NAME.h5``, ``.png``, ``.json`` and ``.log``.
    """
    place_series(folder)
    words = [str(folder / w) if w.startswith(("run-", "fork-")) else w for w in WORDS[name]]
    out = folder / f"{name}.h5"
    done = invoke(name, *words, "-o", out, "--json", out.with_suffix(".json"))
    assert done.exit_code == 0, done.output
    out.with_suffix(".log").write_text(done.stderr)
    return out
