"""A stand-in for a figure, which is drawn into axes that are somebody else's.

Whatever asks the stand-in for axes gets those that were lent, in the place of the panels they are
for; all other panels are drawn on axes that nobody sees.  What a drawing function puts beside its
panels goes into them: a legend, a title over several of them, a label along them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure

from lmctool.report.figure import COLORBAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from matplotlib.gridspec import SubplotSpec

PLACING = {"loc", "bbox_to_anchor", "bbox_transform", "ncols", "ncol"}
"""What says where a legend is in a figure, and how wide."""
TEXTS = {"title", "xlabel", "ylabel"}
"""What axes may be given when they are made, and lent ones as well."""
BELOW = 40
"""The height of the numbers and the label of an x axis, in points."""


@dataclass
class Loan:
    """The axes that take the place of panels.

    Attributes:
        lent: the axes by the number of the panel, counted as panels are made.
        made: the stand-in's own axes, one for each panel.
        instead: what takes the place of some of them.
    """

    lent: Mapping[int, Axes]
    made: list[Axes] = field(default_factory=list)
    instead: dict[Axes, Axes] = field(default_factory=dict)

    def take(self, own: Axes) -> Axes:
        """Return what stands for a panel that was just made."""
        if len(self.made) in self.lent:
            self.instead[own] = self.lent[len(self.made)]
        self.made.append(own)
        return self.instead.get(own, own)

    def borrowed(self, axes: Iterable[Axes]) -> list[Axes]:
        """Return those of some axes that were lent."""
        return [each for each in axes if each in self.lent.values()]


class _Borrower(FigureBase):
    """What stands for a figure, or for a part of one."""

    loan: Loan

    @property  # type: ignore[misc]  # as both kinds of figures have it
    def axes(self) -> list[Axes]:  # type: ignore[override]
        """The axes that were handed out."""
        own: Any = super().axes
        return [self.loan.instead.get(each, each) for each in own]

    def get_axes(self) -> list[Axes]:
        """Return the axes that were handed out."""
        return self.axes

    def gca(self) -> Axes:
        """Return the axes that were handed out last."""
        own = super().gca()
        return self.loan.instead.get(own, own)

    def sca(self, a: Axes) -> Axes:
        """Let axes that were handed out be the current ones."""
        own = {lent: own for own, lent in self.loan.instead.items()}
        super().sca(own.get(a, a))
        return a

    def add_subplot(self, *args: Any, **kwargs: Any) -> Axes:
        """Hand out a panel; what lies over another one, or is a colour bar, is none."""
        if kwargs.get("label") == COLORBAR or (args and self._is_taken(args[0])):
            own: Axes = super().add_subplot(*args, **kwargs)
            return own
        shared = {way: kwargs.pop(f"share{way}", None) for way in "xy"}
        axes = self.loan.take(super().add_subplot(*args, **kwargs))
        axes.set(**{name: text for name, text in kwargs.items() if name in TEXTS})
        for way, other in shared.items():
            if other is not None:
                self._share([other, axes], way)
        return axes

    def add_axes(self, *args: Any, **kwargs: Any) -> Axes:
        """Hand out a panel that lies anywhere in the figure; a colour bar is none."""
        own = super().add_axes(*args, **kwargs)
        return own if kwargs.get("label") == COLORBAR else self.loan.take(own)

    def add_subfigure(self, subplotspec: SubplotSpec, **kwargs: Any) -> SubFigure:
        """Return a part of the figure, whose panels are handed out likewise."""
        figure: Any = self
        part = _Part(figure, subplotspec, **kwargs)
        part.loan = self.loan
        self.subfigs += [part]
        return part

    def subplots(
        self,
        nrows: int = 1,
        ncols: int = 1,
        *,
        sharex: bool | str = False,
        sharey: bool | str = False,
        squeeze: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Hand out a grid of panels.

        Those that share an axis keep the labels of its ticks, for nobody knows how they lie.
        """
        grid: Any = super().subplots(nrows, ncols, squeeze=False, **kwargs)
        for way, mode in (("x", sharex), ("y", sharey)):
            together = {"all": [grid.ravel()], "row": grid, "col": grid.T}
            for axes in together.get("all" if mode is True else str(mode), ()):
                self._share(list(axes), way)
        if not squeeze:
            return grid
        return grid.item() if grid.size == 1 else grid.squeeze()

    def legend(self, *args: Any, **kwargs: Any) -> Any:
        """Draw a legend of the figure in the first of the lent axes that has none."""
        places = self.loan.borrowed(self.axes)
        if not places:
            return super().legend(*args, **kwargs)
        place = next((axes for axes in places if axes.get_legend() is None), None)
        look = {name: value for name, value in kwargs.items() if name not in PLACING}
        return place.legend(*args, **look) if place is not None else places[0].get_legend()

    def colorbar(  # type: ignore[override]
        self, mappable: Any, cax: Any = None, ax: Any = None, **kwargs: Any
    ) -> Any:
        """Draw a colour bar beside the lent axes, in their own figure."""
        beside = [mappable.axes] if ax is None else [ax] if isinstance(ax, Axes) else list(ax)
        places = self.loan.borrowed(beside)
        if not places:
            return super().colorbar(mappable, cax, ax, **kwargs)
        figure = places[0].get_figure()
        assert figure is not None
        return figure.colorbar(mappable, cax, places[0] if len(places) == 1 else places, **kwargs)

    def _is_taken(self, place: object) -> bool:
        return any(own.get_subplotspec() == place for own in self.loan.made)

    def _share(self, axes: Sequence[Axes], way: str) -> None:
        """Let axes share an axis with one that was lent, if any was: the others go."""
        group = getattr(axes[0], f"get_shared_{way}_axes")()
        together = [*group.get_siblings(axes[0]), *axes]
        first = next(iter(self.loan.borrowed(together)), axes[0])
        for each in axes:
            if not group.joined(first, each):
                getattr(each, f"share{way}")(first)


