"""What a run keeps is named by what it computes, never by its place in an order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.results.journal import Journal, MemoryJournal
from lmctool.run.run import Run
from lmctool.testing import tiny_run
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

IN_A_SETS_ORDER = '''
"""Evaluate two networks in the order of a set."""
import os
from lmctool.api import Analysis, Group, Result, Variable, hookimpl

def compute(run):
    import numpy as np
    names, losses = ["first", "second"], {}
    for name in set(names):
        losses[name] = run.evaluate([run.weights(names.index(name))]).loss[0, 0]
        if os.environ.get("STOP"):
            raise KeyboardInterrupt
    loss = np.array([losses[name] for name in names])
    network = Variable(np.array(names, dtype=object), ("network",))
    values = {"network": network, "loss": Variable(loss, ("network",), metric="sets.loss")}
    return Result("sets", {"sets": Group(values)})

@hookimpl
def lmctool_analysis():
    return Analysis(compute)
'''


def keep(journal: Journal, kind: str, what: object, value: float) -> None:
    with journal.entries(kind) as entries:
        entries.entry(lambda: what).keep(lambda: {"value": np.array(value)})


def look_up(journal: Journal, kind: str, what: object) -> NDArray[np.float64] | None:
    with journal.entries(kind) as entries:
        arrays = entries.entry(lambda: what).arrays
    return None if arrays is None else arrays["value"]


def test_an_entry_is_found_by_what_it_is_whatever_came_before_it(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    keep(first, "loss", "network A", 1.0)
    keep(first, "loss", "network B", 2.0)
    second = Journal(tmp_path)
    assert look_up(second, "loss", "network B") == 2.0
    assert look_up(second, "loss", "network A") == 1.0
    assert look_up(second, "loss", "network C") is None
    assert look_up(second, "error", "network A") is None


def test_entries_within_others_are_kept_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.entries("outer") as outer:
        keep(journal, "inner", "part", 3.0)
        assert outer.entry(lambda: "whole").arrays is None  # it was never finished
    assert look_up(Journal(tmp_path), "inner", "part") == 3.0


def test_what_nobody_can_tell_from_others_is_not_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with journal.entries("read") as entries:
        entries.entry(None).keep(lambda: {"value": np.array(1.0)})
    assert not list(journal.files())


def test_a_damaged_file_loses_only_its_own_entries(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    keep(journal, "loss", "A", 1.0)
    (damaged,) = journal.files()
    keep(journal, "loss", "B", 2.0)
    damaged.write_bytes(damaged.read_bytes()[:-30])
    again = Journal(tmp_path)
    assert look_up(again, "loss", "A") is None
    assert look_up(again, "loss", "B") == 2.0


@pytest.fixture
def journalled(tmp_path: Path) -> Iterator[tuple[Run, Run]]:
    """Return two runs of the same settings, the second of which goes on with the first's work."""
    paths = tuple(
        save(tmp_path / f"{seed}.safetensors", "mlp-batch", trained("mlp-batch", seed))
        for seed in range(2)
    )
    folder = tmp_path / "work"
    folder.mkdir()
    settings = Settings(
        paths,
        aligner=Choice("weight"),
        correction=Choice("repair", {"targets": "both"}),
        calib_size=200,
    )
    analysis = registry.load(ANALYSES, "barrier")
    yield tuple(  # type: ignore[misc]
        Run("barrier", analysis, settings, journal=Journal(folder)) for _ in range(2)
    )


def test_networks_that_are_asked_for_in_another_order_have_their_own_numbers(
    journalled: tuple[Run, Run],
) -> None:
    first, second = journalled
    forth = first.evaluate([first.weights(0), first.weights(1)]).loss[0]
    back = second.evaluate([second.weights(1), second.weights(0)]).loss[0]
    assert forth[0] != forth[1]
    np.testing.assert_array_equal(back, forth[::-1])


def test_weights_of_ones_own_are_told_by_their_tensors(journalled: tuple[Run, Run]) -> None:
    first, second = journalled
    once = dict(first.weights(0))
    loss = first.evaluate([once]).loss[0, 0]
    other = {n: t.clone() for n, t in second.weights(0).items()}
    assert second.evaluate([other]).loss[0, 0] == loss
    other["classifier.bias"][0] += 5
    assert second.evaluate([other]).loss[0, 0] != loss


def test_what_a_lambda_reads_is_never_that_of_another(journalled: tuple[Run, Run]) -> None:
    for run in journalled:
        split = run.split("test")
        (one,) = run.read([run.weights(0)], split, lambda outputs, _: outputs)
        (two,) = run.read([run.weights(0)], split, lambda outputs, _: 2 * outputs)
        np.testing.assert_array_equal(two, 2 * one)


