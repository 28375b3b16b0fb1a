"""The words of a command that runs an analysis on small networks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from lmctool.plugin import registry
from lmctool.plugin.kinds import MERGES
from lmctool.plugin.parameters import CheckpointFile, SeriesFolder

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from lmctool.plugin.records import Analysis
    from lmctool.testing.small_networks import SmallNetwork

STEPS = (0, 10)
"""The steps of a training run."""
SIBLINGS = 2
"""How many siblings a fork has."""


class CommandWords:
    """Writes what a command needs into a folder, and says its words."""

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        network: SmallNetwork,
        options: dict[str, Any],
        folder: Path,
    ) -> None:
        """Take what is to be run, on networks of which kind, with which of its own options."""
        self.name, self.analysis, self.network = name, analysis, network
        self.options, self.folder = options, folder

    @cached_property
    def known(self) -> set[str]:
        """The options that the command has."""
        from lmctool.cli.analysis import AnalysisCommand

        command = AnalysisCommand(self.name, self.analysis)
        return {word for parameter in command.params for word in parameter.opts}

    @property
    def corrects(self) -> bool:
        """Whether it may align or correct."""
        return bool({"--align", "--repair"} & self.known)

    @property
    def takes_more(self) -> bool:
        """Whether it takes more checkpoints than it needs."""
        return self._arity[1] != self._arity[0]

    def run(self, *, equal: bool = False, corrected: bool = False, more: bool = False) -> list[str]:
        """Return the words of a run.

        Args:
            equal: all checkpoints are equal.
            corrected: align and correct, where it can.
            more: one checkpoint more than it needs.
        """
        seeds = range(self._arity[0] + more)
        places = [self._argument(seed, equal=equal) for seed in seeds]
        words = [self.name, *map(str, places), "--quiet"]
        for flag, value in (("--model", self.network.model), ("--data", self.network.data)):
            words += [flag, value] if flag in self.known else []
        words += ["--allow-chance"] if "--allow-chance" in self.known else []
        for flag in ("--align", "--repair") if corrected else ():
            words += [flag] if flag in self.known else []
        return [
            *words,
            *(word for option in self.analysis.options for word in self._option(option)),
        ]

    @property
    def _arity(self) -> tuple[int, int | None]:
        arity = self.analysis.arity
        if self.analysis.merge != "never":
            return registry.load(MERGES, "mean").networks
        if isinstance(arity, tuple):
            return arity
        return (1, None) if arity == "n" else (arity, arity)

    def _argument(self, place: int, *, equal: bool = False) -> Path:
        seed = 0 if equal else place
        if self.analysis.series == "siblings":
            return self._fork(place, seed, equal=equal)
        return (self._series if self.analysis.series else self._checkpoint)(place, seed)

    def _checkpoint(self, place: int, seed: int) -> Path:
        path = self.folder / f"{place}-{seed}.safetensors"
        return path if path.exists() else self.network.write(path, seed)

    def _series(self, place: int, seed: int) -> Path:
        folder = self.folder / f"run{place}-{seed}"
        if not folder.exists():
            folder.mkdir()
            for step in STEPS:
                self.network.write(folder / f"net-step{step}.safetensors", 100 * seed + step)
        return folder

    def _fork(self, place: int, seed: int, *, equal: bool) -> Path:
        folder = self.folder / f"fork{10 * place}{'-equal' if equal else ''}"
        if not folder.exists():
            folder.mkdir()
            for sibling in range(SIBLINGS):
                path = folder / f"sibling{sibling}.safetensors"
                self.network.write(path, 100 * seed + (0 if equal else sibling))
        return folder

    def _option(self, option: click.Option) -> list[str]:
        """Return the words of an option of the analysis, if a value is given."""
        if option.name not in self.options:
            return []
        value = self.options[option.name]
        if option.is_flag:
            return [option.opts[0]] if value else list(option.secondary_opts[:1])
        several = value if option.multiple else [value]
        return [word for each in several for word in (option.opts[0], self._text(option, each))]

    def _text(self, option: click.Option, value: Any) -> str:
        if isinstance(value, int) and isinstance(option.type, CheckpointFile):
            return str(self._checkpoint(value, value))
        if isinstance(value, int) and isinstance(option.type, SeriesFolder):
            return str(self._series(value, value))
        return str(value)
