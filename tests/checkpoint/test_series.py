"""Training runs as series of checkpoints: what belongs to one, and its steps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lmctool.checkpoint.convert import convert
from lmctool.checkpoint.series import find_series
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Naming


def save(path: Path, value: float = 0.0, step: int | None = None) -> Path:
    """Write a checkpoint of one tensor, whose metadata may tell a step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    training = json.dumps({"epochs": 5} | ({} if step is None else {"step": step}))
    save_file({"w": torch.full((2,), value)}, path, {"format": "pt", "lmctool.training": training})
    return path


def names(path: Path) -> list[tuple[int, str]]:
    return [(step, each.name) for step, each in find_series(path)]


def test_steps_are_sorted_as_numbers_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for step in (10, 9, 100):
        save(tmp_path / f"a-step{step}.safetensors")
    (tmp_path / "log.txt").write_text("step5")
    (tmp_path / "plots").mkdir()
    save(tmp_path / ".hidden-step3.safetensors")
    assert names(tmp_path) == [
        (9, "a-step9.safetensors"),
        (10, "a-step10.safetensors"),
        (100, "a-step100.safetensors"),
    ]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("resnet20-step7", 7),
        ("resnet20_global_step_7_seed3", 7),
        ("net.epoch=2-step=7", 7),
        ("net-step7-epoch2", 7),
        ("seed1-epoch07", 7),
        ("seed1_it7", 7),
        ("iter-7-b", 7),
        ("CKPT_7", 7),
        ("seed1-7", 7),
        ("unit3-7", 7),
    ],
)
def test_a_step_is_read_from_the_name(tmp_path: Path, name: str, step: int) -> None:
    save(tmp_path / f"{name}.safetensors")
    assert names(tmp_path) == [(step, f"{name}.safetensors")]


def test_the_metadata_goes_before_the_name(tmp_path: Path) -> None:
    save(tmp_path / "a-step5.safetensors", step=50)
    save(tmp_path / "a.safetensors", step=60)
    assert names(tmp_path) == [(50, "a-step5.safetensors"), (60, "a.safetensors")]


@pytest.mark.parametrize("text", ["[1]", "{", '{"step": -1}', '{"step": true}', '{"step": "5"}'])
def test_metadata_that_tells_no_step_is_left_to_the_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a-step3.safetensors"
    save_file({"w": torch.ones(1)}, path, {"lmctool.training": text})
    assert find_series(tmp_path) == ((3, path),)


def test_folders_that_hold_a_checkpoint_are_one(tmp_path: Path) -> None:
    for step in (20, 100):
        save(tmp_path / f"checkpoint-{step}" / "model.safetensors")
    assert names(tmp_path) == [(20, "checkpoint-20"), (100, "checkpoint-100")]
    assert names(tmp_path / "checkpoint-*") == names(tmp_path)


def test_an_index_of_shards_is_one_checkpoint(tmp_path: Path) -> None:
    shard = save(tmp_path / "b-step4-00001-of-00001.safetensors")
    index = tmp_path / "b-step4.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": shard.name}}))
    save(tmp_path / "b-step5.safetensors", 1)
    assert names(tmp_path) == [(4, index.name), (5, "b-step5.safetensors")]


def test_a_pattern_chooses_one_run_of_a_folder(tmp_path: Path) -> None:
    for run, step in (("a", 1), ("a", 2), ("b", 1)):
        save(tmp_path / f"{run}-step{step}.safetensors", value=ord(run))
    assert [step for step, _ in find_series(tmp_path / "a-*")] == [1, 2]
    assert [step for step, _ in find_series(tmp_path / "[b]-*")] == [1]


