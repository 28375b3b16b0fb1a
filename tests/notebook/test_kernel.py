"""Results in a real kernel: each figure is shown, and shown once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbclient
import nbformat

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from lmctool.notebook.result import Result

CELLS = (
    "from pathlib import Path; from lmctool.notebook.result import Result\n"
    "from lmctool.results.file import read; found = Result(read(Path('a.h5')))",
    "found.plot(metric='loss')",
    "found",
    "import matplotlib.pyplot as plt; plt.get_backend()",
    "found.plot(metric='loss')",
    "figure, axes = plt.subplots(1, 2)\nfound.plot(axes, metric='loss');",
    "found.metrics",
)
PICTURES = [0, 1, 0, 0, 1, 1, 0]


def test_a_figure_is_shown_once_whether_pyplot_is_there_or_not(
    found: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found.save(tmp_path / "a.h5", figure=False)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "own"))
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=list(map(v4.new_code_cell, CELLS)))
    client = nbclient.NotebookClient(
        notebook, resources={"metadata": {"path": str(tmp_path)}}, kernel_name="python3"
    )
    client.execute()
    shown = [cell.outputs for cell in notebook.cells]
    assert [sum("image/png" in _data(output) for output in cell) for cell in shown] == PICTURES
    assert shown[1][0].metadata["image/png"] == {"width": 922, "height": 428}
    (table,) = shown[2]
    assert "<table>" in _data(table)["text/html"]
    assert "inline" in _data(shown[3][0])["text/plain"]
    assert "barrier.error[variant=align,split=test]" in _data(shown[6][0])["text/plain"]


def _data(output: Any) -> dict[str, str]:
    data: dict[str, str] = output.get("data", {})
    return data
