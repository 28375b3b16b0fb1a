"""Every test runs in one environment, and the surroundings of ``make test-anywhere`` are tried."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tools import anywhere

if TYPE_CHECKING:
    from pathlib import Path


def test_no_variable_of_the_machine_steers_what_lmctool_prints_or_reads() -> None:
    steering = ("CI", "FORCE_COLOR", "GITHUB_", "LMCTOOL_", "NO_COLOR")
    assert not [name for name in os.environ if name.startswith(steering)]
    assert (os.environ["COLUMNS"], os.environ["TERM"]) == ("80", "xterm")


@pytest.mark.parametrize(("asserted", "code"), [("1 + 1 == 2", 0), ("'X' in os.environ", 1)])
def test_tests_run_in_the_surroundings_and_a_failure_is_told(
    asserted: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"import os; assert 'Y' in os.environ; assert {asserted}"
    monkeypatch.setattr(anywhere, "PYTEST", (sys.executable, "-c", script))
    assert anywhere.run(anywhere.Surroundings("Y is set", variables={"Y": "1"}), []) == code


def test_every_name_of_the_surroundings_stands_once(tmp_path: Path) -> None:
    names = [each.name for each in anywhere.surroundings(tmp_path)]
    assert len(names) == len(set(names)) > 10
