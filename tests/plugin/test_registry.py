"""Finding plugins, and what is said of those that cannot be used."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.errors import PluginError
from lmctool.plugin import registry
from lmctool.plugin.hookspecs import hookspec
from lmctool.plugin.kinds import ALIGNERS, ANALYSES, EXECUTORS, KINDS, Kind
from lmctool.plugin.records import Aligner

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Greeting:
    """What a plugin of a kind of these tests returns."""

    text: str


GOOD = '''"""Say hello.

More words.
"""
from lmctool.api import Analysis, hookimpl

@hookimpl
def lmctool_analysis():
    """Add it."""
    return Analysis(compute=lambda run: None)
'''


def entry(name: str, module: str, distribution: str) -> EntryPoint:
    """Return an entry point as an installed distribution would have it."""
    bare: Any = EntryPoint(name, module, ANALYSES.group)
    found: EntryPoint = bare._for(SimpleNamespace(name=distribution, version="1"))
    return found


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load an analysis from the source of its module."""

    def load(source: str) -> object:
        module = f"plugin_of_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        found = entry("mine", module, "my-package")
        monkeypatch.setattr(registry, "installed", lambda _: (found,))
        return registry.load(ANALYSES, "mine")

    return load


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_every_kind_has_a_hook_that_says_when_it_is_called(kind: Kind[Any]) -> None:
    specification = getattr(hookspec(kind), kind.hook)
    assert f"Return the {kind.record.__name__} that this plugin adds." in specification.__doc__
    assert "\n\nCalled when " in specification.__doc__ or "\n\nCalled at " in specification.__doc__


def test_one_entry_of_the_table_is_all_that_a_new_kind_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Kind[Greeting] = Kind(
        "mine.greetings",
        "mine_greeting",
        f"{__name__}:Greeting",
        "when somebody is greeted",
        "lmctool greet NAME",
    )
    monkeypatch.setattr(registry, "KINDS", (*KINDS, kind))
    source = (
        "from lmctool.api import hookimpl\n@hookimpl\ndef mine_greeting():\n"
        f"    from {__name__} import Greeting\n    return Greeting('hello')\n"
    )
    module = f"greeting_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{module}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "installed", lambda _: (entry("x", module, "my-package"),))
    assert registry.load(kind, "x").text == "hello"


def test_an_executor_that_is_not_there_is_told_with_those_that_are() -> None:
    assert "processes" in registry.names(EXECUTORS)
    with pytest.raises(PluginError, match=r"no executor is called 'slurm'; installed: .*processes"):
        registry.load(EXECUTORS, "slurm")


def test_an_unknown_name_is_told_with_the_nearest_one() -> None:
    with pytest.raises(PluginError, match="no analysis is called 'barier'; did you mean 'barrier'"):
        registry.find(ANALYSES, "barier")


def test_two_owners_of_a_name_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    both = (entry("x", "one", "first-package"), entry("x", "two", "second-package"))
    monkeypatch.setattr(registry, "installed", lambda _: both)
    with pytest.raises(PluginError, match=r"first-package \(one\) and second-package \(two\)"):
        registry.find(ANALYSES, "x")
    assert registry.names(ANALYSES) == ["x"]
    assert registry.summary(ANALYSES, "x").startswith("(analysis 'x' is provided more than once")


def test_one_distribution_found_twice_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [entry("x", "one", "package"), entry("x", "one", "package")]
    monkeypatch.setattr(registry, "_scanned", lambda: EntryPoints(twice))
    registry.installed.cache_clear()
    try:
        assert registry.find(ANALYSES, "x").value == "one"
    finally:
        registry.installed.cache_clear()


def test_a_plugin_can_be_registered_for_a_while() -> None:
    record = Aligner(lambda run, a, b: None)
    with registry.registered(ALIGNERS, "meanwhile", record, "lmctool.testing"):
        assert registry.load(ALIGNERS, "meanwhile") is record
        assert registry.summary(ALIGNERS, "meanwhile").startswith("What the author of a plugin")
    with (
        registry.registered(ALIGNERS, "weight", record, "lmctool.testing"),
        pytest.raises(PluginError, match="'weight' is provided more than once"),
    ):
        registry.load(ALIGNERS, "weight")
    assert "meanwhile" not in registry.names(ALIGNERS)


def test_the_summary_runs_no_code_of_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package_that_must_not_run"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('ran')")
    (package / "plugin.py").write_text('# a comment\n\nr"""First line.\n\nMore."""\nraise OSError')
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.first_line("package_that_must_not_run.plugin") == "First line."


def test_a_module_without_docstring_has_an_empty_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "module_without_docstring.py").write_text("x = 'no docstring'")
    monkeypatch.syspath_prepend(tmp_path)
    assert registry.first_line("module_without_docstring") == ""


def test_a_good_plugin_gives_its_record(load: Any) -> None:
    assert load(GOOD).arity == 2


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_that_name", "cannot be used: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "cannot be used: SystemExit: 3"),
        ("x = 1", "implements no hook lmctool_analysis, or it returned nothing"),
        (GOOD.replace("return", "return None #"), "implements no hook"),
        (GOOD.replace("lmctool_analysis", "lmctool_analisys"), "unknown hook 'lmctool_analisys'"),
        (GOOD.replace("lmctool_analysis()", "lmctool_analysis(x)"), "cannot be used: .*Validation"),
        (GOOD.replace("return", "return 5 #"), "returned 'int' where 'Analysis' is due"),
        (GOOD.replace("return", "raise ValueError('in the hook') #"), "ValueError: in the hook"),
    ],
)
def test_a_bad_plugin_is_named_with_its_distribution(source: str, message: str, load: Any) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        load(source)
    assert "analysis 'mine' (plugin_of_" in str(caught.value)
    assert "from my-package" in str(caught.value)


@pytest.mark.parametrize("call", ["names(kind)", "[summary(kind, n) for n in names(kind)]"])
def test_listing_imports_no_plugin(call: str) -> None:
    code = (
        f"import sys; from lmctool.plugin.registry import *;"
        f"from lmctool.plugin.kinds import ANALYSES as kind; {call};"
        "sys.exit('torch' in sys.modules or 'lmctool_plugins.analyses.barrier' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
