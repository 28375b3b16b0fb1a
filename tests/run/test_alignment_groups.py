"""What an aligner says of each of several alignments: none is lost, and gates judge each."""

from __future__ import annotations

from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import lmctool
from lmctool.api import Aligner, Alignment, DeclaredMetric, Group, Permutation, Result, Variable
from lmctool.errors import ExitCode, GateError, PluginError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, ANALYSES, MODELS
from lmctool.plugin.settings import Choice, Settings
from lmctool.results import journal
from lmctool.results.equality import difference
from lmctool.results.file import pack, unpack
from lmctool.results.journal import Journal
from lmctool.results.metrics import metrics
from lmctool.run.alignment_groups import joined
from lmctool.run.run import Run
from lmctool.testing import ARGUMENTS, invoke, save, tiny_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lmctool.api import Weights

BIAS = "classifier.bias"
"""The tensor whose first number says which of the networks one is."""


def values(*numbers: float) -> Variable:
    return Variable(np.array(numbers), ("step",), "nat", "a curve", metric="mine.curve")


def said(*curve: float, steps: tuple[int, ...] = (0, 10), **attributes: Any) -> dict[str, Group]:
    return {
        "mine": Group({"step": Variable(np.array(steps), ("step",))}, attributes),
        "mine/curve": Group({"curve": values(*curve)}),
    }


def test_groups_of_one_form_become_one_over_the_alignments() -> None:
    both = joined([said(1, 2, kept=3, start="x"), said(4, 5, kept=6, start="y")])
    assert list(both) == ["mine", "mine/curve"]
    assert both["mine"].attributes == {"kept": [3, 6], "start": ["x", "y"]}
    assert both["mine"].variables["step"].dims == ("step",)
    curve = both["mine/curve"].variables["curve"]
    assert (curve.dims, curve.unit, curve.long_name) == (("alignment", "step"), "nat", "a curve")
    assert curve.values.tolist() == [[1, 2], [4, 5]]
    assert metrics(Result("matrix", both)) == {
        "mine.curve[alignment=0,step=0]": 1,
        "mine.curve[alignment=0,step=10]": 2,
        "mine.curve[alignment=1,step=0]": 4,
        "mine.curve[alignment=1,step=10]": 5,
    }


def more(groups: dict[str, Group]) -> dict[str, Group]:
    return {**groups, "mine/0": Group({"own": Variable(np.array(7))})}


@pytest.mark.parametrize(
    "second",
    [
        said(4, 5, 6, steps=(0, 10, 20)),
        said(4, 5, steps=(0, 20)),
        said(4, 5, kept=["of", "list"]),
        said(4, 5, kept="text"),
        said(4, 5, other=3),
        more(said(4, 5)),
        {**said(4, 5), "mine/curve": Group({"curve": Variable(np.array(["4", "5"]), ("step",))})},
        {**said(4, 5), "mine/curve": Group({"curve": Variable(np.array([4, 5]), ("step",))})},
    ],
    ids=["length", "places", "list", "type", "attribute", "group", "text", "dtype"],
)
def test_groups_of_other_forms_stay_whole_below_their_numbers(second: dict[str, Group]) -> None:
    first = more(said(1, 2, kept=3))
    both = joined([first, {}, second])
    assert both.keys() == {
        f"mine/{number}{path.removeprefix('mine')}"
        for number, groups in ((0, first), (2, second))
        for path in groups
    }
    for number, groups in ((0, first), (2, second)):
        for path, group in groups.items():
            kept = both[f"mine/{number}{path.removeprefix('mine')}"]
            assert kept.attributes == group.attributes
            assert kept.variables["alignment"].values.tolist() == [str(number)]
            for name, variable in group.variables.items():
                held = kept.variables[name].values
                assert (held[0] if variable.metric else held).tolist() == variable.values.tolist()
    found = metrics(Result("matrix", both))
    assert found["mine.curve[alignment=0,step=10]"] == 2
    assert difference(unpack(pack(Result("matrix", both))), Result("matrix", both)) is None


def test_what_is_said_of_some_alignments_has_their_numbers() -> None:
    (path, group), *others = joined([{}, {"bad": Group({"n": Variable(np.array(8))})}, {}]).items()
    assert (path, others) == ("bad", [])
    assert group.variables["alignment"].values.tolist() == ["1"]
    assert group.variables["n"].values.tolist() == [8]


def test_of_one_alignment_nothing_changes() -> None:
    groups = said(1, 2, kept=[3])
    assert joined([groups]) == groups
    assert joined([]) == {}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    folder, paths = tmp_path_factory.mktemp("networks"), []
    for seed in range(3):
        torch.manual_seed(seed)
        module = registry.load(MODELS, "mlp").build("mlp", **ARGUMENTS)
        module.state_dict()[BIAS][0] = seed
        path = folder / f"net{seed}.safetensors"
        paths.append(save(path, module, model="mlp", arguments=ARGUMENTS))
    return tuple(paths)