def test_a_run_that_goes_on_measures_nothing_again(
    journalled: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = journalled
    alpha = np.linspace(0, 1, 3)
    curves = first.follow(first.variants(), alpha)
    measured: list[str] = []
    monkeypatch.setattr(Journal, "add", lambda _, name, __: measured.append(name))
    again = second.follow(second.variants(), alpha)
    assert not measured
    np.testing.assert_array_equal(again.loss, curves.loss)


@pytest.mark.parametrize("policy", ["a", "b", "reset"])
def test_mixtures_of_other_statistics_are_other_networks(
    journalled: tuple[Run, Run], policy: str
) -> None:
    from dataclasses import replace

    run, _ = journalled
    other = Run(
        "barrier",
        registry.load(ANALYSES, "barrier"),
        replace(run.settings, batchnorm=policy),  # type: ignore[arg-type]
        journal=Journal(run.journal.folder),
    )
    mine, theirs = (each.variants()[0] for each in (run, other))
    assert mine.recipe(0) == theirs.recipe(0)
    assert mine.recipe(0.5) != theirs.recipe(0.5)


def in_order(seed: int) -> str:
    code = "print(list({'first', 'second'})[0])"
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def test_an_analysis_in_the_order_of_a_set_goes_on_under_another_hash_seed(tmp_path: Path) -> None:
    seeds = 1, next(seed for seed in range(2, 100) if in_order(seed) != in_order(1))
    site = tmp_path / "site"
    (site / "sets-0.1.dist-info").mkdir(parents=True)
    (site / "in_sets_order.py").write_text(IN_A_SETS_ORDER)
    (site / "sets-0.1.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: sets\nVersion: 0.1\n"
    )
    entry = "[lmctool.analyses]\nsets = in_sets_order\n"
    (site / "sets-0.1.dist-info/entry_points.txt").write_text(entry)
    nets = [
        str(save(tmp_path / f"{seed}.safetensors", "mlp", trained("mlp", seed))) for seed in (0, 1)
    ]

    def lmctool(*words: str, seed: int, stop: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONHASHSEED": str(seed)}
        command = [sys.executable, "-m", "lmctool", "sets", *nets, "-q", "--json", "-", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | {"STOP": stop}, capture_output=True, text=True
        )

    unbroken = lmctool("-o", "whole.h5", seed=seeds[0])
    assert unbroken.returncode == 0, unbroken.stderr
    assert lmctool("-o", "out.h5", seed=seeds[0], stop="1").returncode == 130
    resumed = lmctool("-o", "out.h5", "--resume", seed=seeds[1])
    assert resumed.returncode == 0, resumed.stderr
    losses = json.loads(unbroken.stdout)["metrics"]
    assert len(set(losses.values())) == 2
    assert json.loads(resumed.stdout)["metrics"] == losses


def test_an_entry_of_this_run_is_found_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert look_up(journal, "loss", "network A") is None
    keep(journal, "loss", "network A", 1.0)
    assert look_up(journal, "loss", "network A") == 1.0


def test_a_journal_in_memory_keeps_copies() -> None:
    journal, values = MemoryJournal(), np.array([1.0])
    with journal.entries("loss") as entries:
        entries.entry(lambda: "network A").keep(lambda: {"value": values})
    values[:] = 2.0
    for _ in range(2):
        found = look_up(journal, "loss", "network A")
        assert found is not None and found == 1.0
        found[:] = 3.0
    assert look_up(journal, "error", "network A") is None


def test_what_an_analysis_learns_is_found_again_by_what_decided_it(tmp_path: Path) -> None:
    run, learned = tiny_run(tmp_path), list[int]()
    run.journal = MemoryJournal()

    def learn() -> dict[str, NDArray[np.float64]]:
        learned.append(len(learned))
        return {"bend": np.array([0.5, len(learned)])}

    def kept(**decided: Any) -> NDArray[np.float64]:
        return run.kept("a bend", learn, **decided)["bend"]

    first, second = run.weights(0), run.weights(1)
    bend = kept(networks=[first, second], splits=[run.split("test")], of=[0.1, {"steps": 5}])
    again = kept(networks=[first, second], splits=[run.split("test")], of=[0.1, {"steps": 5}])
    assert np.array_equal(bend, again) and learned == [0]
    others: list[dict[str, Any]] = [
        {"networks": [second, first], "splits": [run.split("test")], "of": [0.1, {"steps": 5}]},
        {"networks": [first, second], "splits": [run.split("train")], "of": [0.1, {"steps": 5}]},
        {"networks": [first, second], "splits": [run.split("test")], "of": [0.1, {"steps": 6}]},
    ]
    for other in others:
        kept(**other)
    assert learned == [0, 1, 2, 3]
