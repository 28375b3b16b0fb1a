"""The curve as a command: what it finds, what it writes, and what it refuses."""

from __future__ import annotations

import math
import re
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import lmctool
from lmctool.errors import LmctoolError
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.report import figure
from lmctool.results.file import read
from lmctool.run import resources
from lmctool.testing import invoke, metrics
from lmctool_plugins.analyses.curve.descent import Descent
from lmctool_plugins.analyses.curve.training import Training
from lmctool_plugins.analyses.curve.training import trained as names_of
from tests.interruption import interrupt_after, watch
from tests.plugins.pairs import initial, plain_loss, save, trained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lmctool.graph.graph import Graph
    from lmctool.results.result import Result

FEW = ("--limit", "200", "--calib-size", "300", "-q")
SHORT = ("--points", "3", "--curve-steps", "3", *FEW)
RING = """
    import numpy as np
    import torch
    from lmctool.api import Dataset, Examples

    class Ring(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.place = torch.nn.Parameter(torch.zeros(2))

        def forward(self, x):
            return self.place.square().sum() * x

    def net():
        return Ring()

    def data():
        x = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32)
        splits = {name: lambda: Examples(x, x[:, 0]) for name in ("train", "test")}
        return Dataset(splits, source="here", classes=0)
"""
ANGLE = math.radians(150)


class Short(NamedTuple):
    """A short training: the bend, and how many units of finished work there were."""

    bend: dict[str, Tensor]
    units: int


def values(result: Result, group: str, name: str) -> NDArray[Any]:
    return result.groups[f"curve/{group}"].variables[name].values


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Draw no figures, and run models once for their graphs, as torch.export takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figure, "image", lambda *_: b"")
        patch.setattr(resources, "capture", recorded)
        yield


def recorded(module: nn.Module, inputs: Tensor, *_: object) -> Graph:
    return record_graph(fresh(module), (inputs,))


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("networks")
    for seed, name in enumerate("ab"):
        save(place / f"{name}.safetensors", "mlp-batch", trained("mlp-batch", seed))
    return place


@pytest.fixture(scope="module")
def ends(networks: Path) -> tuple[str, str]:
    return str(networks / "a.safetensors"), str(networks / "b.safetensors")


