"""Networks in memory are what the same networks are in files, and stay what they were."""

from __future__ import annotations

import importlib
import linecache
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from lmctool.errors import LmctoolError
from lmctool.model.example import input_shape
from lmctool.model.given_network import given_network
from lmctool.plugin import registry
from lmctool.plugin.given import Given
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Naming
from lmctool.results.file import write
from lmctool.run.provenance import complete
from lmctool.testing import invoke, tiny_run
from tests.given_nets import KINDS, SOURCE, state_of, state_of_torch

if TYPE_CHECKING:
    from types import ModuleType

    from lmctool.run.run import Run

A, B = Path("A"), Path("B")
NETS = "nets_of_the_user"


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the user's, imported; the text of a data set lies beside it."""
    (tmp_path / f"{NETS}.py").write_text(SOURCE)
    (tmp_path / "text.txt").write_text("In the beginning was the word. " * 30)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, NETS, raising=False)
    module = importlib.import_module(NETS)
    monkeypatch.setitem(sys.modules, NETS, module)  # gone behind the test
    return module


def made(nets: ModuleType, kind: str, seed: int) -> nn.Module:
    """Return a network in training mode, with running statistics that are its own."""
    torch.manual_seed(seed)
    module: nn.Module = getattr(nets, kind)()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.normal_(part.running_mean, std=0.1)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
    return module.train()


def data_of(kind: str, folder: Path) -> str:
    return f"text:{folder / 'text.txt'}?length=8" if kind == "lm" else "digits"


def given_run(*networks: Any, model: Any = None, **settings: Any) -> Run:
    """Return a run on networks in memory."""
    kept = {Path(chr(65 + n)): given_network(each, chr(65 + n)) for n, each in enumerate(networks)}
    chosen: dict[str, Any] = {"checkpoints": tuple(kept), "data": "digits", "limit": 40} | settings
    return tiny_run(Path(), given=Given(kept, model=model), **chosen)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_on_modules_is_the_run_on_their_files_bit_for_bit(
    nets: ModuleType, kind: str, tmp_path: Path
) -> None:
    modules = [made(nets, kind, seed) for seed in (0, 1)]
    for module, path in zip(modules, ("a.safetensors", "b.safetensors"), strict=True):
        save_file({n: t.clone() for n, t in module.state_dict().items()}, tmp_path / path)
    repair = Choice("repair", {"targets": "layers"}) if kind != "lm" else None
    settings: dict[str, Any] = {"data": data_of(kind, tmp_path), "limit": 40, "aligner": "weight"}
    settings |= {"correction": repair, "calib_size": 40}
    files = tiny_run(
        tmp_path,
        checkpoints=(tmp_path / "a.safetensors", tmp_path / "b.safetensors"),
        model=f"{tmp_path / NETS}.py:{kind}",
        **settings,
    )
    before = [state_of(module) for module in modules], state_of_torch()
    memory = given_run(*modules, **settings)
    for index in range(2):
        ours, theirs = memory.weights(index), files.weights(index)
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert memory.checkpoints[index].digest == files.checkpoints[index].digest
    assert memory.graph.fingerprint == files.graph.fingerprint
    assert memory.permutation_spec.tensors == files.permutation_spec.tensors
    assert memory.permutation_spec.fixed == files.permutation_spec.fixed
    curves = [
        run.follow(run.variants(), np.linspace(0, 1, 3), per_example=True)
        for run in (memory, files)
    ]
    np.testing.assert_array_equal(curves[0].loss, curves[1].loss)
    np.testing.assert_array_equal(curves[0].error, curves[1].error)
    np.testing.assert_array_equal(curves[0].losses["test"], curves[1].losses["test"])
    assert memory.probe == files.probe
    assert ([state_of(module) for module in modules], state_of_torch()) == before


def test_what_the_caller_does_to_a_module_afterwards_changes_nothing(nets: ModuleType) -> None:
    a, b = made(nets, "mlp", 0), made(nets, "mlp", 1)
    run = given_run(a, b)
    expected = given_run(a, b).scores([0, 1]).loss
    with torch.no_grad():
        for parameter in (*a.parameters(), *b.parameters()):
            parameter.zero_()
    np.testing.assert_array_equal(run.scores([0, 1]).loss, expected)


