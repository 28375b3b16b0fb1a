"""What the measurement of a small run's start-up prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import own_work, startup

if TYPE_CHECKING:
    from pathlib import Path


def test_a_part_of_a_run_counts_what_no_other_part_takes(tmp_path: Path) -> None:
    words = [*startup.WORDS, "--points", "3", "--force", "--out", str(tmp_path / "barrier.h5")]
    work = own_work.measure(words)
    assert set(work) == set(startup.PARTS)
    assert min(work.values()) > 0


def test_the_table_tells_what_a_run_takes_beyond_its_own_work() -> None:
    first = {startup.TORCH: 1.0, "barrier, second time": 3.0, startup.OWN: 1.5, "figure": 0.5}
    second = {name: 2 * taken for name, taken in first.items()}
    *_, run, own, figure = startup.table_of_run([first, second])
    assert run == "| barrier, second time | 4.50 | 3.00 | 1.50 |"
    assert own == "| its own work | 2.25 | 1.50 |  |"
    assert figure == "| figure | 0.75 | 0.50 |  |"
