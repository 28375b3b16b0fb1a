"""What the author of a plugin needs to test it: checks of what must hold, runs, and runners.

check_aligner("mine")                       # on an MLP, a ResNet, a ViT and a language model
check_correction("mine"), check_merge("mine"), check_analysis("mine")

a, b = tiny_pair(tmp_path)                  # two checkpoints, stamped with model and data
done = invoke("barrier", a, b, "--align", "mine", "--allow-chance")
found = metrics("mine", a, b)               # the numbers of a run, by name
run = tiny_run(tmp_path, aligner="mine")    # what a plugin's function gets
"""

from lmctool.testing.aligner_check import check_aligner
from lmctool.testing.analysis_check import check_analysis
from lmctool.testing.commands import invoke, metrics
from lmctool.testing.correction_check import check_correction
from lmctool.testing.merge_check import check_merge
from lmctool.testing.pairs import ARGUMENTS, save, tiny_pair
from lmctool.testing.runs import tiny_run

__all__ = [
    "ARGUMENTS",
    "check_aligner",
    "check_analysis",
    "check_correction",
    "check_merge",
    "invoke",
    "metrics",
    "save",
    "tiny_pair",
    "tiny_run",
]