def test_the_record_has_digests_code_and_graph_but_no_file(nets: ModuleType) -> None:
    run = given_run(made(nets, "mlp", 0), made(nets, "mlp", 1))
    record = run.files.checkpoints["0"]
    assert (record.path, record.sha256) == ("A", None)
    assert record.digest == run.checkpoints[0].digest
    assert NETS in run.files.code
    assert run.model is not None
    assert (run.model.spec, run.model.origin) == (f"{NETS}.MLP", "network 'A'")
    assert len(run.resources.graph_of_user_code) == 64


def test_a_result_of_networks_in_memory_is_shown_reported_compared_and_audited(
    nets: ModuleType, tmp_path: Path
) -> None:
    paths: list[Path] = []
    for seed in (0, 0, 1):
        run = given_run(
            made(nets, "mlp", seed), made(nets, "mlp", 2), analysis="distance", data=None
        )
        found = registry.load(ANALYSES, "distance").compute(run, "parameters", None)
        paths.append(tmp_path / f"{len(paths)}.h5")
        write(complete(run, found, command="lmctool.distance(A, B)", options={}), paths[-1])
    (tmp_path / "policy.toml").write_text("[[gate]]\nrequire = 'distance.l2 <= 1000'\n")
    commands: tuple[list[str | Path], ...] = (
        ["show"],
        ["report", "-o", tmp_path / "r.html"],
        ["audit", "--policy", tmp_path / "policy.toml"],
    )
    for command in commands:
        done = invoke(command[0], paths[0], *command[1:])
        assert done.exit_code == 0, done.output
    assert "checkpoint.0" not in invoke("compare", paths[0], paths[1]).stdout
    other = invoke("compare", paths[0], paths[2]).stdout
    assert "checkpoint.0.digest" in other
    assert "checkpoint.0.sha256" not in other
    assert "whose objects no result holds" in invoke("rerun", paths[0]).stderr


def test_a_network_that_no_source_defines_is_told_by_its_graph() -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    run = given_run(plain, plain)
    assert set(run.files.code) == {"lmctool"}
    assert len(run.resources.graph_of_user_code) == 64


def test_state_dicts_need_a_model_and_take_a_module_a_class_or_a_function(
    nets: ModuleType,
) -> None:
    a, b = (made(nets, "mlp", seed) for seed in (0, 1))
    states = a.state_dict(), b.state_dict()
    expected = given_run(a, b).scores([0, 1]).loss
    with pytest.raises(LmctoolError, match="the model of 'A' is not known"):
        given_run(*states)
    for model in (a, nets.MLP, nets.mlp, lambda: nets.MLP(8)):
        run = given_run(*states, model=model)
        assert run.model is not None
        assert run.model.origin == "model="
        np.testing.assert_array_equal(run.scores([0, 1]).loss, expected)


def test_a_function_gives_initial_states_and_a_module_has_none(nets: ModuleType) -> None:
    a, b = (made(nets, "mlp", seed) for seed in (0, 1))
    run = given_run(a, b, model=nets.mlp, model_arguments={"width": "8"})
    torch.manual_seed(5)
    fresh = nets.mlp()
    assert all(torch.equal(run.resources.initial(5)[n], t) for n, t in fresh.state_dict().items())
    with pytest.raises(LmctoolError, match="network 'A' is a module, which is made already; pass"):
        given_run(a, b).resources.initial(5)
    with pytest.raises(LmctoolError, match=r"arguments for the model \(width\), but network 'A'"):
        given_run(a, b, model_arguments={"width": "8"})
    same = given_run(a, b, model=lambda: a)
    with pytest.raises(LmctoolError, match="returns the same network each time"):
        same.resources.initial(5)
    assert a.training


def test_a_word_for_the_model_goes_before_the_module(nets: ModuleType) -> None:
    a = made(nets, "mlp", 0)
    given = Given({path: given_network(a, str(path)) for path in (A, B)})
    with pytest.raises(LmctoolError, match="'A' does not fit model lenet"):
        tiny_run(Path(), checkpoints=(A, B), data="digits", model="lenet", given=given)


