"""The output files of a run: their paths, and writing them in order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.checkpoint.location import is_folder
from lmctool.cli import github
from lmctool.errors import LmctoolError
from lmctool.files.input_files import refuse_inputs
from lmctool.files.publish import refuse_existing, refuse_existing_folder, write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

    from lmctool.checkpoint import Checkpoint
    from lmctool.cli.job import Job
    from lmctool.gates.gate import Verdict
    from lmctool.plugin.settings import Settings
    from lmctool.results.result import NewCheckpoint, Result
    from lmctool.run.run import Run

    Drawing = Callable[[Result, Figure], None]

SUFFIXES = {"result": ".h5", "figure": ".png"}
CHECKPOINT = ".safetensors"


def outputs_of(job: Job) -> Outputs:
    """Return the outputs of a job.

    Raises:
        LmctoolError: as ``outputs_at``.
    """
    checkpoints = _checkpoints(job.out, job.settings if job.writes else None)
    outputs = outputs_at(job.out, job.document, job.junit, force=job.force, checkpoints=checkpoints)
    return replace(outputs, beside=job.beside)


def outputs_at(
    out: Path,
    target: str | None,
    junit: Path | None,
    *,
    force: bool,
    checkpoints: tuple[Path, ...] = (),
) -> Outputs:
    """Return the outputs that go to some places.

    Args:
        out: where the result goes; a known suffix is replaced.
        target: where the JSON document goes, ``-`` for stdout, or None for no document.
        junit: where the verdicts go as JUnit XML, if anywhere.
        force: whether existing files may be replaced.
        checkpoints: as ``Outputs`` has them.

    Raises:
        LmctoolError: ``out`` is a folder that no checkpoint goes to, or two outputs are one file.
    """
    if (out.is_dir() and out not in checkpoints) or not out.name:
        raise LmctoolError(f"output '{out}' is a folder; name a file in it with -o")
    paths = _result_places(out)
    document = None if target in {None, "-"} else Path(str(target))
    for role, flag, path in (("document", "--json", document), ("junit", "--junit", junit)):
        if path is not None:
            if path in [*paths.values(), *checkpoints]:
                raise LmctoolError(f"{flag} names '{path}', as -o or another option does")
            paths[role] = path
    return Outputs(paths, checkpoints, force)


def _checkpoints(out: Path, settings: Settings | None) -> tuple[Path, ...]:
    """Return where a checkpoint goes that is written like each of the inputs; None has none."""
    given = settings.given.networks if settings else {}
    return tuple(
        _checkpoint_place(out, folder=path not in given and is_folder(path))
        for path in (settings.checkpoints if settings else ())
    )


def _checkpoint_place(out: Path, *, folder: bool) -> Path:
    """Return where a checkpoint goes that is like a folder or an index of shards, or like a file.

    A folder is called like the result without its suffix; there is none where ``out`` itself ends
    in .safetensors: that asks for one file.
    """
    stem = _stem(out)
    whole = folder and out.suffix != CHECKPOINT
    return stem if whole else stem.with_name(stem.name + CHECKPOINT)


def place_beside(place: Path, behind: str) -> Path:
    """Return where a further checkpoint goes, beside another.

    >>> place_beside(Path("curve.safetensors"), "-2").name
    'curve-2.safetensors'

    Args:
        place: where the first one goes, a file or a folder.
        behind: what stands behind its name.
    """
    suffix = CHECKPOINT if place.suffix == CHECKPOINT else ""
    return place.with_name(place.name.removesuffix(suffix) + behind + suffix)


def _result_places(out: Path) -> dict[str, Path]:
    """Return where a result and its figure go, by role."""
    stem = _stem(out)
    return {role: stem.with_name(stem.name + suffix) for role, suffix in SUFFIXES.items()}


def _stem(out: Path) -> Path:
    return out.with_suffix("") if out.suffix in {*SUFFIXES.values(), CHECKPOINT} else out


def written_form(new: NewCheckpoint, run: Run) -> tuple[Checkpoint, NewCheckpoint]:
    """Return what a new checkpoint is written like, and it with its tensors under all their names.

    Where the run untied tensors, each has its own name, and the file says that its model ties none.
    """
    from lmctool.model.tied import everywhere
    from lmctool.model.untied import untied_files, untied_form, untied_metadata

    like, weights = run.checkpoints[new.like], new.weights
    if new.files:
        like = like.reshaped({name: tuple(each.shape) for name, each in weights.items()})
    if run.model is None:
        return like, new
    if ties := run.resources.ties:
        new = replace(
            new,
            metadata={**untied_metadata(run.model), **new.metadata},
            files={**untied_files(run.model, like), **new.files},
        )
        like = untied_form(like, ties)
    module = run.resources.owner(new.like).model.module
    return like, replace(new, weights=everywhere(weights, module, like.names))


@dataclass
class Outputs:
    """The output files of one run, written one after the other.

    Attributes:
        paths: where each goes, by role.
        checkpoints: where a checkpoint goes that is like each input; empty when none is written.
        force: whether existing files may be replaced.
        beside: what stands behind the names of further checkpoints.
        written: the files written so far, by role.
    """

    paths: dict[str, Path]
    checkpoints: tuple[Path, ...]
    force: bool
    beside: tuple[str, ...] = ()
    written: dict[str, Path] = field(default_factory=dict)

    def planned(self) -> list[tuple[str, str]]:
        """Return in words what will be written."""
        planned = [(role, str(path)) for role, path in self.paths.items()]
        for behind in ("", *self.beside) if self.checkpoints else ():
            places = [place_beside(path, behind) for path in self.checkpoints]
            planned.append((f"checkpoint{behind}", " or ".join(dict.fromkeys(map(str, places)))))
        return planned

    def places(self) -> list[Path]:
        """Return where anything may be written."""
        return [*self.paths.values(), *dict.fromkeys(path for path, _ in self._checkpoints())]

    def _checkpoints(self) -> list[tuple[Path, int]]:
        """Return where a checkpoint goes that is like each input, and which input that is."""
        return [
            (place_beside(path, behind), like)
            for behind in ("", *self.beside)
            for like, path in enumerate(self.checkpoints)
        ]

    def refuse_existing(self, *, allowed: bool = False) -> None:
        """Refuse before any work what could not be written after it.

        Args:
            allowed: files may be there: it is yet to be seen whether this run wrote them.
        """
        folders = [path for path, _ in self._checkpoints() if path.suffix != CHECKPOINT]
        files = [path for path in self.places() if path not in folders]
        refuse_existing(files, self.force or allowed)

    def check(self, run: Run, *, allowed: bool = False) -> None:
        """Refuse to write over an input that opening the run found, and over other folders.

        Args:
            run: the run, for the checkpoints that a folder is to be like.
            allowed: as for ``refuse_existing``.

        Raises:
            LmctoolError: an output is a file that the run reads, or a folder that may not be
                replaced.
        """
        from lmctool.checkpoint.writing import folder_names

        refuse_inputs(self.places())
        github.check_summary()
        for path, like in self._checkpoints():
            if path.suffix != CHECKPOINT:
                names = folder_names(run.checkpoints[like])
                refuse_existing_folder(path, names, self.force or allowed)

    def save(self, result: Result, draw: Drawing | None, run: Run) -> None:
        """Write the result, then its new checkpoint, then the figure, where it can be drawn.

        Raises:
            LmctoolError: one cannot be written; names those written before.
        """
        checkpoint = result.checkpoint
        self._step_result(result)
        if checkpoint is not None and checkpoint.groups_after is None and self.checkpoints:
            self._step_checkpoint(checkpoint, run)
            for behind, other in checkpoint.beside.items():
                self._step_checkpoint(other, run, behind)
        self._step_figure(result, draw)

    def save_alone(self, result: Result, draw: Drawing | None) -> None:
        """Write a result that no run made, then the figure, where it can be drawn.

        Raises:
            LmctoolError: as ``save``.
        """
        self._step_result(result)
        self._step_figure(result, draw)

    def streamed(self, result: Result, run: Run) -> Result:
        """Write a checkpoint whose tensors are computed one at a time, if the result has one.

        Returns:
            The result with the groups that are known only after that.

        Raises:
            LmctoolError: it cannot be written, or not where it is to go.
        """
        checkpoint = result.checkpoint
        if checkpoint is None or not self.checkpoints:
            return result
        place = self.checkpoints[checkpoint.like]
        if checkpoint.files and place.suffix == CHECKPOINT:
            raise LmctoolError(
                f"output '{place}' must be a folder, for {', '.join(checkpoint.files)} goes with"
                " it; name one with -o"
            )
        if checkpoint.groups_after is None:
            return result
        self._step_checkpoint(checkpoint, run)
        return replace(result, groups={**result.groups, **checkpoint.groups_after()})

    def write_document(self, result: Result, target: str, verdicts: Sequence[Verdict]) -> None:
        """Write the result as JSON, to a file or to stdout."""
        from lmctool.report.json_document import document, write_json

        content = document(result, self.written, verdicts)
        if target == "-":
            write_json(content, "-")
        else:
            place = self.paths["document"]
            self._step("document", place, lambda p: write_json(content, str(p), force=self.force))

    def write_junit(self, verdicts: Sequence[Verdict]) -> None:
        """Write the verdicts as JUnit XML, if it was asked for."""
        from lmctool.report.junit import write_verdicts

        if "junit" in self.paths:
            self._step(
                "junit",
                self.paths["junit"],
                lambda path: write_verdicts(verdicts, path, force=self.force),
            )

    def notes(self) -> list[str]:
        """Return which files are written, in words, if any are."""
        names = ", ".join(f"'{path}'" for path in self.written.values())
        return [f"written before: {names}"] if names else []

    def _step(self, role: str, path: Path, write: Callable[[Path], None]) -> None:
        try:
            write(path)
        except LmctoolError as error:
            if not self.written:
                raise
            raise type(error)("; ".join([str(error), *self.notes()])) from error
        self.written[role] = path

    def _step_result(self, result: Result) -> None:
        from lmctool.results import file

        place = self.paths["result"]
        self._step("result", place, lambda path: file.write(result, path, force=self.force))

    def _step_figure(self, result: Result, draw: Drawing | None) -> None:
        """Write the figure; one that cannot be drawn is no reason to lose a verdict."""
        from lmctool.report import figure
        from lmctool.report.terminal import echo

        place = self.paths["figure"]
        try:
            image = figure.image(result, draw, figure.kind(place))
        except figure.FigureError as error:
            old = f"; '{place}' is of an earlier run" if place.exists() else ""
            echo(f"Warning: {error}{old}", err=True)
        else:
            self._step("figure", place, lambda path: write_bytes(path, image, self.force))

    def _step_checkpoint(self, new: NewCheckpoint, run: Run, behind: str = "") -> None:
        from lmctool.checkpoint import write_checkpoint
        from lmctool.checkpoint.squared_norms import one_thread_each
        from lmctool.evaluate.arithmetic import arithmetic
        from lmctool.weights.arithmetic import LazyWeights

        like, new = written_form(new, run)
        weights = new.weights

        def write(path: Path) -> None:
            with (
                run.progress(len(weights), "checkpoint") as advance,
                one_thread_each(),
                arithmetic(run.settings.precision, run.device),  # they may be computed only now
            ):
                counted = LazyWeights(weights, lambda name: advance(1) or weights[name])
                write_checkpoint(
                    path,
                    counted,
                    like=like,
                    metadata=new.metadata,
                    files=new.files,
                    force=self.force,
                )

        place = place_beside(self.checkpoints[new.like], behind)
        self._step(f"checkpoint{behind}", place, write)


def result_places(out: Path, *, folder: bool) -> dict[str, Path]:
    """Return where the files of a result go that is held in memory, by role.

    Args:
        out: the path of the result; a known suffix is replaced.
        folder: whether its new checkpoint is a folder, unless ``out`` asks for one file.

    Raises:
        LmctoolError: ``out`` is a folder.
    """
    if not out.name or (out.is_dir() and not folder):
        raise LmctoolError(f"output '{out}' is a folder; name a file in it")
    return {**_result_places(out), "checkpoint": _checkpoint_place(out, folder=folder)}
