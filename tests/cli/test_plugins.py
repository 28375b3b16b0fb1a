"""What lmctool plugins tells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lmctool.plugin.kinds import KINDS
from lmctool.testing import invoke

if TYPE_CHECKING:
    from tests.cli.conftest import Install


def test_every_built_in_is_listed_and_loads() -> None:
    found = json.loads(invoke("plugins", "--json").stdout)["plugins"]
    own = [p for p in found if p["distribution"] == "lmctool 0.1.0"]
    assert {p["kind"] for p in own} == {kind.word for kind in KINDS}
    assert not [p for p in own if p["problem"]]
    assert all(p["help"] for p in own)


def test_a_plugin_that_does_not_load_says_why(install: Install) -> None:
    install("lmctool.tasks", "broken", '"""Breaks."""\nimport no_such_module_anywhere')
    done = invoke("plugins")
    assert done.exit_code == 0
    assert "No module named 'no_such_module_anywhere'" in done.stdout
    assert ", 1 broken" in done.stdout
