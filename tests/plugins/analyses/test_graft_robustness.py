"""What each part of a network is worth: one graft a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmctool.errors import ExitCode
from lmctool.results.file import read
from lmctool.testing import invoke
from tests.plugins import pairs
from tests.plugins.pairs import plain_loss, save, trained

if TYPE_CHECKING:
    from pathlib import Path


def test_each_part_alone_rises_as_plain_torch_says(tmp_path: Path) -> None:
    nets = [trained("mlp", seed) for seed in (0, 1)]
    a, b = (save(tmp_path / f"{n}.safetensors", "mlp", nets[n]) for n in (0, 1))
    out = tmp_path / "out"
    done = invoke("graft", a, "--from", b, "--evaluate", "--dtype", "float64", "-o", out)
    assert done.exit_code == 0, done.output
    assert not out.with_suffix(".safetensors").exists()
    held = read(out.with_suffix(".h5")).groups["graft/robustness"].variables
    assert held["part"].values.tolist() == ["layers.0", "layers.1", "classifier"]
    doubles = [{name: t.double() for name, t in net.items()} for net in nets]
    for row, part in enumerate(held["part"].values):
        mixed = {n: doubles[n.startswith(f"{part}.")][n] for n in doubles[0]}
        loss = plain_loss("mlp", mixed)
        assert held["loss"].values[row, 0] == pytest.approx(loss, rel=1e-10)
        rise = loss - plain_loss("mlp", doubles[0])
        assert held["rise_loss"].values[row, 0] == pytest.approx(rise, rel=1e-9)


def test_parts_of_the_same_checkpoint_never_raise_anything(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", "resnet-batch", trained("resnet-batch", 0, 60))
    out = tmp_path / "out"
    done = invoke("graft", a, "--from", a, "--evaluate", "--by", "kind", "--limit", "50", "-o", out)
    assert done.exit_code == 0, done.output
    held = read(out.with_suffix(".h5")).groups["graft/robustness"].variables
    assert (held["rise_error"].values == 0).all()
    assert (held["rise_loss"].values == 0).all()
    assert out.with_suffix(".png").stat().st_size > 0


def test_evaluation_and_a_checkpoint_can_be_had_at_once(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", "mlp", trained("mlp", 0))
    out = tmp_path / "out"
    done = invoke("graft", a, "--fresh", "--evaluate", "--layers", "classifier", "-o", out)
    assert done.exit_code == 0, done.output
    groups = read(out.with_suffix(".h5")).groups
    rows = groups["graft/scores"].variables["loss"].values[:, 0]
    alone = groups["graft/robustness"].variables["loss"].values[-1, 0]
    assert rows[2] == alone  # the classifier is all that was taken
    assert out.with_suffix(".safetensors").exists()


def test_the_robustness_of_a_network_at_chance_is_not_judged(tmp_path: Path) -> None:
    a = save(tmp_path / "a.safetensors", "mlp", pairs.initial("mlp", 0).state_dict())
    b = save(tmp_path / "b.safetensors", "mlp", trained("mlp", 1))
    done = invoke("graft", a, "--from", b, "--evaluate", "-o", tmp_path / "out")
    assert done.exit_code == ExitCode.UNJUDGED
    assert "at chance" in done.output
    done = invoke("graft", a, "--from", b, "--layers", "layers.0", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output  # a start of training may well be
