"""The commands of docs/observers.md run."""

from __future__ import annotations

import re
from pathlib import Path

from lmctool.testing import invoke
from tests.libraries import needs

PAGE = (Path(__file__).parents[3] / "docs/observers.md").read_text(encoding="utf-8")


@needs("mlflow", "tensorboard", "wandb")
def test_the_commands_of_the_page_tell_their_observers() -> None:
    (commands,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in commands.splitlines():
        done = invoke(*line.split()[2:], "--points", "3", "--allow-chance", "-q")
        assert (done.exit_code, "Warning" in done.stderr) == (0, False), done.output
    assert len(list(Path("runs/lmc").glob("barrier-*/events.*"))) == 1
    assert len(list(Path("mlruns").glob("*/*/artifacts/figure.png"))) == 1
    assert len(list(Path("wandb").glob("offline-run-*/*.wandb"))) == 1
