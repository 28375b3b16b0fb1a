"""Similarity of layers: against references, of permuted copies, and as a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from lmctool.api import Permutation
from lmctool.errors import LmctoolError
from lmctool.plugin.settings import Choice
from lmctool.results.metrics import metrics
from lmctool.run.run import Run
from lmctool.testing import invoke
from lmctool_plugins.analyses.similarity import measure as module
from lmctool_plugins.analyses.similarity.figure import draw
from lmctool_plugins.analyses.similarity.measure import measure
from lmctool_plugins.analyses.similarity.networks import compared
from lmctool_plugins.analyses.similarity.table import tabulate
from tests import reference
from tests.plugins.pairs import digits, initial, save, trained

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.api import Result

Runs = Callable[..., Run]
REPAIR = Choice("repair", {"targets": "both"})
PLAIN: dict[str, Any] = {"aligner": None}


def measured(run: Run, *layers: str, pool: bool = False, minibatch: int | None = None) -> Result:
    return measure(run, layers, pool, minibatch)


def values(result: Result, name: str, group: str = "layers") -> Any:
    return result.groups[f"similarity/{group}"].variables[name].values


def seen(key: str, weights: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Return what plain torch's convolutions and linear layers give, (example, ...) by name."""
    network = initial(key, 0).double()
    network.load_state_dict({name: tensor.double() for name, tensor in weights.items()})
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[..., None]:
        return lambda _module, _inputs, output: found.__setitem__(name, output)

    for name, part in network.named_modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.register_forward_hook(keep(name))
    ((inputs, _),) = digits("test").batches(1000, torch.float64)
    with torch.no_grad():
        network.eval()(inputs[:count])
    return found


def middle(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the midpoint of two networks, in plain torch."""
    return {n: (a[n].double() + b[n].double()) / 2 for n in a}


@pytest.mark.parametrize(("key", "minibatch"), [("mlp", None), ("vgg-batch", 30)])
def test_numbers_are_those_of_references_on_what_plain_torch_computes(
    run_of: Runs, key: str, minibatch: int | None
) -> None:
    a, b = trained(key, 0, 40), trained(key, 1, 40)
    count = 60
    run = run_of(key, a, b, limit=count, splits=("test",), **PLAIN)
    result = measured(run, minibatch=minibatch)
    nets = [seen_in_order(run, key, each) for each in (a, b, middle(a, b))]
    names = list(values(result, "layer"))
    assert names == [*nets[0]]
    size = minibatch or count
    for p, (one, other) in enumerate([(0, 1), (0, 2), (1, 2)]):
        for i, name in enumerate(names):
            x, y = nets[one][name], nets[other][name]
            for j, second in [*enumerate(names)][i % 3 :: 3]:  # the diagonal, and others
                parts = [
                    [part.flatten(1).numpy() for part in torch.split(each, size)]
                    for each in (x, nets[other][second])
                ]
                found = values(result, "cka", "grid")[0, p, 0, i, j]
                assert found == pytest.approx(reference.cka(*parts), abs=1e-6)
            units = [each.movedim(1, 0).flatten(1).numpy() for each in (x, y)]
            rows = [np.corrcoef(*pair)[0, 1] for pair in zip(*units, strict=True)]
            expected = float(np.mean(rows))
            assert values(result, "correlation")[0, p, 0, i] == pytest.approx(expected, abs=1e-6)
            expected = distance(*units)
            assert values(result, "procrustes")[0, p, 0, i] == pytest.approx(expected, abs=1e-6)


def seen_in_order(run: Run, key: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what plain torch gives for the examples of a run."""
    found = seen(key, weights, 1000)
    return {name: each[run.splits[0].index] for name, each in found.items()}


def distance(x: reference.Array, y: reference.Array) -> float:
    """Return the Procrustes distance of (unit, sample), by the map that is best."""
    x, y = (each - each.mean(axis=1, keepdims=True) for each in (x, y))
    x, y = (each / np.linalg.norm(each) for each in (x, y))
    left, _, right = np.linalg.svd(x @ y.T)
    return float(np.square(x - left @ right @ y).sum())


def test_equal_networks_are_alike_in_every_layer(run_of: Runs) -> None:
    weights = trained("mlp", 0)
    for dtype, near in (("float64", 1e-9), ("float32", 1e-5)):
        result = measured(run_of("mlp", weights, weights, dtype=dtype, limit=40, **PLAIN))
        for name, expected in (("cka", 1), ("correlation", 1), ("procrustes", 0)):
            np.testing.assert_allclose(values(result, name), expected, atol=near)


@pytest.mark.parametrize("pool", [False, True])
def test_a_permuted_copy_is_alike_in_every_layer_once_it_is_aligned(
    run_of: Runs, pool: bool
) -> None:
    a = trained("vgg-batch", 0, 60)
    spec = run_of("vgg-batch", a, a).permutation_spec
    moved = Permutation.random(spec, torch.Generator().manual_seed(0)).apply(a)
    run = run_of("vgg-batch", a, moved, limit=60, calib_size=300)
    result = measured(run, pool=pool)
    assert result.groups["similarity/layers"].attributes["pooled"] == pool
    plain, align = range(2)
    inner = slice(0, -1)  # classes stay in their order
    np.testing.assert_allclose(values(result, "cka")[:, 0], 1, atol=1e-8)
    np.testing.assert_allclose(values(result, "procrustes")[:, 0], 0, atol=1e-8)
    assert (values(result, "correlation")[plain, 0, 0, inner] < 0.6).all()
    assert (values(result, "cka")[plain, 1:, 0, -1] < 0.99).all()
    np.testing.assert_allclose(values(result, "cka")[align], 1, atol=1e-8)
    np.testing.assert_allclose(values(result, "correlation")[align], 1, atol=1e-8)


def test_each_network_is_looked_at_once(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), correction=REPAIR)
    networks, pairs = compared(run.variants())
    assert len(networks) == 6
    assert pairs == [[(0, 1), (0, 2), (1, 2)], [(0, 3), (0, 4), (3, 4)], [(0, 3), (0, 5), (3, 5)]]


