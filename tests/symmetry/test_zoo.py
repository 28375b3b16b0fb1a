"""Models of many families: they keep their function, and as much moves as a person counts."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks.zoo.__main__ import alone, passes, told
from benchmarks.zoo.catalogue import CATALOGUE
from benchmarks.zoo.trial import attempt

QUICK = [
    "resnet20 A",
    "LSTM, 2 layers",
    "U-Net",
    "torchvision:resnet18",
    "timm:convnext_atto",
    "timm:vit_tiny_patch16_224",
    "GPT-2",
    "BERT",
    "Llama",
]
# the libraries warn of what their own next versions will change
pytestmark = pytest.mark.filterwarnings("default")


def skip_without(library: str) -> None:
    if library not in {"own", "lmctool"} and find_spec(library) is None:
        pytest.skip(f"{library} is not installed: pip install 'lmctool[models]'")


@pytest.mark.parametrize("name", QUICK)
def test_a_family_keeps_its_function_and_moves_what_a_person_counts(name: str) -> None:
    entry = CATALOGUE[name]
    skip_without(entry.library)
    outcome = attempt(entry)
    assert outcome.difference <= outcome.tolerance
    assert outcome.noticed == outcome.controls >= 5
    assert entry.units is not None
    assert outcome.units >= entry.units


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_model_of_the_catalogue_passes(name: str) -> None:
    skip_without(CATALOGUE[name].library)
    outcome = alone(name, seconds=550)
    assert passes(name, outcome), told(name, outcome)
