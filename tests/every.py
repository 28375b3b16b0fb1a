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
    "distance": (A, B),
    "el2n": (A, B, "--limit", "40"),
    "graft": (A, "--from", B, "--layers", "layers.0.*", "--evaluate", *FEW),
    "interpolate": (A, B, "--points", "3", *FEW),
    "layerwise": (A, B, "--points", "3", *FEW),
    "matrix": (A, B, "--points", "3", *FEW),
    "merge": (A, B, "--align", *FEW),
    "plane": (A, "--random", "--points", "3", *FEW),
    "repair": (A, B, "--align", *FEW),
    "trajectory": ("run-a", "run-b", *FEW),
    "variance": (A, B, "--align", "--repair", *FEW),
}
"""The arguments of each analysis, in the folder that ``run`` makes."""


def run(name: str, folder: Path) -> Path:
    """Run an analysis in a folder; return its result, with JSON and the progress beside it.

    Args:
        name: the analysis.
        folder: an existing folder; it gets ``NAME.h5``, ``.png``, ``.json`` and ``.log``.
    """
    words = [str(folder / word) if word.startswith("run-") else word for word in WORDS[name]]
    for place, (first, last) in (("run-a", (A, B)), ("run-b", (B, A))):
        (folder / place).mkdir(exist_ok=True)
        for step, source in enumerate((first, last)):
            shutil.copyfile(source, folder / place / f"net-step{step}.safetensors")
    out = folder / f"{name}.h5"
    done = invoke(name, *words, "-o", out, "--json", out.with_suffix(".json"))
    assert done.exit_code == 0, done.output
    out.with_suffix(".log").write_text(done.stderr)
    return out