def test_layers_are_chosen_by_names_and_patterns(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), limit=20, **PLAIN)
    for words, names in (
        (["classifier,layers.0"], ["layers.0", "classifier"]),
        (["layers*"], ["layers.0", "layers.1"]),
        ([r".*\.1", "classifier"], ["layers.1", "classifier"]),
    ):
        assert list(values(measured(run, *words), "layer")) == names
    with pytest.raises(LmctoolError, match="--layers names 'conv', but no layer or block is"):
        measured(run, "conv")


def test_hsic_is_of_all_examples_where_features_are_few(
    run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), **PLAIN)
    count = len(run.splits[0])
    whole = measured(run)
    assert values(whole, "at_once").tolist() == [count]
    monkeypatch.setattr(module, "FEATURES", 20)
    parts = measured(run)
    assert values(parts, "at_once").tolist() == [module.MINIBATCH]
    assert np.abs(values(parts, "cka") - values(whole, "cka")).max() < 0.02
    together = measured(run, minibatch=count)
    np.testing.assert_allclose(values(together, "cka"), values(whole, "cka"), atol=1e-12)
    for name in ("correlation", "procrustes"):  # no batch decides these
        np.testing.assert_allclose(values(parts, name), values(whole, name), atol=1e-12)


def test_a_silent_layer_has_no_similarity_and_leaves_the_lowest_unknown(run_of: Runs) -> None:
    ends = []
    for seed in (0, 1):
        weights = dict(trained("mlp", seed))
        ends.append(weights | {"layers.1.weight": torch.zeros(16, 16)})
    result = measured(run_of("mlp", *ends, dtype="float32", **PLAIN))
    for name in ("cka", "correlation", "procrustes"):
        assert np.isnan(values(result, name)[..., 1:]).all()
        assert not np.isnan(values(result, name)[..., 0]).any()
    assert (values(result, "lowest_layer", "lowest") == "layers.1").all()
    named = metrics(result)
    assert named["similarity.lowest_cka[variant=plain,pair=A-B,split=test]"] is None
    assert tabulate(result).rows[1][2] == "nan"


def test_wide_layers_without_room_have_no_distance_and_that_is_told(
    run_of: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool_plugins.analyses.similarity.units.MEMORY", 8 * 3 * 10**2)
    told: list[str] = []
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), **PLAIN)
    run.note = told.append
    result = measured(run)
    assert np.isnan(values(result, "procrustes")[0, 0, 0]).tolist() == [True, True, False]
    assert not np.isnan(values(result, "correlation")).any()
    assert "2 of the widest layers have no Procrustes distance (layers.0, layers.1)" in told[-1]


@pytest.fixture
def ends(tmp_path: Path) -> list[Path]:
    return [save(tmp_path / f"{n}.safetensors", "mlp", trained("mlp", n)) for n in (0, 1)]


def test_the_command_keeps_tables_figures_and_metrics_and_is_judged(
    ends: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "s.h5"
    asked = ("--align", "--repair", "--limit", "50", "--split", "train,test", "--minibatch", "20")
    kept = "similarity.last_cka[variant=align,pair=A-midpoint] >= 0"
    lost = "similarity.lowest_cka[pair=A-midpoint] >= 0.999"
    gates = ("--require", kept, "--require", lost)
    done = invoke("similarity", *ends, *asked, *gates, "--json", "-", "-o", out)
    assert done.exit_code == 3, done.output
    document = json.loads(done.stdout)
    place = "variant=align+repair,pair=B-midpoint,split=train,layer=layers.0"
    assert 0 < document["metrics"][f"similarity.cka[{place}]"] <= 1
    with h5py.File(out) as file:
        assert file["similarity/grid/cka"].shape == (3, 3, 2, 3, 3)
        assert file["similarity/layers/at_once"][()].tolist() == [20, 20]
    assert out.with_suffix(".png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--layers", "layer9"), "--layers names 'layer9', but no layer or block is called so"),
        (("--limit", "3"), "similarity needs 4 examples or more, but of split 'test' there are 3"),
        (("--minibatch", "7"), "Invalid value for '--minibatch': 7 is not in the range x>=8."),
    ],
    ids=["layers", "examples", "minibatch"],
)
def test_what_cannot_be_measured_is_said(
    ends: list[Path], tmp_path: Path, asked: tuple[str, ...], told: str
) -> None:
    done = invoke("similarity", *ends, *asked, "-o", tmp_path / "s.h5")
    assert done.exit_code == 2
    assert told in done.stderr.splitlines()[-1]
    assert not (tmp_path / "s.h5").exists()


def test_the_figure_has_lines_over_depth_and_a_map_of_each_path(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), correction=REPAIR, limit=50)
    figure = Figure()
    draw(measured(run), figure)
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    words = [axes.get_legend_handles_labels()[1] for axes in panels[:3]]
    middles = [f"A and midpoint, {name}" for name in ("plain", "align", "align+repair")]
    assert words[0] == words[2] == ["A and B", *middles]
    assert words[1] == ["A and B", middles[0], "A and B, align", *middles[1:]]
    maps = ["A and B", middles[0], middles[-1]]
    assert [axes.get_title() for axes in panels[3:]] == maps
