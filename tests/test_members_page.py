"""docs/plugins.md says of every member of what a run gives what it is, and of no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from lmctool import api
from lmctool.api import advanced
from lmctool.checkpoint.checkpoint import Checkpoint
from lmctool.graph.graph import Graph
from lmctool.run.batchnorm import BatchNormPolicy
from lmctool.run.calibration import Calibration
from lmctool.run.merge_method import MergeMethod
from lmctool.run.resources import Resources
from lmctool.testing import tiny_pair, tiny_run
from lmctool.testing.small_networks import named

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
PLUGINS = ROOT / "plugins/lmctool_plugins"
CLASSES: dict[str, type] = {
    each.__name__: each
    for each in (
        *(api.Run, api.Split, api.Scores, api.Curves, api.Variant, Calibration, BatchNormPolicy),
        *(MergeMethod, Resources, Checkpoint, Graph, api.Permutation, api.PermutationSpec),
        *(advanced.Tap, advanced.UnitIndex, advanced.Target, advanced.Moments),
        *(api.LinearTransform, api.LinearSpec, advanced.LinearGroup, advanced.Place),
    )
}
ROW = re.compile(r"^\| `(\w+)` \| `(.+)` \| (.+) \|$", re.MULTILINE)
OWN = re.compile(r"^The host's own: (.+?)\.$", re.MULTILINE | re.DOTALL)
ATTRIBUTE = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)


class Member(NamedTuple):
    """What a row of the page says of a member."""

    name: str
    type: str
    sentence: str

    def __str__(self) -> str:
        """Return the row; a bar within a cell is escaped."""
        kind = self.type.replace("|", "\\|")
        return f"| `{self.name}` | `{kind}` | {self.sentence} |"


def attributes(kind: type) -> dict[str, str]:
    """Return what a class says of its attributes, by name."""
    _, _, section = inspect.getdoc(kind).partition("Attributes:\n")  # type: ignore[union-attr]
    return {name: " ".join(text.split()) for name, text in ATTRIBUTE.findall(section)}


def member(kind: type, name: str, live: Any = None) -> Member:
    """Return what the code says of a member.

    Args:
        kind: the class.
        name: the member.
        live: an instance, for attributes that are typed nowhere.
    """
    said = attributes(kind)
    if name in said:
        typed = {**inspect.get_annotations(kind.__init__), **inspect.get_annotations(kind)}  # type: ignore[misc]
        return Member(name, typed.get(name) or class_of(getattr(live, name)), sentence(said[name]))
    getter = properties(kind).get(name)
    if getter is not None:
        return Member(name, inspect.get_annotations(getter)["return"], sentence(getter.__doc__))
    function = getattr(kind, name)
    return Member(name, signature(function), sentence(function.__doc__))


def class_of(value: object) -> str:
    kind = type(value)
    return f"torch.{kind.__name__}" if kind.__module__ == "torch" else kind.__name__


def properties(kind: type) -> dict[str, Any]:
    """Return the function behind each property of a class."""
    static = {name: inspect.getattr_static(kind, name) for name in dir(kind)}
    found = {n: getattr(v, "fget", None) or getattr(v, "func", None) for n, v in static.items()}
    return {name: getter for name, getter in found.items() if getter is not None}


def signature(function: Any) -> str:
    """Return how a method is called, as its source types it."""
    found = inspect.signature(function)
    parts, starred = [], False
    for each in found.parameters.values():
        if each.name == "self":
            continue
        star = "**" if each.kind is each.VAR_KEYWORD else ""
        if each.kind is each.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        value = getattr(each.default, "__name__", repr(each.default))
        default = "" if each.default is each.empty else f" = {value}"
        parts.append(f"{star}{each.name}: {each.annotation}{default}")
    return f"({', '.join(parts)}) -> {found.return_annotation}"


def sentence(text: str | None) -> str:
    """Return the first paragraph of what is said, with a capital and a stop."""
    first = " ".join((text or "").split("\n\n")[0].split()).replace("``", "`").rstrip(".")
    return first[:1].upper() + first[1:] + "."


def public(kind: type) -> set[str]:
    """Return the names of all public members, attributes that instances have too."""
    return {name for name in {*dir(kind), *attributes(kind)} if not name.startswith("_")}


def section(name: str) -> str:
    """Return what the page says of a class."""
    return PAGE.partition(f"\n### `{name}`\n")[2].partition("\n##")[0]


def owned(name: str) -> list[str]:
    """Return the members of a class that the page says are the host's own."""
    found = OWN.search(section(name))
    return re.findall(r"`(\w+)`", found[1]) if found else []


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return an instance of each class that types attributes nowhere."""
    run = tiny_run(tmp_path_factory.mktemp("pair"))
    return {"Run": run, "Resources": run.resources}


@pytest.mark.parametrize("name", CLASSES)
def test_every_member_is_on_the_page_as_the_code_has_it(name: str, live: dict[str, Any]) -> None:
    kind = CLASSES[name]
    rows = {cells[0]: cells for cells in ROW.findall(section(name))}
    if name != "Resources":  # of which plugins use little
        assert sorted([*rows, *owned(name)]) == sorted(public(kind))
    for each, (_, said, what) in rows.items():
        assert f"| `{each}` | `{said}` | {what} |" == str(member(kind, each, live.get(name)))


def test_no_built_in_uses_what_is_the_hosts_own() -> None:
    folders = [PLUGINS / kind for kind in ("aligners", "analyses", "corrections", "merges")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    used = "".join(path.read_text(encoding="utf-8") for path in files)
    assert not [name for name in owned("Run") if re.search(rf"\brun\.{name}\b", used)]


def test_all_attributes_of_a_run_are_said_to_be_some(live: dict[str, Any]) -> None:
    for name, instance in live.items():
        held = {n for n in vars(instance) if not n.startswith("_")} - properties(
            CLASSES[name]
        ).keys()
        assert held == set(attributes(CLASSES[name])) - set(dir(CLASSES[name]))


def test_the_module_has_the_first_networks_tensors_before_anybody_asked_for_them(
    tmp_path: Path,
) -> None:
    first, second = tiny_pair(tmp_path)
    run = tiny_run(tmp_path, checkpoints=(second, first))  # for the first is as the model begins
    found = {name: each.clone() for name, each in run.resources.module.state_dict().items()}
    weights = run.weights(0)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], each) for name, each in weights.items())


@pytest.mark.parametrize("key", ["resnet", "causal_lm"])
def test_the_module_is_what_the_page_says(key: str) -> None:
    (network,) = named([key])
    with network.run() as run, torch.no_grad():
        module, weights = run.resources.module, run.weights(1)
        parameters, buffers = (
            dict(each) for each in (module.named_parameters(), module.named_buffers())
        )
        assert not module.training and weights.keys() == parameters.keys() | buffers.keys()
        assert run.graph.buffers == buffers.keys()
        inputs = run.splits[0].head(4, run.dtype)
        outputs = torch.func.functional_call(module, dict(weights), (inputs,))
        torch.testing.assert_close(outputs, run.graph.run(weights, inputs, {}))
        first, second, other = (run.generator(name).initial_seed() for name in "aab")
        assert first == second != other and run.generator("a").device.type == "cpu"
