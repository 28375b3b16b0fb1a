"""The code of modules: their sources, and the packages that they import."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from lmctool.plugin.source_code import code_of, installed, packages_of
from lmctool.run.environment import plugin_code, versions_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package outside of site-packages, and a file beside it."""
    monkeypatch.syspath_prepend(tmp_path)
    package = tmp_path / "project_of_mine"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(
        "import json\nimport numpy.linalg as la\nfrom . import layers\n"
        "def make():\n    from .inner.deep import width\n    return width\n"
    )
    (package / "layers.py").write_text("from lmctool.api import lerp\nfrom yaml import safe_load\n")
    (package / "inner/__init__.py").write_text("")
    (package / "inner/deep.py").write_text("width = 1\nfrom ...too import far\n")
    (package / "unused.py").write_text("")
    (tmp_path / "alone.py").write_text("from project_of_mine import net, nothing\nimport nowhere\n")
    return tmp_path


EXPECTED = {"", ".net", ".layers", ".inner", ".inner.deep"}


def test_it_has_what_is_imported_and_no_more(project: Path) -> None:
    code = code_of(["project_of_mine.net"])
    assert set(code.sources) == {f"project_of_mine{name}" for name in EXPECTED}
    assert code.packages == {"numpy", "yaml"}
    path = project / "project_of_mine/net.py"
    source = code.sources["project_of_mine.net"]
    assert source.path == str(path)
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_stands_for_itself(project: Path) -> None:
    code = code_of([], [project / "alone.py"])
    assert set(code.sources) == {"alone.py"} | {f"project_of_mine{name}" for name in EXPECTED}


def test_the_packages_that_a_module_lies_in_are_imported_with_it(project: Path) -> None:
    code = code_of(["project_of_mine.inner.deep"])
    assert {"project_of_mine", "project_of_mine.inner"} < set(code.sources)


def test_nothing_is_imported(project: Path) -> None:
    code_of(["project_of_mine.net"], [project / "alone.py"])
    assert not [name for name in sys.modules if name.startswith("project_of_mine")]


def test_an_edit_changes_the_source_of_one_module(project: Path) -> None:
    before = code_of(["project_of_mine.net"]).sources
    (project / "project_of_mine/inner/deep.py").write_text("width = 2\n")
    after = code_of(["project_of_mine.net"]).sources
    assert [name for name in before if before[name] != after[name]] == [
        "project_of_mine.inner.deep"
    ]


@pytest.mark.parametrize("text", ["def (", "\0", "# coding: nonsense\n", "\xff"])
def test_a_source_that_is_no_python_has_no_imports(text: str, project: Path) -> None:
    (project / "alone.py").write_text(text, encoding="latin-1")
    assert set(code_of([], [project / "alone.py"]).sources) == {"alone.py"}


def test_the_standard_library_and_lmctool_are_left_out() -> None:
    code = code_of(["json", "os.path", "sys", "lmctool.api", "no.such.module", "torch"])
    assert code.sources == {}
    assert code.packages == {"torch"}


def test_packages_are_told_by_the_versions_of_their_distributions() -> None:
    code = installed(["torch", "PIL", "json", "no_such", "lmctool"])
    assert code.packages == {"torch", "PIL"}
    assert versions_of(code.packages).keys() == {"versions.torch", "versions.pillow"}


def test_lmctool_is_one_source() -> None:
    source = packages_of(("lmctool", "lmctool_plugins"))
    assert plugin_code().sources["lmctool"] == source
    assert Path(source.path).name == "lmctool"
    assert packages_of(("lmctool",)).sha256 != source.sha256
