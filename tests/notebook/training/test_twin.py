"""The twin of a network in training, at each of its steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lmctool.errors import LmctoolError
from lmctool.notebook.training.twin import twin_of


def save(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"w": torch.zeros(2)}, path)
    return path


@pytest.mark.parametrize("pattern", ["run", "run/*"])
def test_a_run_gives_the_same_step_or_else_the_nearest_before_it(
    tmp_path: Path, pattern: str
) -> None:
    for step in (10, 20):
        save(tmp_path / f"run/net-step{step}.safetensors")
    twin = twin_of(str(tmp_path / pattern))
    places = {step: twin.at(step) for step in (9, 10, 19, 20, 1000)}
    assert places[9] is None
    found = {step: place[0] for step, place in places.items() if place is not None}
    assert found == {10: 10, 19: 10, 20: 20, 1000: 20}
    assert twin.first == tmp_path / "run/net-step10.safetensors"


def test_networks_by_step_are_a_run_too() -> None:
    twin = twin_of({0: "a.pt", 5: nn.Linear(1, 1)})
    assert twin.at(4) == (0, "a.pt")
    assert twin.at(-1) is None


def test_one_network_is_the_twin_of_every_step(tmp_path: Path) -> None:
    state, module, file = {"w": torch.zeros(2)}, nn.Linear(1, 1), save(tmp_path / "a-step7.st")
    model = save(tmp_path / "saved/model.safetensors").parent
    file = file.rename(file.with_suffix(".safetensors"))
    for value in (state, module, file, model, Path("hf://org/name@main")):
        twin = twin_of(value)
        place = twin.at(0)
        assert place is not None and place[0] is None
        assert place[1] is twin.first
        assert isinstance(value, Path) or place[1] is value


def test_a_run_that_counts_epochs_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "run/net-epoch3.safetensors")
    with pytest.raises(LmctoolError, match="numbered by epochs, and a training is measured by its"):
        twin_of(tmp_path / "run")


def test_a_place_without_checkpoints_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "none", tmp_path / "none-*"):
        with pytest.raises(LmctoolError, match=r"'.*/(empty|none|none-\*)'"):
            twin_of(path)