def test_a_matrix_keeps_the_objectives_of_each_pair(networks: tuple[Path, ...]) -> None:
    found = lmctool.matrix(*networks, align="weight", points=3, limit=20, allow_chance=True)
    group = found.record.groups["weight"]
    objective = group.variables["objective"]
    assert objective.dims == ("alignment", "restart")
    assert objective.values.shape == (3, 3)
    assert group.variables["restart"].dims == ("restart",)
    proofs = found.record.groups["proof"].variables["alignment"]
    assert group.variables["alignment"].values.tolist() == proofs.values.tolist() == [*"012"]
    permutations = found.record.groups["permutations"].variables
    assert permutations["moved"].dims == ("alignment", "group")
    assert not [path for path in found.record.groups if path.startswith("permutations/")]
    run = tiny_run(networks[0].parent, "matrix", checkpoints=networks)
    for number, pair in enumerate(combinations(map(run.weights, range(3)), 2)):
        alone = run.match("weight", *pair).groups["weight"]
        assert objective.values[number].tolist() == alone.variables["objective"].values.tolist()
        for name in ("objective_unaligned", "objective_a"):
            assert group.attributes[name][number] == alone.attributes[name]  # type: ignore[index]


def telling(run: Run, a: Weights, b: Weights, *, ragged: bool = False) -> Alignment:
    """Say of a pair which network B is, in a metric, in a text and in a curve."""
    number = round(float(b[BIAS][0]))
    length = 2 + number * ragged
    variables = {
        "which": Variable(np.array(number), metric="mine.which", long_name="number of B"),
        "told": Variable(np.array(["x" * number]), ("sentence",)),
        "curve": Variable(np.full(length, number), ("step",)),
    }
    return Alignment(Permutation(run.permutation_spec, {}), {"mine": Group(variables)})


def misnaming(run: Run, a: Weights, b: Weights) -> Alignment:
    value = Variable(np.array(0.5), metric="mine.alignment")
    return Alignment(Permutation(run.permutation_spec, {}), {"mine": Group({"alignment": value})})


@pytest.fixture
def stranger(request: pytest.FixtureRequest) -> Iterator[None]:
    record = Aligner(request.param, metrics=(DeclaredMetric("mine.which", "which network B is"),))
    with registry.registered(ALIGNERS, "stranger", record, "lmctool.testing"):
        yield


WHICH = {f"mine.which[alignment={number}]": which for number, which in enumerate((1, 2, 2))}
"""What a matrix of three networks says of its pairs: 0 and 1, 0 and 2, 1 and 2."""


@pytest.mark.parametrize("stranger", [telling], ids=["alike"], indirect=True)
@pytest.mark.usefixtures("stranger")
def test_a_condition_holds_of_each_alignment(networks: tuple[Path, ...]) -> None:
    found = lmctool.matrix(*networks, align="stranger", points=3, limit=20, allow_chance=True)
    assert WHICH.items() <= dict(found.metrics).items()
    found.require("mine.which <= 2")
    found.require("mine.which[alignment=0] <= 1")
    with pytest.raises(GateError, match="alignment=1"):
        found.require("mine.which <= 1")
    assert found.to_xarray()["mine/which"].dims == ("alignment",)


@pytest.mark.parametrize("stranger", [partial(telling, ragged=True)], ids=["ragged"], indirect=True)
@pytest.mark.usefixtures("stranger")
def test_a_gate_judges_alignments_of_which_other_things_are_said(
    networks: tuple[Path, ...], tmp_path: Path
) -> None:
    few = ("--points", "3", "--limit", "20", "--allow-chance")
    gate = ("--require", "mine.which <= 1")
    done = invoke("matrix", *networks, "--align", "stranger", *few, *gate, "-o", tmp_path / "m")
    assert done.exit_code == ExitCode.GATE, done.output
    assert "mine.which[alignment=1]" in done.output
    assert WHICH.items() <= dict(lmctool.open(tmp_path / "m.h5").metrics).items()


@pytest.mark.parametrize("stranger", [partial(telling, ragged=True)], ids=["ragged"], indirect=True)
@pytest.mark.usefixtures("stranger")
def test_a_run_that_goes_on_says_the_same(
    networks: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "PAUSE", 0)  # each alignment is written when it is found
    settings = Settings(networks, aligner=Choice("stranger"))
    analysis = registry.load(ANALYSES, "matrix")
    started, resumed, unbroken = (
        Run("matrix", analysis, settings, journal=Journal(folder))
        for folder in (tmp_path, tmp_path, None)
    )
    pairs = [*combinations(range(3), 2)]
    for run, aligned in ((started, pairs[:2]), (resumed, pairs), (unbroken, pairs)):
        for first, second in aligned:
            run.align(run.weights(first), run.weights(second))
    assert {path.name for path in started.journal.files()}
    one, other = (Result("matrix", run.alignments.groups()) for run in (resumed, unbroken))
    assert {"mine/0", "mine/2"} <= one.groups.keys()
    assert difference(one, other) is None


@pytest.mark.parametrize("stranger", [misnaming], indirect=True)
@pytest.mark.usefixtures("stranger")
def test_an_aligner_with_an_alignment_of_its_own_is_refused(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, aligner="stranger")
    with pytest.raises(PluginError) as told:
        run.align(run.weights(0), run.weights(1))
    assert str(told.value) == (
        "aligner 'stranger' calls something in its group 'mine' 'alignment', which is the dim of"
        " the alignments of a run; call it otherwise"
    )
