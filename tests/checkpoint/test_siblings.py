"""The siblings of a fork: which checkpoints of a folder they are, and the step of the fork."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint import open_checkpoint
from lmctool.checkpoint.siblings import find_siblings
from lmctool.errors import LmctoolError

PARENT = -1.0
"""The weights of the network that others are forked from."""


def save(path: Path, value: float, **training: Any) -> Path:
    """Write a checkpoint of one tensor, whose metadata may tell of its training."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"lmctool.training": json.dumps(training)} if training else {}
    save_file({"w": torch.full((2,), value)}, path, {"format": "pt", **metadata})
    return path


def digest(folder: Path, value: float) -> str:
    return open_checkpoint(save(folder / f"other{value}.safetensors", value)).digest


def found(path: Path) -> tuple[set[int], list[str]]:
    """Return the steps and the names of siblings."""
    siblings, _ = find_siblings(path)
    return {step for step, _ in siblings}, [each.stem for _, each in siblings]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("K500", 500),
        ("fork500", 500),
        ("resnet20-fork-500", 500),
        ("seed3-k500", 500),
        ("step500-seed3", 500),
        ("500", 500),
        ("from500", 500),
        ("K500/*.safetensors", 500),
        ("exp3-k500/*", 500),
    ],
)
def test_the_name_of_a_folder_tells_the_step(tmp_path: Path, name: str, step: int) -> None:
    for value in range(2):
        save(tmp_path / name.partition("/")[0] / f"seed{value}.safetensors", value)
    assert found(tmp_path / name) == ({step}, ["seed0", "seed1"])


def test_a_pattern_chooses_the_siblings_of_one_fork(tmp_path: Path) -> None:
    for step, value in ((0, 1), (0, 2), (500, 3), (500, 4)):
        save(tmp_path / f"k{step}-seed{value}.safetensors", value)
    assert found(tmp_path / "k500-*") == ({500}, ["k500-seed3", "k500-seed4"])


def test_siblings_may_be_folders_of_one_checkpoint_each(tmp_path: Path) -> None:
    for value in range(2):
        save(tmp_path / f"k7/seed{value}/checkpoint-90/model.safetensors", value)
    siblings, _ = find_siblings(tmp_path / "k7/*/checkpoint-90")
    assert [(step, path.parent.name) for step, path in siblings] == [(7, "seed0"), (7, "seed1")]


def test_the_metadata_goes_before_the_name(tmp_path: Path) -> None:
    for value in range(2):
        save(tmp_path / f"k5/{value}.safetensors", value, fork=50, seed=value)
    assert found(tmp_path / "k5")[0] == {50}


@pytest.mark.parametrize("told", ["as now", "as an earlier version did"])
def test_what_is_no_sibling_is_passed_over_and_told(tmp_path: Path, told: str) -> None:
    folder, init = tmp_path / "any", digest(tmp_path, PARENT)
    parent = open_checkpoint(tmp_path / f"other{PARENT}.safetensors")
    first = init if told == "as now" else parent.earlier_digest
    for value, by in ((1, first), (2, init)):
        own = {"init": by, "fork": 30, "seed": value}
        save(folder / f"s{value}-step40.safetensors", 10 * value, step=40, **own)
        save(folder / f"s{value}.safetensors", value, step=90, **own)
    save(folder / "copy.safetensors", 1, step=90, init=first, fork=30, seed=1)
    save(folder / "fork.safetensors", PARENT, step=30, seed=0)
    save(folder / "parent.safetensors", 5, step=90, seed=0)
    torch.save({"optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}, folder / "opt.pt")
    siblings, passed = find_siblings(folder)
    assert [path.stem for _, path in siblings] == ["s1", "s2"]
    said = {sentence.split("'")[1].rpartition("/")[2]: sentence for sentence in passed}
    assert "others were forked from it" in said["fork.safetensors"]
    assert "it tells no parent" in said["parent.safetensors"]
    assert "it is the same as" in said["copy.safetensors"]
    assert all(
        f"an earlier step of '{folder}/s{n}" in said[f"s{n}-step40.safetensors"] for n in (1, 2)
    )
    assert len(said) == len(passed) == 5


def test_without_metadata_the_last_step_of_a_name_counts(tmp_path: Path) -> None:
    for value, name in enumerate(("s0-step10", "s0-step20", "s1-step10", "s1-step20")):
        save(tmp_path / f"k5/{name}.safetensors", value)
    assert found(tmp_path / "k5") == ({5}, ["s0-step20", "s1-step20"])


def test_equal_networks_of_other_names_are_siblings(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / f"k5/{name}.safetensors", 1)
    assert found(tmp_path / "k5") == ({5}, ["a", "b"])


def test_a_fork_without_a_step_is_told_in_one_sentence(tmp_path: Path) -> None:
    for name in "ab":
        save(tmp_path / f"some/{name}.safetensors", 1)
    with pytest.raises(LmctoolError, match=r"tells no step, .* such as 'fork500'"):
        find_siblings(tmp_path / "some")


def test_one_sibling_is_told_with_what_was_passed_over(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path / f"k5/s0-step{step}.safetensors", step)
    with pytest.raises(
        LmctoolError, match=r"has one sibling, 's0-step20.*two or more; .*step10.*an earlier step"
    ):
        find_siblings(tmp_path / "k5")


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ({"fork": 5}, {"fork": 7}, "different forks: 'a.* tells step 5, 'b.* tells step 7"),
        ({"fork": 5}, {"seed": 1}, "different forks: 'a.* tells step 5, 'b.* tells none"),
        ({"init": "x"}, {"init": "y"}, "'a.safetensors' and 'b.safetensors' were forked from"),
        ({"step": 9}, {"step": 8}, "not trained equally long: 'a.safetensors' to 9, 'b"),
    ],
)
def test_networks_that_are_no_siblings_are_told(
    tmp_path: Path, one: dict[str, Any], other: dict[str, Any], told: str
) -> None:
    for name, training in (("a", one), ("b", other)):
        save(tmp_path / f"k5/{name}.safetensors", ord(name), **training)
    with pytest.raises(LmctoolError, match=told):
        find_siblings(tmp_path / "k5")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "k5").mkdir()
    with pytest.raises(LmctoolError, match=r"fork '.*k5' has no checkpoint"):
        find_siblings(tmp_path / "k5")
    with pytest.raises(LmctoolError, match="fork 'no' does not exist"):
        find_siblings(Path("no"))
    file = save(tmp_path / "k5/a.safetensors", 1)
    with pytest.raises(LmctoolError, match="is one checkpoint, but the siblings of a fork are due"):
        find_siblings(file)
