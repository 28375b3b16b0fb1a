"""From a model's graph to its permutation spec; applying, inverting and proving a permutation."""

from lmctool.symmetry.comparison import Proof
from lmctool.symmetry.derive import derive
from lmctool.symmetry.describe import describe
from lmctool.symmetry.permutation import Permutation
from lmctool.symmetry.proof import prove
from lmctool.symmetry.spec import PermutationSpec
from lmctool.symmetry.spec_file import read_spec, write_spec

__all__ = [
    "Permutation",
    "PermutationSpec",
    "Proof",
    "derive",
    "describe",
    "prove",
    "read_spec",
    "write_spec",
]
