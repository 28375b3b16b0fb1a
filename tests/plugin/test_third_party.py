"""A stranger's package, really installed, and a broken one beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lmctool.plugin.kinds import MODELS

EXAMPLE = Path(__file__).parents[2] / "examples/third_party"
BROKEN = {
    "absent": "import no_such_module_anywhere\n",
    "silent": (
        "from lmctool.api import hookimpl\n@hookimpl\ndef lmctool_analysis():\n    return None\n"
    ),
    "mistyped": (
        "from lmctool.api import hookimpl\n@hookimpl\ndef lmctool_analisys():\n    return None\n"
    ),
}


def pip_install(package: Path, target: Path) -> None:
    """Install a package from source into a folder, taking nothing from an index."""
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target"]
    command = [sys.executable, "-m", "pip", *words, str(target), str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the example and a broken package installed."""
    sources, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("site")
    skip = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    pip_install(shutil.copytree(EXAMPLE, sources / "example", ignore=skip), target)
    broken = sources / "broken"
    (broken / "broken_plugins").mkdir(parents=True)
    (broken / "broken_plugins/__init__.py").write_text("")
    for name, source in BROKEN.items():
        (broken / f"broken_plugins/{name}.py").write_text(f'"""It is {name}."""\n{source}')
    entries = "".join(f'{name} = "broken_plugins.{name}"\n' for name in [*BROKEN, "gone"])
    (broken / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "broken-plugins"\nversion = "0.1"\n'
        '[tool.setuptools]\npackages = ["broken_plugins"]\n'
        f'[project.entry-points."lmctool.analyses"]\n{entries}'
        '[project.entry-points."lmctool.observers"]\nabsent = "broken_plugins.absent"\n'
    )
    pip_install(broken, target)
    return target


def lmctool(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process that sees the installed packages."""
    return python(site, folder, "-c", "from lmctool.cli import main; main()", *words)


def python(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process that sees the installed packages."""
    environment = {**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[str, str]:
    """Return two checkpoints of a model with two inputs, as two-moons has."""
    import torch
    from safetensors.torch import save_file

    from lmctool.plugin import registry

    metadata = {"lmctool.model": "mlp"}
    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        build = registry.load(MODELS, "mlp").build
        module = build("mlp", inputs=2, width=8, depth=2, classes=2)
        save_file(module.state_dict(), tmp_path / f"{name}.safetensors", metadata=metadata)
    return "a.safetensors", "b.safetensors"


def test_a_strangers_aligner_and_dataset_work_in_barrier(
    site: Path, tmp_path: Path, checkpoints: tuple[str, str]
) -> None:
    words = ["--data", "two-moons", "--align", "norm-sorted", "--points", "3", "--allow-chance"]
    done = lmctool(site, tmp_path, "barrier", *checkpoints, *words)
    assert done.returncode == 0, done.stderr
    assert "two-moons, from --data: generated" in done.stderr
    assert "align" in done.stdout
    assert (tmp_path / "barrier.h5").is_file()
    assert "observer 'absent' failed" in done.stderr  # the broken package's


def test_a_strangers_analysis_works(
    site: Path, tmp_path: Path, checkpoints: tuple[str, str]
) -> None:
    done = lmctool(site, tmp_path, "norms", *checkpoints)
    assert done.returncode == 0, done.stderr
    assert "layers.0.weight" in done.stdout
    assert (tmp_path / "norms.png").is_file()
    shown = lmctool(site, tmp_path, "show", "norms.h5")
    assert shown.stdout.startswith("L2 norms")


def test_help_lists_what_is_installed_even_if_it_is_broken(site: Path, tmp_path: Path) -> None:
    shown = " ".join(lmctool(site, tmp_path, "--help").stdout.split())
    assert "norms L2 norm of every tensor of every checkpoint" in shown
    assert "silent It is silent" in shown
    assert "gone (its module 'broken_plugins.gone' is not installed)" in shown


def test_broken_plugins_are_named_with_the_reason(site: Path, tmp_path: Path) -> None:
    done = lmctool(site, tmp_path, "plugins")
    assert done.returncode == 0, done.stderr
    lines = {tuple(line.split()[:2]): line for line in done.stdout.splitlines()}
    assert "No module named 'no_such_module_anywhere'" in lines["analysis", "absent"]
    assert "implements no hook lmctool_analysis" in lines["analysis", "silent"]
    assert "unknown hook 'lmctool_analisys'" in lines["analysis", "mistyped"]
    assert "broken-plugins 0.1" in lines["analysis", "gone"]
    assert "lmctool-example 0.1.0  yes" in lines["aligner", "norm-sorted"]


def test_the_examples_own_tests_pass(site: Path, tmp_path: Path) -> None:
    tests = str(EXAMPLE / "tests")
    done = python(site, tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests)
    assert done.returncode == 0, done.stdout
