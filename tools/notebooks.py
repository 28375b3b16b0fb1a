"""Run the example notebooks, and keep what they show: ``python -m tools.notebooks``.

A notebook is run in a kernel of its own, in its folder, by the Python that runs this.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
SECONDS = 600
"""How long a cell may take."""


def executed(path: Path) -> NotebookNode:
    """Return a notebook with what its cells show now.

    Raises:
        CellExecutionError: a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    client = NotebookClient(book, timeout=SECONDS, resources={"metadata": {"path": path.parent}})
    done: NotebookNode = client.execute()
    for cell in done.cells:
        cell.metadata.pop("execution", None)  # the times of its steps
    return done


def main() -> None:
    """Run all of them."""
    import nbformat

    for path in sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(executed(path), path)


if __name__ == "__main__":
    main()
