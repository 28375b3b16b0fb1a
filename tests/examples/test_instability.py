"""The script of examples/instability forks and measures what its page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.testing import invoke
from tests.training import EXAMPLES, commands

if TYPE_CHECKING:
    from pathlib import Path


def value(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def test_it_forks_each_network_at_each_step_and_measures_its_siblings(tmp_path: Path) -> None:
    listed = commands(EXAMPLES / "instability/make.sh", tmp_path)
    trainings = [words[1:] for program, *words in listed if program == "python"]
    measured = [words for program, *words in listed if program == "lmctool"]
    for network, command in zip(("lenet", "resnet20"), measured, strict=True):
        parent, *children = [words for words in trainings if value(words, "--model") == network]
        steps = value(parent, "--save-at").split(",")
        forks = [f"{network}/fork{step}" for step in steps]
        own = {option for option in parent if option.startswith("--")} - {"--save-at"}
        assert len(children) == 3 * len(steps)
        for child in children:
            assert own <= set(child)
            assert "--continue" in child
            step = value(child, "--init").removesuffix(".safetensors").rpartition("step")[2]
            assert value(child, "-o") in {
                f"{network}/fork{step}/order{value(child, '--data-seed')}.safetensors"
            }
        assert len({value(child, "-o") for child in children}) == len(children)
        assert command[0] == "instability"
        assert sorted(command[1 : command.index("--align")]) == sorted(forks)
        done = invoke(*command, "--help")
        assert done.exit_code == 0, done.output
