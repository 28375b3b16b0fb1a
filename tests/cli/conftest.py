"""Plugins that are installed for one test, and a stand-in for the run."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from lmctool.plugin import registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lmctool.plugin.kinds import Kind


class Install(Protocol):
    def __call__(self, group: str, name: str, source: str) -> None: ...


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Write a plugin's module and register it, beside those that are really installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    added: list[EntryPoint] = []
    original: Callable[[Kind[Any]], tuple[EntryPoint, ...]] = registry.installed

    def installed(kind: Kind[Any]) -> tuple[EntryPoint, ...]:
        return (*original(kind), *(entry for entry in added if entry.group == kind.group))

    def add(group: str, name: str, source: str) -> None:
        module = f"{tmp_path.name}_{name}_{len(added)}".replace("-", "_")
        (folder / f"{module}.py").write_text(dedent(source))
        added.append(EntryPoint(name, module, group))

    monkeypatch.setattr(registry, "installed", installed)
    return add


WEIGH = '''
"""Weigh two files."""
import click
from lmctool.api import Analysis, Group, Result, Variable, hookimpl

def compute(run, **options):
    import numpy as np
    run.note(f"options {sorted(options.items())}")
    with run.progress(3, "weigh") as advance:
        advance(3)
    if options.get("fail"):
        raise {"bug": RuntimeError("broken scales"), "stop": KeyboardInterrupt}[options["fail"]]
    value = Variable(np.array(2.5), metric="weigh.mass")
    return Result("weigh", {"weigh": Group({"mass": value})})

@hookimpl
def lmctool_analysis():
    """Add lmctool weigh."""
    options = (
        click.Option(["--grams"], type=int, default=1),
        click.Option(["--fail"]),
    )
    return Analysis(
        compute, options=options, aligner="optional", correction="optional", NEEDS
    )
'''


@pytest.fixture
def weigh(install: Install) -> str:
    """Install an analysis that needs neither model nor data."""
    source = WEIGH.replace("NEEDS", "needs=frozenset()")
    install("lmctool.analyses", "weigh", source)
    return "weigh"


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    """Two checkpoints of one tensor each, as words of a command line."""
    import torch
    from safetensors.torch import save_file

    paths = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for number, path in enumerate(paths):
        save_file({"w": torch.full((3,), float(number))}, path)
    return str(paths[0]), str(paths[1])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect what the command line asks to execute, and execute nothing."""
    import lmctool.cli.run_job

    jobs: list[Any] = []
    monkeypatch.setattr(lmctool.cli.run_job, "execute", lambda job, dry_run: jobs.append(job))
    return jobs
