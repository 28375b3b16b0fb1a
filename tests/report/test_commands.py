"""lmctool show and lmctool plot."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from lmctool.cli.commands import plot, show
from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.records import Analysis
from lmctool.results.file import write
from lmctool.results.result import Result
from lmctool.results.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    import click


def invoke(command: click.Command, *arguments: str | Path) -> str:
    """Run a command and return what it prints."""
    runner = CliRunner()
    words = [str(argument) for argument in arguments]
    return runner.invoke(command, words, catch_exceptions=False, standalone_mode=False).output


def installed_analysis(monkeypatch: pytest.MonkeyPatch, analysis: Analysis) -> None:
    """Let the registry know one analysis, called ``unheard-of``."""
    monkeypatch.setattr(registry, "names", lambda _: ["unheard-of"])
    monkeypatch.setattr(registry, "load", lambda _, __: analysis)


def test_show_prints_metrics_and_curves(curved_file: Path) -> None:
    output = invoke(show.command, curved_file)
    assert "barrier.error[variant=align+repair,split=test]" in output
    assert "  0.075" in output
    assert "alpha 0 to 1" in output
    assert "command" not in output


def test_show_verbose_adds_the_provenance(curved_file: Path) -> None:
    output = invoke(show.command, curved_file, "--verbose")
    assert "command: lmctool some\\x1b[31mthing" in output
    assert "... (1000 characters)" in output


def test_show_json_is_the_document_alone(curved_file: Path) -> None:
    document = json.loads(invoke(show.command, curved_file, "--json", "-"))
    assert document["metrics"]["barrier.error[variant=align+repair,split=test]"] == 0.075
    assert document["files"] == {"result": str(curved_file)}


def test_show_uses_the_table_of_the_installed_analysis(
    curved_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table("their own", ("a",), (("1",),))
    installed_analysis(monkeypatch, Analysis(lambda _: Result("", {}), table=lambda _: table))
    assert invoke(show.command, curved_file).startswith("their own\n")


def test_a_result_that_its_analysis_cannot_read_is_told(
    curved_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(result: Result, *_: object) -> Table:
        raise KeyError(f"{result.analysis}/curve")

    analysis = Analysis(lambda _: Result("", {}), table=fail, figure=fail)  # type: ignore[arg-type]
    installed_analysis(monkeypatch, analysis)
    for arguments in (
        (show.command, curved_file),
        (plot.command, curved_file, "-o", tmp_path / "a.png"),
    ):
        with pytest.raises(LmctoolError, match="does not hold what analysis 'unheard-of' writes"):
            invoke(*arguments)


def test_the_name_in_a_file_imports_nothing(tmp_path: Path) -> None:
    write(Result("os:system", {}), tmp_path / "x.h5")
    assert "this result has no metrics" in invoke(show.command, tmp_path / "x.h5")


def test_plot_writes_the_figure_and_prints_its_path(curved_file: Path, tmp_path: Path) -> None:
    figure = tmp_path / "a.svg"
    assert invoke(plot.command, curved_file, "-o", figure).strip() == str(figure)
    with pytest.raises(LmctoolError, match="exists"):
        invoke(plot.command, curved_file, "-o", figure)
    invoke(plot.command, curved_file, "-o", figure, "--force")


def test_a_wrong_suffix_is_told_before_the_result_is_read(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=r"must end in .png, .svg, .pdf or .pgf"):
        invoke(plot.command, tmp_path / "none.h5", "-o", tmp_path / "a.gif")


@pytest.mark.parametrize("name", ["show", "plot"])
def test_help_imports_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; from lmctool.cli.commands.{name} import command;"
        "command.main(['--help'], standalone_mode=False);"
        "sys.exit(bool({'torch', 'h5py', 'numpy', 'matplotlib', 'rich'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
