"""Runs that align networks in canonical form: what they measure, store, read back and refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.errors import LmctoolError, PluginError, UnjudgedError
from lmctool.notebook.permuted import permute
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.records import Aligner
from lmctool.plugin.settings import Choice
from lmctool.results.file import write
from lmctool.results.journal import Journal
from lmctool.results.result import Group, Result
from lmctool.run.provenance import complete
from lmctool.run.run import Run
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.stored import TRANSFORMS, load_transform
from lmctool.symmetry.linear.transform import LinearTransform, permutation_part
from lmctool.symmetry.permutation import Permutation
from lmctool.testing import tiny_run
from tests.run.canonical_networks import DATA, MODEL, gpt2, pair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.weights.arithmetic import Weights

    Runs = Callable[..., Run]

ALL = Choice("random", {"groups": "all"})
DERIVED = ("paths", "spec", "linear")
KNOWN: dict[bool, dict[str, Any]] = {}
"""What follows from the model with its head tied and not, for it takes longer than all the rest."""


@pytest.fixture
def run_of(tmp_path: Path) -> Runs:
    """Return a function that opens a run on two networks, its graph known."""
    pair(tmp_path)

    def opened(analysis: str = "barrier", **settings: Any) -> Run:
        files = (tmp_path / "a.safetensors", tmp_path / "b.safetensors")
        chosen = {"checkpoints": files, "model": MODEL, "data": DATA, "aligner": ALL, **settings}
        run = tiny_run(tmp_path, analysis, **chosen)
        return known(run)

    return opened


def known(run: Run) -> Run:
    """Return a run whose graph and symmetries are known from another."""
    canonical, symmetries = run.resources.canonical, run.symmetries.first
    if canonical not in KNOWN:
        KNOWN[canonical] = {name: getattr(symmetries, name) for name in DERIVED}
    symmetries.__dict__.update(KNOWN[canonical])
    run.resources.__dict__["graph"] = symmetries.paths.graph
    return run


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Return the result of a run that aligned two networks."""
    folder = tmp_path_factory.mktemp("aligned")
    run = known(tiny_run(folder, checkpoints=pair(folder), model=MODEL, data=DATA, aligner=ALL))
    run.align(run.weights(0), run.weights(1))
    return complete(run, Result("barrier", {}), command="", options={})


@pytest.fixture
def stored(result: Result, tmp_path: Path) -> Path:
    """Return the path of that result, beside the two networks."""
    pair(tmp_path)
    path = tmp_path / "r.h5"
    write(result, path)
    return path


def outputs(run: Run, *networks: Weights) -> list[np.ndarray[Any, Any]]:
    return run.read(networks, run.calibration.split, lambda output, _: output)


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[n], other[n]) for n in one)


def test_aligned_paths_go_between_canonical_networks_and_the_plain_one_between_the_files(
    run_of: Runs,
) -> None:
    run = run_of(dtype="float64")
    a, b = run.weights(0), run.weights(1)
    plain, aligned = run.variants()
    assert plain.a is a and plain.b is b
    assert same(aligned.a, canonical(run.linear_spec, a))
    assert isinstance(aligned.transform, LinearTransform)
    assert same(aligned.b, aligned.transform.apply(canonical(run.linear_spec, b)))
    assert all((aligned.at(0.5)[f"{n}.weight"] == 1).all() for n in ("norm", "blocks.0.norm1"))
    before, after = outputs(run, a, b), outputs(run, aligned.a, aligned.b)
    np.testing.assert_allclose(before, after, rtol=1e-10, atol=1e-10)
    first, second = outputs(run, plain.at(0.5), aligned.at(0.5))
    assert not np.allclose(first, second)


def test_the_canonical_form_of_each_network_is_proved_once_and_told(run_of: Runs) -> None:
    run = run_of()
    notes: list[str] = []
    run.forms.note = notes.append
    a, b = run.weights(0), run.weights(1)
    for _ in range(2):
        run.align(a, b)
    result = complete(run, Result("barrier", {}), command="", options={})
    proof = result.groups["proof/canonical"].variables
    assert proof["holds"].values.tolist() == [True, True]
    assert (proof["difference"].values <= proof["tolerance"].values).all()
    assert result.groups["proof"].variables["difference"].values.shape == (2,)
    (note,) = notes
    assert note.startswith(
        "aligned networks are in canonical form: the gains and shifts of 5 norms"
    )


def test_a_wrong_canonical_form_is_refused(run_of: Runs) -> None:
    run = run_of()
    spec = run.linear_spec
    short = replace(spec.canonical, norms=spec.canonical.norms[1:])  # what reads it is centred
    run.symmetries.first.linear = replace(spec, canonical=short)
    with pytest.raises(UnjudgedError, match="the canonical form changes the network: outputs"):
        run.frame(run.weights(1))


def test_a_wrong_map_is_refused_and_its_group_is_named(run_of: Runs) -> None:
    run = run_of()
    spec, b = run.linear_spec, run.frame(run.weights(1))
    name = "blocks.0.qkv[2]"
    group = replace(spec.groups[name], places=spec.groups[name].places[:-1])
    groups = {**spec.groups, name: group}
    short = LinearTransform.random(replace(spec, groups=groups), run.generator("short"))
    with pytest.raises(UnjudgedError, match=r"the transform changes .* group 'blocks.0.qkv\[2\]'"):
        run.prove(b, short)


def test_tensors_are_untied_where_networks_are_canonical_alone(run_of: Runs) -> None:
    tied = run_of(aligner="random")
    assert "head.weight" not in tied.weights(0) and tied.frame(tied.weights(0)) is tied.weights(0)
    run = run_of()
    assert run.resources.ties == {"head.weight": "embedding.weight"}
    assert torch.equal(run.weights(0)["head.weight"], run.weights(0)["embedding.weight"])


