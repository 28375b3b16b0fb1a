"""What the quick start and the how-tos tell a newcomer to do works, in the order of each page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest
import torch
from torch import nn

import lmctool
from lmctool.cli import main
from lmctool.report import figure
from lmctool.testing import invoke, tiny_pair
from tests.snippets import ROOT, Block, blocks_of, commands
from tests.test_plugins_page import agree

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = (("--points", "3"), ("--limit", "60"), ("--calib-size", "60"))
ELSEWHERE = {
    "runs/one",
    "torchvision:resnet50",
    "timm:vit_small_patch16_224",
    "cuda:0,cuda:1",
    "dask:tcp://head:8786",
    "dask:scheduler.json",
    "dask:slurm?cores=4&memory=16GB&jobs=8&queue=gpu&gpus=1&walltime=04:00:00",
}
"""Words of commands that need networks of other libraries or other machines: parsed alone."""


def result(name: str, *options: str, analysis: str = "barrier") -> None:
    """Measure the pair of the folder with few points and examples."""
    few = [word for each in FEW for word in each]
    done = invoke(analysis, "a.safetensors", "b.safetensors", *few, "-q", *options, "-o", name)
    assert done.exit_code == 0, done.output


def measured() -> None:
    result("barrier.h5", "--align", "--repair")


def two_results() -> None:
    measured()
    result("layerwise.h5", "--by", "block", analysis="layerwise")


def own_network() -> None:
    """Write weights of the page's own network, as PyTorch does."""
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(),
            nn.Linear(48, 10),
        )  # fmt: skip
        torch.save(net.state_dict(), f"{name}.pt")


def arrays() -> None:
    generator = np.random.default_rng(0)
    for name in ("test", "train"):
        x, y = generator.normal(size=(80, 64)).astype(np.float32), np.arange(80) % 10
        np.savez(f"{name}.npz", x=x, y=y)


def many() -> None:
    for folder in ("nets", "runs/a", "runs/b"):
        Path(folder).mkdir(parents=True)
        for number, name in enumerate("ab"):
            shutil.copy(f"{name}.safetensors", f"{folder}/{number}.safetensors")


def seeds() -> None:
    Path("nets").mkdir()
    for name in "ab":
        shutil.copy(f"{name}.safetensors", f"nets/{name}0.safetensors")
    for seed in range(1, 5):
        tiny_pair(Path(), steps=60 + seed)
        result(f"seed{seed}.h5", "--align", "--repair")


def release() -> None:
    measured()
    Path("release").mkdir()
    shutil.copy("barrier.h5", "release")


PREPARED: dict[str, Callable[[], None]] = {
    "README.md": measured,
    "docs/clusters.md": many,
    "docs/howto/ci.md": release,
    "docs/howto/data.md": arrays,
    "docs/howto/figure.md": two_results,
    "docs/howto/many.md": many,
    "docs/howto/model.md": own_network,
    "docs/howto/seeds.md": seeds,
    "docs/outputs.md": measured,
}
"""What has to be in the folder, beside a pair of checkpoints, when the blocks of a page run."""
CODE_ALONE = {"README.md", "docs/outputs.md"}
"""Pages whose commands other tests run."""
GUIDES = {*PREPARED, "docs/quickstart.md"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(figure, "image", lambda *_: b"")  # it takes a second


def given() -> dict[str, Any]:
    """Return what code of a page may use without saying where it comes from."""
    net_a, net_b = (lmctool.load_model(f"{name}.safetensors") for name in "ab")
    x = torch.randn(60, 64)
    return {
        "lmctool": lmctool,
        "net_a": net_a,
        "net_b": net_b,
        "x": x,
        "y": net_a(x).argmax(1),
        "paths": sorted(Path("nets").glob("*")),
    }


def call(words: list[str]) -> str:
    """Run a command of lmctool with few points and examples; return what it prints."""
    command = main.get_command(click.Context(main), words[0])
    assert command is not None
    known = {option for each in command.params for option in each.opts}
    anew = () if {"--shard", "--resume"} & {*words} else ("--force",)
    more = (*FEW, ("--allow-chance",), anew)
    further = [word for each in more if {*each[:1]} & known - {*words} for word in each]
    done = invoke(*words, *further)
    assert done.exit_code in (0, 3), done.output  # tiny networks need not fulfil a condition
    return done.stdout


def run(block: Block, names: dict[str, Any]) -> None:
    """Write a block to the file that its first line names, and run it or its commands."""
    if named := re.match(r"# (\S+\.(?:py|toml))\n", block.text):
        Path(named[1]).write_text(block.text, encoding="utf-8")
    if block.language == "python":
        exec(block.text, names)
    elif block.language in {"console", "sh"} and block.page not in CODE_ALONE:
        for words in commands(block):
            if words[0] == "lmctool" and not ELSEWHERE & {*words}:
                call(words[1:])


@pytest.mark.parametrize("page", PREPARED)
def test_the_blocks_of_a_page_run_one_after_the_other(page: str) -> None:
    tiny_pair(Path(), steps=60)
    PREPARED[page]()
    names = given()
    for block in blocks_of(ROOT / page):
        run(block, names)


def test_the_quick_start_prints_what_it_shows() -> None:
    names: dict[str, Any] = {}
    for name in "ab":
        shutil.copy(ROOT / f"examples/digits/{name}.safetensors", ".")
    for block in blocks_of(ROOT / "docs/quickstart.md"):
        if block.language != "console":
            run(block, names)
            continue
        (words,) = commands(block)
        done = invoke(*words[1:])
        assert done.exit_code == 0, done.output
        shown = block.text.partition("\n")[2]
        for one, other in zip(plain(shown), plain(done.stdout)[: len(plain(shown))], strict=True):
            assert agree(one, other), f"{one!r} is {other!r} in\n{done.stdout}"
    assert Path("python.png").is_file() and Path("report.html").is_file()


def plain(text: str) -> list[str]:
    """Return the words of a table; a share is one word."""
    return re.sub(r"(?<=\d) %", "%", re.sub(r"-{3,}", "", text)).split()