def test_two_files_of_one_step_are_one_where_their_tensors_are_the_same(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", 1, step=8)
    save(tmp_path / "a-step8.safetensors", 1, step=8)
    assert names(tmp_path) == [(8, "a-step8.safetensors")]


def test_different_checkpoints_of_one_step_are_refused(tmp_path: Path) -> None:
    for value, run in enumerate("ab"):
        save(tmp_path / f"{run}-step8.safetensors", value)
    with pytest.raises(LmctoolError) as error:
        find_series(tmp_path)
    assert str(error.value) == (
        f"run '{tmp_path}' has two different checkpoints of step 8, 'a-step8.safetensors' and"
        " 'b-step8.safetensors'; choose those of one run by a pattern in quotes, such as"
        f" '{tmp_path}/NAME-*'"
    )


def test_a_number_of_the_architecture_is_no_step(tmp_path: Path) -> None:
    save(tmp_path / "resnet20-step7.safetensors")
    final = save(tmp_path / "resnet20.safetensors")
    with pytest.raises(LmctoolError, match=f"checkpoint '{final}' tells no step"):
        find_series(tmp_path)


def test_steps_and_epochs_are_not_mixed(tmp_path: Path) -> None:
    save(tmp_path / "a-step7.safetensors")
    save(tmp_path / "a-epoch7.safetensors", 1)
    with pytest.raises(LmctoolError, match="steps of some checkpoints and epochs of others"):
        find_series(tmp_path)


def test_a_checkpoint_without_any_number_is_told(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors")
    with pytest.raises(LmctoolError, match="tells no step, neither in its metadata nor in its"):
        find_series(tmp_path)


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=re.escape(f"run '{tmp_path}' has no checkpoint")):
        find_series(tmp_path)
    with pytest.raises(LmctoolError, match=r"'.*/\*' has no checkpoint"):
        find_series(tmp_path / "*")
    with pytest.raises(LmctoolError, match="'no' does not exist; name the folder"):
        find_series(Path("no"))
    file = save(tmp_path / "a-step1.safetensors")
    with pytest.raises(LmctoolError, match=r"is one checkpoint, but a run over steps is due"):
        find_series(file)


def test_a_checkpoint_that_cannot_be_read_is_never_left_out(tmp_path: Path) -> None:
    save(tmp_path / "a-step1.safetensors")
    (tmp_path / "a-step2.safetensors").write_bytes(b"no")
    with pytest.raises(LmctoolError, match=r"a-step2\.safetensors'"):
        find_series(tmp_path)


def test_finding_a_run_does_not_import_torch(tmp_path: Path) -> None:
    save(tmp_path / "a-step1.safetensors")
    code = (
        "import sys; from pathlib import Path; from lmctool.checkpoint.series import find_series;"
        "find_series(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)


def test_files_of_pytorch_are_a_run(tmp_path: Path) -> None:
    for number in range(24):
        content = {"model": {"w": torch.full((2,), float(number))}, "epoch": number, "args": 1}
        torch.save(content, tmp_path / f"run{number:02}.pt")
    torch.save({"state": {0: {"exp_avg": torch.ones(2)}}}, tmp_path / "opt-last.pt")
    torch.save({"state": {}}, tmp_path / "optimizer.pt")
    assert names(tmp_path) == [(number, f"run{number:02}.pt") for number in range(24)]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("net-step7.pt", 7),
        ("epoch=2-step=7.ckpt", 7),
        ("checkpoint-7.pth", 7),
        ("checkpoint-7/pytorch_model.bin", 7),
    ],
)
def test_a_step_is_read_from_the_name_of_a_file_of_pytorch(
    tmp_path: Path, name: str, step: int
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    torch.save({"w": torch.ones(2)}, tmp_path / name)
    assert names(tmp_path) == [(step, name.partition("/")[0])]


def test_what_a_file_of_pytorch_counts_goes_before_its_name(tmp_path: Path) -> None:
    for step in (500, 1000):
        content = {"state_dict": {"w": torch.ones(2)}, "global_step": step, "epoch": 1}
        torch.save(content, tmp_path / f"v{1000 - step}.ckpt")
    assert names(tmp_path) == [(500, "v500.ckpt"), (1000, "v0.ckpt")]


def test_a_converted_file_beside_its_source_is_the_same_checkpoint(tmp_path: Path) -> None:
    content = {"model": {"w": torch.ones(2)}, "step": 3}
    torch.save(content, tmp_path / "a.pt")
    convert(tmp_path / "a.pt", tmp_path / "a.safetensors")
    assert names(tmp_path) == [(3, "a.pt")]


def test_a_key_chooses_in_every_checkpoint_of_a_run(tmp_path: Path) -> None:
    for step in (1, 2):
        content = {"model": {"w": torch.ones(2)}, "ema": {"w": torch.zeros(2)}}
        torch.save(content, tmp_path / f"a-step{step}.pt")
    with pytest.raises(LmctoolError, match="holds several state dicts; --key can be model, ema"):
        find_series(tmp_path)
    assert [step for step, _ in find_series(tmp_path, Naming(key="ema"))] == [1, 2]


def test_a_run_of_distributed_checkpoints_is_told(tmp_path: Path) -> None:
    for name in (".metadata", "__0_0.distcp"):
        (tmp_path / "step-10").mkdir(exist_ok=True)
        (tmp_path / "step-10" / name).touch()
    for run in (tmp_path, tmp_path / "step-*", tmp_path / "step-10"):
        with pytest.raises(LmctoolError, match="step-10' is a distributed checkpoint"):
            find_series(run)


def test_a_folder_of_optimizers_alone_is_no_run(tmp_path: Path) -> None:
    torch.save({"state": {}}, tmp_path / "opt-step1.pt")
    with pytest.raises(LmctoolError, match="has no checkpoint: no file of safetensors or PyTorch"):
        find_series(tmp_path)