def test_networks_of_other_shapes_use_their_own_modules(nets: ModuleType) -> None:
    a = made(nets, "mlp", 0)
    run = given_run(a, Seven(), analysis="align", excepted=("out",), aligner="weight")
    assert run.model is not None
    assert [each.spec for each in run.resources.models.values()] == [
        f"{NETS}.MLP",
        f"{__name__}.Seven",
    ]
    with pytest.raises(LmctoolError, match=r"'B' does not fit model nets_of_the_user\.MLP"):
        state = Seven().state_dict()
        given_run(a, state, analysis="align", excepted=("out",), aligner="weight")


class Seven(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 8)
        self.out = nn.Linear(8, 7)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.out(self.fc(inputs.flatten(1)).relu())
        return answer


def compiled(module: nn.Module) -> nn.Module:
    wrapped = torch.compile(module, backend="eager")
    assert isinstance(wrapped, nn.Module)
    return wrapped


@pytest.mark.parametrize("wrap", [nn.DataParallel, compiled, AveragedModel])
def test_wrappers_of_training_are_taken_off(nets: ModuleType, wrap: Any) -> None:
    a, b = (made(nets, "mlp", seed) for seed in (0, 1))
    run = given_run(wrap(a), wrap(b))
    plain = given_run(a, b)
    assert run.checkpoints[0].digest == plain.checkpoints[0].digest
    assert run.model is not None
    assert run.model.spec == f"{NETS}.MLP"
    np.testing.assert_array_equal(run.scores([0, 1]).loss, plain.scores([0, 1]).loss)


def test_names_are_what_the_options_make_of_them(nets: ModuleType) -> None:
    state = {f"net.{name}": tensor for name, tensor in made(nets, "mlp", 0).state_dict().items()}
    state |= {"ema.x": torch.zeros(2)}
    naming = Naming(strip=("net",), ignore=("ema.*",), rename=(("out", "head"),))
    run = given_run(state, state, analysis="distance", naming=naming, data=None)
    assert run.checkpoints[0].names == ("fc.bias", "fc.weight", "head.bias", "head.weight")
    nested = {"state_dict": state, "optimizer": {"state": {0: torch.zeros(3)}}, "epoch": 3}
    keyed = Naming(key="net")
    run = given_run(nested, nested, analysis="distance", naming=keyed, data=None)
    assert run.checkpoints[0].names == ("fc.bias", "fc.weight", "out.bias", "out.weight")


CELL = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        return self.out(x.flatten(1)) + {shift}
"""


def of_a_cell(monkeypatch: pytest.MonkeyPatch, number: int, shift: int) -> nn.Module:
    """Return a network of a class that a notebook's cell defines."""
    text, place = CELL.format(shift=shift), f"<cell {number}>"
    notebook = sys.modules.get("notebook_of_the_user", types.ModuleType("notebook_of_the_user"))
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    monkeypatch.setitem(linecache.cache, place, (len(text), None, text.splitlines(True), place))
    notebook.nn = nn  # type: ignore[attr-defined]
    exec(compile(text, place, "exec"), vars(notebook))
    module: nn.Module = notebook.Net()
    return module


def test_a_class_of_a_cell_is_recorded_by_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    name, digests = "notebook_of_the_user.Net", []
    for number, shift in enumerate((1, 2, 1)):
        net = of_a_cell(monkeypatch, number, shift)
        run = given_run(net, net, analysis="align", data=None, inputs=(input_shape("2x64"),))
        record = run.files.code[name]
        digests.append((record.sha256, run.resources.graph_of_user_code))
        assert record.path == "notebook_of_the_user"
    assert digests[0] == digests[2]
    assert digests[0][0] != digests[1][0]
    assert digests[0][1] != digests[1][1]


def test_a_class_that_was_edited_since_it_was_imported_is_refused(
    nets: ModuleType, tmp_path: Path
) -> None:
    a = made(nets, "mlp", 0)
    path = tmp_path / f"{NETS}.py"
    path.write_text(SOURCE.replace("x.flatten(1)).relu()", "x.flatten(1)).tanh()"))
    with pytest.raises(LmctoolError, match=r"edited after .* the old 'MLP\.forward'; restart"):
        given_run(a, a)
