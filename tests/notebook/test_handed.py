"""What a call hands over: words for what words can say, stand-ins for objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lmctool.cli.analysis import AnalysisCommand
from lmctool.errors import LmctoolError
from lmctool.notebook.call import described
from lmctool.notebook.handed import Handed, handed_over
from lmctool.notebook.keywords import keywords
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES

NET = nn.Linear(2, 3)


def handed(name: str, *arguments: Any, **values: Any) -> Handed:
    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    return handed_over(arguments, values, keywords(command))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_paths_and_words_say_everything_themselves() -> None:
    found = handed("barrier", "a.pt", Path("b.pt"), points=3, data="digits", model="mlp")
    assert found.words == ["a.pt", "b.pt", *["--points", "3", "--data", "digits", "--model", "mlp"]]
    assert found.named_by_words


def test_objects_have_stand_ins_and_are_left_out_of_the_words() -> None:
    x, y = np.zeros((4, 2)), np.zeros(4, int)
    found = handed("barrier", NET, "b.pt", data=(x, y), model=NET, calib={"train": (x, y)})
    assert found.words == ["A", "b.pt"]
    assert list(found.given.networks) == [Path("A")]
    assert found.given.data == (x, y)
    assert found.given.model is NET
    assert not found.named_by_words


def test_a_stand_in_is_no_name_of_a_file_or_of_another_argument() -> None:
    Path("A").touch()
    assert handed("barrier", NET, "B").words == ["network-A", "B"]
    assert handed("barrier", "B", NET).words == ["B", "network-B"]


def test_networks_of_options_stand_in_by_the_options_name() -> None:
    found = handed("graft", "a.pt", from_=NET.state_dict())
    assert found.words == ["a.pt", "--from", "from"]
    found = handed("interpolate", "a.pt", "b.pt", also=[NET, "c.pt"])
    assert found.words == ["a.pt", "b.pt", "--also", "also-0", "--also", "c.pt"]


def test_networks_by_step_are_a_training_run() -> None:
    found = handed("trajectory", {20: NET, 10: NET.state_dict()}, "runs/b")
    assert found.words == ["A", "runs/b"]
    assert found.given.series == {Path("A"): ((10, Path("A/10")), (20, Path("A/20")))}
    assert set(found.given.networks) == {Path("A/10"), Path("A/20")}


def test_lists_of_networks_by_step_are_forks() -> None:
    found = handed("instability", {500: [NET, NET.state_dict()], 0: (NET, NET)}, "forks/k9")
    assert found.words == ["A/0", "A/500", "forks/k9"]
    members = {step: [Path(f"A/{step}/{number}") for number in (1, 2)] for step in (0, 500)}
    assert found.given.series == {
        Path(f"A/{step}"): tuple((step, each) for each in own) for step, own in members.items()
    }
    assert set(found.given.networks) == {*members[0], *members[500]}


def test_what_is_no_network_is_refused() -> None:
    odd: Any
    for odd in (3, [NET], torch.zeros(2), None):
        with pytest.raises(LmctoolError, match="A"):
            handed("barrier", odd, "b.pt")


def test_a_result_stands_for_its_file() -> None:
    class Saved:
        record, path = None, Path("el2n.h5")

    assert handed("barrier", "a", "b", scores=Saved()).words[-2:] == ["--scores", "el2n.h5"]
    Saved.path = None  # type: ignore[assignment]
    with pytest.raises(LmctoolError, match=r"apply is a result that is in no file yet; save it"):
        handed("barrier", "a", "b", apply=Saved())


def test_a_call_is_described_as_python_without_what_objects_hold() -> None:
    told = described("barrier", [NET, Path("b.pt")], {"data": (np.zeros(3), 1), "align": True})
    assert told == "lmctool.barrier(<Linear>, 'b.pt', data=<tuple>, align=True)"
    assert described("el-2n", ["x" * 99], {"split": ("a", "b")}) == (
        "lmctool.el_2n(<str>, split=('a', 'b'))"
    )