def test_a_run_that_goes_on_has_the_same_transform(run_of: Runs, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    settings = run_of().settings
    analysis = registry.load(ANALYSES, "barrier")
    first, second = (
        known(Run("barrier", analysis, settings, journal=Journal(folder))) for _ in range(2)
    )
    second._ask_aligner = None  # type: ignore[assignment, method-assign]
    one, other = (run.align(run.weights(0), run.weights(1)) for run in (first, second))
    assert isinstance(one, LinearTransform) and isinstance(other, LinearTransform)
    assert one.maps.keys() == other.maps.keys() == first.linear_spec.groups.keys()
    assert all(torch.equal(one.maps[name], other.maps[name]) for name in one.maps)
    assert other.spec is second.linear_spec


def test_a_stored_transform_is_applied_as_it_was(run_of: Runs, stored: Path) -> None:
    first, second = run_of(), run_of(aligner=None, apply=stored)
    assert second.resources.canonical
    assert same(first.variants()[1].b, second.variants()[1].b)


def test_a_permutation_of_an_aligner_of_canonical_networks_is_one_of_these(run_of: Runs) -> None:
    run = run_of()
    permutation = Permutation.random(run.permutation_spec, run.generator("here"))
    run.prove(run.frame(run.weights(1)), permutation)
    (alignment,) = run.alignments.proved
    assert isinstance(alignment.transform, LinearTransform)
    assert permutation_part(alignment.transform) is permutation


@pytest.mark.parametrize("canonical", [True, False])
def test_an_aligner_is_given_canonical_networks_by_its_own_run_alone(
    run_of: Runs, monkeypatch: pytest.MonkeyPatch, canonical: bool
) -> None:
    def mine(run: Run, a: Weights, b: Weights) -> LinearTransform:
        return LinearTransform.random(run.linear_spec, run.generator("mine"))

    run = run_of(aligner="activation")
    a, b = run.weights(0), run.weights(1)
    aligner = Aligner(mine, needs=frozenset({"model"}), canonical=canonical)
    load = registry.load
    monkeypatch.setattr(
        registry, "load", lambda kind, name: aligner if name == "mine" else load(kind, name)
    )
    if canonical:
        with pytest.raises(LmctoolError, match="needs networks in canonical form, and the run's"):
            run.match("mine", a, b)
    else:
        with pytest.raises(PluginError, match="but its networks are not in canonical form"):
            run.match("mine", a, b)


def test_transforms_need_whole_networks(run_of: Runs, stored: Path) -> None:
    with pytest.raises(LmctoolError, match="aligner 'random' needs whole networks"):
        run_of(excepted=("norm.weight",), analysis="align")
    with pytest.raises(LmctoolError, match=r"the transform of .* needs whole networks"):
        run_of(excepted=("norm.weight",), analysis="align", aligner=None, apply=stored)


def spoiled(result: Result, name: str, change: Callable[[Any], Any]) -> Result:
    """Return a result with another array among its transforms."""
    group = result.groups[TRANSFORMS]
    variable = group.variables[name]
    variables = {**group.variables, name: replace(variable, values=change(variable.values))}
    return replace(result, groups={**result.groups, TRANSFORMS: Group(variables, {})})


def doubled(values: Any) -> Any:
    return 2 * values


def holed(values: Any) -> Any:
    values = values.copy()
    values.flat[0] = np.nan
    return values


def flattened(values: Any) -> Any:
    values = values.copy()
    values[0] = 0
    return values


def renamed(values: Any) -> Any:
    return np.array([f"{value}." for value in values], dtype=object)


def test_a_stored_transform_that_does_not_fit_the_model_is_refused(
    run_of: Runs, result: Result, tmp_path: Path
) -> None:
    spec, path = run_of().linear_spec, tmp_path / "r.h5"
    for name, change, told in (
        ("map_000", doubled, "holds no sound transform: .* is not orthogonal"),
        ("group", renamed, "doesn't fit the model: it is of groups"),
    ):
        write(spoiled(result, name, change), path, force=True)
        with pytest.raises(LmctoolError, match=told):
            load_transform(path, spec)


def test_python_applies_a_stored_transform_without_the_model(run_of: Runs, stored: Path) -> None:
    run = run_of()
    b = run.checkpoints[1].path
    expected = run.variants()[1].b
    assert same(permute(b, stored), expected)
    module = gpt2()
    module.load_state_dict({n: run.weights(1)[n] for n in module.state_dict()})
    moved = permute(module, stored)
    assert same(moved.state_dict(), expected)
    assert (len(list(moved.parameters())), len(list(module.parameters()))) == (29, 28)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("map_000", doubled, "is not orthogonal"),
        ("map_000", holed, "is not of finite float64 numbers"),
        ("map_000", lambda matrices: matrices[:, :-1], "has shape"),
        ("map_001", flattened, "is singular"),
        ("map_001", np.float32, "is not of finite float64 numbers"),
        ("positions_000", doubled, "lie outside of it, or twice"),
        ("power", doubled, "acts with power"),
        ("tensor", renamed, "cannot be read"),
        ("kind", renamed, "is of no kind"),
        ("axes", lambda axes: np.array(["7"] * len(axes), dtype=object), "has no axes"),
        ("units", renamed, "no permutation group is called"),
        ("gain", renamed, "no tensor is called"),
        ("size", doubled, "has other units in tensor"),
    ],
)
def test_a_stored_transform_that_is_none_is_refused(
    result: Result, name: str, change: Callable[[Any], Any], told: str
) -> None:
    with pytest.raises(LmctoolError, match=told):
        permute({}, spoiled(result, name, change))
