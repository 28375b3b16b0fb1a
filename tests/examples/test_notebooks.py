"""The example notebooks run, and show what they say; a wheel works under the kernel of another."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from sysconfig import get_path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.wheel import ROOT, built
from tools.notebooks import FOLDER, executed

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LATER = """\
import sys
from importlib.abc import MetaPathFinder


class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"IPython", "ipykernel", "matplotlib_inline"}:
            raise ModuleNotFoundError(name)


sys.meta_path.insert(0, Absent())
"""
"""What makes an environment lack what a kernel has."""
CELLS = (
    "import os, subprocess; print(os.environ['MPLBACKEND'])",
    "subprocess.run([PYTHON, '-m', 'lmctool', 'barrier', *PAIR, '--points', '3'], check=True)",
    """code = '''
import sys, lmctool
found = lmctool.barrier(*sys.argv[1:], points=3, out="mine.h5", quiet=True)
found.plot().savefig("mine.pdf")
print(lmctool.__file__)
'''
print(subprocess.check_output([PYTHON, "-c", code, *PAIR], text=True))""",
)


def test_there_are_notebooks_and_each_keeps_what_it_showed() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["audit", "digits", "your_network"]
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        code = [cell for cell in cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_figures_and_tables(path: Path) -> None:
    shown = {
        form
        for cell in executed(path).cells
        for output in cell.get("outputs", ())
        for form in output.get("data", ())
    }
    assert "text/html" in shown


def test_a_wheel_of_another_environment_works_under_a_kernel(tmp_path: Path) -> None:
    python = environment(tmp_path)
    pair = [str(ROOT / f"examples/digits/{name}.safetensors") for name in "ab"]
    book = nbformat.v4.new_notebook()
    names = f"PYTHON, PAIR = {str(python)!r}, {pair!r}"
    book.cells = [nbformat.v4.new_code_cell(code) for code in (names, *CELLS)]
    resources = {"metadata": {"path": str(tmp_path)}}
    done = NotebookClient(book, kernel_name="python3", resources=resources).execute()
    texts = ["".join(o.get("text", "") for o in cell.outputs) for cell in done.cells]
    assert "inline" in texts[1]
    assert str(tmp_path / "env") in texts[3]
    files = {path.name for path in tmp_path.iterdir()}
    assert {"barrier.h5", "barrier.png", "mine.h5", "mine.png", "mine.pdf"} <= files


def environment(folder: Path) -> Path:
    """Return the Python of an environment with the wheel, and without what kernels bring."""
    wheel = built(folder)
    venv.create(folder / "env", symlinks=True)
    python = folder / "env/bin/python"
    found = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    place = Path(found.strip())
    (place / "shared.pth").write_text(get_path("purelib") + "\n")
    (place / "absent.py").write_text(LATER)
    (place / "absent.pth").write_text("import absent\n")
    install = f"-m pip --python {python} install --quiet --no-deps {wheel}".split()
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    return python
