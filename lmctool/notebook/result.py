"""A result, as Python code gets it."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from lmctool.cli.held_checkpoint import HeldCheckpoint
from lmctool.notebook.metric_values import MetricValues

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from lmctool.notebook.shown_table import ShownTable
    from lmctool.report.html import Image
    from lmctool.results.result import Attribute
    from lmctool.results.result import Result as Record


class Result:
    """What a run of an analysis found.

    ``print`` shows its table; a notebook shows its table and its figure.

    Attributes:
        record: its arrays, by group and name.
        path: its file, where it was saved or opened; None where it is in none.
        notes: what the run told beside its numbers.
    """

    def __init__(self, record: Record, path: Path | None = None, notes: Sequence[str] = ()) -> None:
        """Take what was found; a new checkpoint is kept where it is held in memory.

        Args:
            record: what was found.
            path: its file, if it is in one.
            notes: what the run told.
        """
        kept = record.checkpoint is None or isinstance(record.checkpoint, HeldCheckpoint)
        self.record = record if kept else replace(record, checkpoint=None)
        self.path = path
        self.notes = tuple(notes)

    @property
    def analysis(self) -> str:
        """The name of the analysis, as on the command line."""
        return self.record.analysis

    @cached_property
    def metrics(self) -> Mapping[str, float]:
        """Each metric by its full name, such as ``barrier.error[variant=align,split=test]``.

        NaN stands for what is no finite number.  The coordinates may be asked for in any order,
        and those in which there is no choice may be left out.
        """
        return MetricValues(self.record)

    @property
    def provenance(self) -> dict[str, Attribute]:
        """Where it comes from: the command, inputs with their digests, settings, versions."""
        from lmctool.results.provenance import Provenance

        return Provenance.of(self.record).attributes()

    @property
    def checkpoint(self) -> dict[str, Tensor] | None:
        """The tensors of the network that the run made, by name, or None where it made none.

        They are on the CPU and as ``save`` stores them.  A result that was opened has none: its
        checkpoint is the file beside it.
        """
        held = self.record.checkpoint
        return held.tensors() if isinstance(held, HeldCheckpoint) else None

    @property
    def checkpoints(self) -> tuple[dict[str, Tensor], ...]:
        """The tensors of every network that the run made, as those of ``checkpoint``."""
        held = self.record.checkpoint
        every = held.all.values() if isinstance(held, HeldCheckpoint) else ()
        return tuple(each.tensors() for each in every)

    def table(self, name: str | None = None) -> ShownTable:
        """Return a table, of which ``str`` is the text.

        Args:
            name: that of a curve, such as ``barrier/curve/error``, or of other arrays, as
                ``lmctool show --table`` lists them; None for the one that the command shows.

        Raises:
            LmctoolError: there is no such table; it names all of them.
        """
        from lmctool.notebook.shown_table import ShownTable
        from lmctool.report.chosen_table import chosen_table
        from lmctool.results.doubt import doubts_of

        shown, exact = chosen_table(self.record, self.path, name)
        doubts = [] if name else [f"Note: {doubt.reason}" for doubt in doubts_of(self.record)]
        return ShownTable(shown, doubts, exact)

    def to_xarray(self) -> xr.DataTree:
        """Return everything as a DataTree, as xarray opens the result's file."""
        from lmctool.notebook.xarray_tree import datatree

        return datatree(self.record)

    def to_frame(self, group: str | None = None) -> pd.DataFrame:
        """Return numbers as a DataFrame in long form: a row for each combination of coordinates.

            found.to_frame("barrier/curve").query("variant == 'align'").plot("alpha", "loss")

        Args:
            group: the path of a group such as ``barrier/curve``: its coordinates are columns, and
                so is each of its arrays.  Arrays over other dims than the most of them are left
                out; ``frame.attrs["left_out"]`` names them.  Or the path of one array, such as
                ``permutations/permutation_000``.  None: a row for each metric.

        Raises:
            LmctoolError: there is no such group or array.
        """
        from lmctool.notebook.frame import group_frame, metrics_frame

        return metrics_frame(self.record) if group is None else group_frame(self.record, group)

    @overload
    def plot(
        self,
        ax: None = None,
        *,
        metric: str | None = None,
        split: str | None = None,
        size: tuple[float, float] | None = None,
        **style: Any,
    ) -> Figure: ...

    @overload
    def plot(
        self, ax: Any, *, metric: str | None = None, split: str | None = None, **style: Any
    ) -> Any: ...

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        metric: str | None = None,
        split: str | None = None,
        size: tuple[float, float] | None = None,
        **style: Any,
    ) -> Any:
        """Draw the figure of the analysis.

        Args:
            ax: axes to draw into, one for each panel of the figure; a colour bar takes room from
                its panel.  None makes a figure in lmctool's style, which a notebook shows where it
                is the value of a cell; to save it, call its ``savefig``.
            metric: the panels of this metric alone, such as ``"error"``: those whose title or
                labels name it.
            split: the panels of this split alone, likewise.
            size: width and height of a new figure, in inches.
            style: settings of Matplotlib with ``_`` for each dot, such as ``font_size=12``, beside
                lmctool's style, or beside your own where you give ``ax``.

        Returns:
            The figure, or ``ax``.

        Raises:
            LmctoolError: it cannot be drawn, there is no such panel or setting, or not one panel
                for each of the axes.
        """
        from lmctool.notebook.drawing import drawn
        from lmctool.report import by_analysis

        with by_analysis.mismatch_as_error(self.record, self.path):
            drawer = by_analysis.drawer(self.record)
            return drawn(self.record, drawer, ax, (metric, split), size, style)

    def save(
        self, path: str | PathLike[str], *, figure: bool = True, force: bool = False
    ) -> dict[str, Path]:
        """Write the files that the command writes.

        Args:
            path: the result, such as ``barrier.h5``; the figure and a new checkpoint get the same
                name with ``.png`` and ``.safetensors``.  A new checkpoint is a folder where it is
                like one, unless this path ends in ``.safetensors``.
            figure: whether to write the figure.  One that cannot be drawn is warned of.
            force: whether existing files may be replaced.

        Returns:
            The files by role: ``result``, ``checkpoint``, ``figure``; further checkpoints are
            ``checkpoint-2`` and so on.

        Raises:
            LmctoolError: a file exists and ``force`` is not given, or it cannot be written.
        """
        from lmctool.notebook.saving import save

        files = save(self.record, Path(path), with_figure=figure, force=force)
        self.path = files["result"]
        return files

    def require(
        self,
        *conditions: str,
        fail_if: str | Sequence[str] = (),
        baseline: Result | str | PathLike[str] | None = None,
        tolerance: str | float | None = None,
    ) -> Result:
        """Return this very result if it fulfils what is required.

            found.require("barrier.error <= 2%", "barrier.loss < 0.1")

        Args:
            conditions: what has to hold, as ``--require`` takes it; docs/outputs.md has the form.
            fail_if: what must not hold, likewise: one condition or several.
            baseline: an earlier result that this one must not be worse than.
            tolerance: how much worse a value may be: a number, or a percentage such as ``"5%"``.

        Raises:
            UnjudgedError: a condition cannot be judged: a metric that is not there, a number that
                is none or is doubtful, nothing to compare with.
            GateError: a condition does not hold.
            LmctoolError: a condition cannot be read, or decides nothing.
        """
        from lmctool.notebook.requirement import require

        unwanted = [fail_if] if isinstance(fail_if, str) else fail_if
        require(self, conditions, unwanted, baseline, tolerance)
        return self

    def __str__(self) -> str:
        """Return what the command shows."""
        return str(self.table())

    def __repr__(self) -> str:
        """Return what it is of, and where it is."""
        place = "" if self.path is None else f", '{self.path}'"
        return f"<lmctool.Result of {self.analysis}: {len(self.metrics)} metrics{place}>"

    def _repr_html_(self) -> str:
        """Return its table and its figure for a notebook."""
        return self.table().html(self._image())

    def _image(self) -> Image | str:
        """Return its figure for a notebook, or why there is none."""
        from lmctool.notebook.drawing import image
        from lmctool.report import by_analysis
        from lmctool.report.words import headline

        return image(self.record, by_analysis.drawer(self.record), headline(self.record))