class _Part(_Borrower, SubFigure):
    """A part of the stand-in."""


class StandIn(_Borrower, Figure):
    """What is drawn upon in the place of a figure."""

    def __init__(self, lent: Mapping[int, Axes] | None = None) -> None:
        """Take the axes that take the place of panels, by number; without any it is a figure."""
        self.loan = Loan(lent or {})
        super().__init__()

    def panels(self) -> dict[int, Axes]:
        """Return the panels by their number; some that were made may have been removed since."""
        there = {n: self.loan.instead.get(own, own) for n, own in enumerate(self.loan.made)}
        return {number: axes for number, axes in there.items() if axes in self.axes}

    def settle(self) -> None:
        """Let the lent axes have all that was drawn for them, and nothing to do with the rest."""
        for axes in self.loan.lent.values():
            _place_legend(axes)
        for figure in _parts(self):
            own: Any = figure.axes
            texts = [(axes, _texts(axes, figure)) for axes in self.loan.borrowed(own)]
            for axes, words in texts:
                axes.set(**words)
        for number in self.panels():
            self.loan.made[number].remove()  # which ends what it shares


def _parts(figure: FigureBase) -> Iterator[FigureBase]:
    """Yield the parts of a figure, the innermost first, and at last itself."""
    for part in figure.subfigs:
        yield from _parts(part)
    yield figure


def _texts(axes: Axes, figure: Any) -> dict[str, str]:
    """Return title and labels for axes that may stand anywhere, with those of figure or part.

    What they have not themselves, they have from axes that they share a scale with.
    """
    titles = [figure.get_suptitle(), _first(axes, figure, "x", "title")]
    texts = {}
    for way in "xy":
        name = f"{way}label"
        over = getattr(figure, f"get_sup{name}")()
        if axes.axison:
            texts[name] = _first(axes, figure, way, name) or over
        elif over:
            titles.insert(1, over)
    return {**texts, "title": "\n".join(filter(None, titles))}


def _first(axes: Axes, figure: Any, way: str, name: str) -> str:
    """Return a text of axes, or else that of the first which share a scale with them."""
    group = getattr(axes, f"get_shared_{way}_axes")()
    shared = [each for each in figure.axes if group.joined(axes, each)]
    return next(filter(None, (getattr(each, f"get_{name}")() for each in (axes, *shared))), "")


def _place_legend(axes: Axes) -> None:
    """Put a legend that stands beside its axes where it fits these axes.

    How far below them it stands is a share of the height that they have in their own figure.  A
    layout makes room for it below their texts; without one it comes in.
    """
    from matplotlib.transforms import ScaledTranslation

    legend, figure = axes.get_legend(), axes.get_figure()
    if legend is None or figure is None or legend.get_bbox_to_anchor() is axes.bbox:
        return
    _, bottom = axes.transAxes.inverted().transform(legend.get_bbox_to_anchor().p0)
    if figure.get_layout_engine() is None:
        legend.set_bbox_to_anchor(None)
        legend.set_loc("best")
    elif bottom < 0:
        down = ScaledTranslation(0, -BELOW / 72, figure.dpi_scale_trans)
        legend.set_bbox_to_anchor((0.5, 0), transform=axes.transAxes + down)
