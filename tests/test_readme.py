"""README says what the program does today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, KINDS
from lmctool.testing import invoke

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def cells(table: str) -> list[list[str]]:
    """Return the cells of each row of a printed table, from its first variant on."""
    rows = [re.split(r"\s{2,}", line) for line in table.splitlines()]
    return [row for row in rows if row[:1] == ["test"]]


def test_the_output_of_the_main_job_is_the_one_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = re.search(r"```console\n\$ (lmctool barrier .*?)\n(.*?)```", README, re.DOTALL)
    assert block
    words = [str(ROOT / w) if w.startswith("examples/") else w for w in block[1].split()[1:]]
    monkeypatch.chdir(tmp_path)
    done = invoke(*words)
    assert done.exit_code == 0, done.output
    shown, printed = cells(block[2]), cells(done.stdout)
    assert [row[:3] for row in shown] == [row[:3] for row in printed]
    for one, other in zip(shown, printed, strict=True):
        for a, b in zip(one[3:7], other[3:7], strict=True):
            # another processor may round one of 449 examples to the other side
            assert float(a.rstrip(" %")) == pytest.approx(float(b.rstrip(" %")), abs=0.5)


def test_every_command_and_every_kind_of_plugin_is_in_it() -> None:
    for name in [*registry.names(ANALYSES), "inspect", "show", "plot", "plugins"]:
        assert re.search(rf"`{name}[ `]", README), name
    for kind in KINDS:
        assert re.search(rf"\| `{kind.group}` \|.*\| `{kind.hook}` \|", README)


def test_every_file_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
