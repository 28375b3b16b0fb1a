"""The switches of torch: each is set, read and put back, whatever words they were chosen by."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import lmctool
from lmctool.evaluate.switches import OTHERS, SWITCHES, THREADS, Switch, kept, set_words
from tests.evaluate.torch_switches import standing

ROOT = Path(lmctool.__file__).parents[1]
OTHER_VALUES: dict[str, object] = {
    "torch.set_deterministic_debug_mode": 2,
    "torch.set_default_dtype": torch.float64,
    "torch.set_num_threads": torch.get_num_threads() + 1,
}
STATES = """
import os
import torch
from torch import backends
from lmctool.evaluate.switches import kept, set_words

def put(place, name, value):
    return lambda: setattr(place, name, value)

def word(place, value):
    return put(place, "fp32_precision", value)

WAYS = {
    "torch as it begins": lambda: None,
    "the root": word(backends, "tf32"),
    "the root, for a CPU": word(backends, "bf16"),
    "the root, in full": word(backends, "ieee"),
    "cuDNN": word(backends.cudnn, "tf32"),
    "products": word(backends.cuda.matmul, "tf32"),
    "convolutions": word(backends.cudnn.conv, "ieee"),
    "cells, inherited": word(backends.cudnn.rnn, "none"),
    "products of a CPU": word(backends.mkldnn.matmul, "bf16"),
    "old products": put(backends.cuda.matmul, "allow_tf32", True),
    "old cuDNN": put(backends.cudnn, "allow_tf32", True),
    "old cuDNN, in full": put(backends.cudnn, "allow_tf32", False),
    "oldest, high": lambda: torch.set_float32_matmul_precision("high"),
    "oldest, medium": lambda: torch.set_float32_matmul_precision("medium"),
}
GPU = (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
CPU = (backends.mkldnn.matmul, backends.mkldnn.conv, backends.mkldnn.rnn)

def old(read):
    try:
        return read()
    except RuntimeError:
        return "refused"

def old_switches():
    products = old(torch.get_float32_matmul_precision), old(lambda: backends.cuda.matmul.allow_tf32)
    return [*products, old(lambda: backends.cudnn.allow_tf32)]

def state():
    places = (backends, backends.cudnn, *GPU, *CPU)
    words = [place.fp32_precision for place in places]
    return [*words, *old_switches()]

def child(work):
    read, write = os.pipe()
    if not (process := os.fork()):
        os.write(write, repr(work()).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(process, 0)
    with os.fdopen(read) as answer:
        return answer.read()

def inside(ways):
    for way in ways:
        WAYS[way]()
    before = state()
    for gpu in ("ieee", "tf32"):
        with kept():
            set_words(gpu)
            tf32 = gpu == "tf32"
            yield [place.fp32_precision for place in (*GPU, *CPU)] == [gpu] * 3 + ["ieee"] * 3
            yield old_switches() == ["high" if tf32 else "highest", tf32, tf32]
        yield state() == before

def behind(ways, later, settings):
    backends.cudnn.allow_tf32 = True  # as torch.export leaves it: with words that can be written
    for way in ways:
        WAYS[way]()
    for gpu in settings:
        with kept():
            set_words(gpu)
    WAYS[later]()
    return state()

names = list(WAYS)
pairs = [(one, names[number - 5]) for number, one in enumerate(names)]
for ways in [*((name,) for name in names), *pairs]:
    if child(lambda: all(inside(ways))) != "True":
        print("not set, or not put back, after", ways)
    later = names[(names.index(ways[0]) + 3) % len(names)]
    ours = child(lambda: behind(ways, later, ("ieee", "tf32")))
    if ours != child(lambda: behind(ways, later, ())):
        print("something stays after", ways, "that is seen after", later)
"""


def other(switch: Switch) -> object:
    """Return a value that a switch doesn't have."""
    value = switch.read()
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return "ieee" if value != "ieee" else "tf32"
    return OTHER_VALUES[switch.name]


def test_words_are_set_and_put_back_whatever_a_program_chose_them_by() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STATES], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


@pytest.mark.parametrize("switch", (*OTHERS, THREADS), ids=lambda switch: switch.name)
def test_a_switch_is_put_back(switch: Switch) -> None:
    before = standing()
    with kept():
        switch.write(other(switch))
        assert standing() != before
    assert standing() == before


def test_switches_are_put_back_after_an_error() -> None:
    before = standing()
    with pytest.raises(ValueError, match="broken"), kept():
        set_words("tf32")
        raise ValueError("broken")
    assert standing() == before


def test_every_switch_says_how_code_spells_it() -> None:
    for switch in SWITCHES:
        place: object = torch
        for part in switch.name.split(".")[1:]:
            place = getattr(place, part)
        assert switch.device in {"", "cpu", "cuda"}


def test_the_old_words_of_torch_are_used_in_one_place() -> None:
    old = "allow_" + "tf32"  # torch raises where it is read beside the new ones
    folders = ("lmctool", "plugins", "tools", "benchmarks", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    using = [path.relative_to(ROOT) for path in files if old in path.read_text("utf-8")]
    assert using == [Path("lmctool/evaluate/switches.py")]