@pytest.fixture(scope="module")
def chain(ends: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a chain with one bend on the whole test split, and return its result."""
    out = tmp_path_factory.mktemp("chain") / "c.h5"
    few = ("--points", "5", "--curve-steps", "40", "--calib-size", "600", "-q")
    done = invoke("curve", *ends, "--kind", "chain", *few, "--dtype", "float64", "-o", out)
    assert done.exit_code == 0, done.output
    return out


def test_the_barrier_of_the_curve_is_a_small_part_of_the_lines(chain: Path) -> None:
    line, reset, curve = values(read(chain), "summary", "barrier_loss")[:, 0]
    assert list(values(read(chain), "curves", "path")) == ["line", "line+reset", "curve"]
    assert line > reset > 5 * curve


def test_both_ends_of_every_path_are_the_files(chain: Path) -> None:
    losses = values(read(chain), "curves", "loss")[:, 0]
    for end, seed in ((0, 0), (-1, 1)):
        assert len(set(losses[:, end])) == 1
        weights = {name: each.double() if each.is_floating_point() else each
                   for name, each in trained("mlp-batch", seed).items()}  # fmt: skip
        assert losses[0, end] == pytest.approx(plain_loss("mlp-batch", weights), rel=1e-12)


def test_the_line_with_statistics_taken_anew_is_that_of_barrier(
    chain: Path, ends: tuple[str, str]
) -> None:
    words = ("--points", "5", "--calib-size", "600", "-q", "--dtype", "float64")
    out = chain.with_name("reset.h5")
    done = invoke("barrier", *ends, *words, "--batchnorm", "reset", "-o", out)
    assert done.exit_code == 0, done.output
    own = read(out).groups["barrier/curve"].variables["loss"].values[0, 0]
    np.testing.assert_array_equal(values(read(chain), "curves", "loss")[1, 0], own)


def test_the_bend_of_a_chain_is_written_as_the_network_in_the_middle(chain: Path) -> None:
    file = chain.with_suffix(".safetensors")
    weights = load_file(file)
    initial("mlp-batch", 0).load_state_dict(weights)
    wide = {name: each.double() if each.is_floating_point() else each
            for name, each in weights.items()}  # fmt: skip
    middle = values(read(chain), "curves", "loss")[-1, 0, 2]
    assert plain_loss("mlp-batch", wide) == pytest.approx(middle, abs=1e-5)  # stored in float32
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    assert metadata["lmctool.model"] == "mlp"
    assert metadata["lmctool.made"] == (
        "curve (chain), bend 1 of 1 between a.safetensors and b.safetensors"
    )


def test_the_course_of_the_training_is_in_the_result(chain: Path) -> None:
    loss, place = (values(read(chain), "training", name) for name in ("loss", "place"))
    assert loss.shape == place.shape == (40,)
    assert loss[-10:].mean() < loss[:10].mean()
    assert 0 <= place.min() < 0.1 and 0.9 < place.max() <= 1


def test_a_line_is_as_long_as_its_ends_are_apart(chain: Path) -> None:
    result = read(chain)
    *lines, curve = values(result, "length", "length")
    a, b = (trained("mlp-batch", seed) for seed in range(2))
    names = [name for name, _ in initial("mlp-batch", 0).named_parameters()]
    bend = load_file(chain.with_suffix(".safetensors"))
    squares = [
        sum(float((x[name].double() - y[name].double()).square().sum()) for name in names)
        for x, y in ((a, bend), (bend, b), (a, b))
    ]
    first, second, straight = map(math.sqrt, squares)
    assert lines == [1, 1] and values(result, "length", "distance") == pytest.approx(straight)
    assert curve == pytest.approx((first + second) / straight, rel=1e-6)


def test_an_aligned_curve_ends_in_b_in_as_order(ends: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "c.h5"
    words = ("--align", "--bends", "2", "--batchnorm", "reset")
    done = invoke("curve", *ends, *words, *SHORT, "-o", out)
    assert done.exit_code == 0, done.output
    result = read(out)
    assert list(values(result, "curves", "path")) == ["line", "align", "curve"]
    ends_of = values(result, "curves", "loss")[:, 0, [0, -1]]
    np.testing.assert_allclose(ends_of, np.tile(ends_of[0], (3, 1)), atol=1e-6)
    first, second = (
        load_file(out.with_name(name)) for name in ("c.safetensors", "c-2.safetensors")
    )
    apart = first["classifier.weight"] - second["classifier.weight"]
    assert apart.abs().max() > 0.01
    with safe_open(out.with_name("c-2.safetensors"), "pt") as opened:
        made = opened.metadata()["lmctool.made"]
    assert made.startswith("curve (bezier), bend 2 of 2") and "brought into A's order" in made


def test_a_curve_finds_the_ring_on_which_the_loss_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ring.py").write_text(dedent(RING))
    for name, angle in (("a", 0.0), ("b", ANGLE)):
        place = torch.tensor([math.cos(angle), math.sin(angle)])
        save_file({"place": place}, f"{name}.safetensors")
    own = ("--model", "./ring.py:net", "--data", "./ring.py:data", "--task", "regression")
    words = ("a.safetensors", "b.safetensors", *own, "--bends", "3", "--curve-batch", "20")
    found = metrics("curve", *words, "-o", "ring", "--curve-steps", "300", "-q")
    at = {path: found[f"curve.barrier.loss[path={path},split=test]"] for path in ("line", "curve")}
    depth = (1 - math.cos(ANGLE / 2) ** 2) ** 2  # of the chord's middle below the ring
    spread = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32).var()
    assert at["line"] == pytest.approx(depth * spread, rel=0.05)
    assert at["curve"] is not None and at["curve"] < 0.01 * depth
    length = found["curve.length[path=curve]"]
    assert length == pytest.approx(ANGLE / (2 * math.sin(ANGLE / 2)), rel=0.05)


@pytest.fixture(scope="module")
def short(ends: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Short:
    """Run a short training; return its bend, and how much finished work it wrote."""
    folder = tmp_path_factory.mktemp("short")
    with pytest.MonkeyPatch.context() as patch:
        every = watch(patch, lambda _: None)
        done = invoke("curve", *ends, *SHORT, "-o", folder / "c")
    assert done.exit_code == 0, done.output
    return Short(load_file(folder / "c.safetensors"), len(every))


def test_another_seed_gives_another_bend(
    short: Short, ends: tuple[str, str], tmp_path: Path
) -> None:
    done = invoke("curve", *ends, *SHORT, "--seed", "1", "-o", tmp_path / "c")
    assert done.exit_code == 0, done.output
    other = load_file(tmp_path / "c.safetensors")
    assert not torch.equal(short.bend["classifier.weight"], other["classifier.weight"])


def test_bends_that_were_learned_before_an_interruption_are_not_learned_again(
    short: Short, ends: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_after(short.units - 1, patch)
        assert invoke("curve", *ends, *SHORT, "-o", tmp_path / "c").exit_code == 130

    def begin(*_: object) -> None:
        raise AssertionError("the training begins again")

    monkeypatch.setattr(Descent, "begin", begin)
    done = invoke("curve", *ends, *SHORT, "-o", tmp_path / "c", "--resume")
    assert done.exit_code == 0, done.output
    again = load_file(tmp_path / "c.safetensors")
    assert all(torch.equal(tensor, again[name]) for name, tensor in short.bend.items())


def test_a_training_that_diverges_is_told(ends: tuple[str, str], tmp_path: Path) -> None:
    done = invoke("curve", *ends, *SHORT, "--curve-lr", "1e38", "-o", tmp_path / "c")
    assert done.exit_code == 4
    assert re.search(
        r"the training of the curve diverged: its loss is not finite at step \d of 3;"
        r" pass a --curve-lr below 1e\+38",
        done.stderr,
    )
    assert not list(tmp_path.iterdir())


def test_a_training_that_lowers_no_loss_is_told() -> None:
    notes: list[str] = []
    run: Any = SimpleNamespace(note=notes.append)
    training = Training("bezier", bends=1, steps=40, rate=3.0, batch=20)
    training.compare(run, np.linspace(2, 1, 40))
    assert not notes
    training.compare(run, np.linspace(1, 2, 40))
    assert notes == [
        "the training did not lower the loss of the curve, which was 1.038 in the first tenth of"
        " the steps and 1.962 in the last; pass a --curve-lr below 3, or more --curve-steps"
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--curve-batch", "1"), "'--curve-batch': 1 is not in the range x>=2"),
        (("--bends", "0"), "'--bends': 0 is not in the range x>=1"),
        (("--curve-lr", "0"), "'--curve-lr': 0.0 is not in the range x>0"),
        (("--kind", "circle"), "'circle' is not one of 'bezier', 'chain'"),
        (("--alphas", "0,1"), "--alphas must name a position between 0 and 1"),
    ],
)
def test_what_makes_no_curve_is_refused(
    words: tuple[str, ...], told: str, ends: tuple[str, str], tmp_path: Path
) -> None:
    done = invoke("curve", *ends, *words, *FEW, "-o", tmp_path / "c")
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_spectral_norm_is_refused() -> None:
    weights = {f"layer.{name}": torch.ones(2) for name in ("weight_orig", "weight_u", "weight_v")}
    run: Any = SimpleNamespace()
    with pytest.raises(LmctoolError, match=r"'layer\.weight_orig' is under spectral norm"):
        names_of(run, weights)


def test_its_options_go_with_those_of_aligners_that_learn(ends: tuple[str, str]) -> None:
    done = invoke("curve", *ends, "--align", "midpoint", "--steps", "2", *SHORT, "--dry-run")
    assert done.exit_code == 0, done.output


def test_a_dry_run_names_the_checkpoint_of_each_bend(ends: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "c"
    done = invoke("curve", *ends, "--bends", "3", "-o", out, "--dry-run")
    named = re.findall(r"^(checkpoint\S*) +(\S+\.safetensors)$", done.stdout, re.MULTILINE)
    assert named == [
        ("checkpoint", f"{out}.safetensors"),
        ("checkpoint-2", f"{out}-2.safetensors"),
        ("checkpoint-3", f"{out}-3.safetensors"),
    ]


def test_a_bend_that_would_replace_a_file_is_refused_before_the_work(
    ends: tuple[str, str], tmp_path: Path
) -> None:
    there = tmp_path / "c-2.safetensors"
    there.write_text("mine")
    done = invoke("curve", *ends, "--bends", "2", *SHORT, "-o", tmp_path / "c")
    assert done.exit_code == 2 and f"'{there}' exists" in done.stderr
    assert there.read_text() == "mine" and list(tmp_path.iterdir()) == [there]


def test_python_holds_every_bend_and_saves_what_the_command_writes(
    ends: tuple[str, str], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"points": 3, "curve_steps": 3, "bends": 2, "limit": 200}
    options["calib_size"] = 300
    found = lmctool.curve(*ends, **options)
    files = found.save(tmp_path / "held.h5", figure=False)
    assert {"checkpoint", "checkpoint-2"} < set(files)
    stored = lmctool.curve(*ends, **options, out=tmp_path / "stored.h5")
    assert len(found.checkpoints) == len(stored.checkpoints) == 2
    assert found.checkpoint is not None and found.checkpoint.keys() == found.checkpoints[0].keys()
    for number, behind in enumerate(("", "-2")):
        held, own = (load_file(tmp_path / f"{name}{behind}.safetensors")
                     for name in ("held", "stored"))  # fmt: skip
        for name, tensor in own.items():
            assert torch.equal(tensor, held[name])
            assert torch.equal(tensor, found.checkpoints[number][name])
            assert torch.equal(tensor, stored.checkpoints[number][name])
