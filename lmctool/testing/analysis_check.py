"""What must hold of an analysis, on networks of four kinds."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lmctool.errors import ExitCode
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing.claim import Refused, claim, hinted
from lmctool.testing.clashes import refuse_clashes
from lmctool.testing.command_words import CommandWords
from lmctool.testing.commands import invoke
from lmctool.testing.example_check import check_examples
from lmctool.testing.result_check import check_result
from lmctool.testing.small_networks import EVERY, named
from lmctool.testing.subject import MEANWHILE, found, home, values
from lmctool.testing.units_of_work import finished
from lmctool.testing.untouched import other_seeds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from click.testing import Result as ClickResult

    from lmctool.plugin.records import Analysis
    from lmctool.results.result import Result
    from lmctool.testing.small_networks import SmallNetwork

REFUSALS = (ExitCode.USAGE, ExitCode.UNJUDGED)


def check_analysis(
    plugin: str | Analysis, *, networks: Sequence[str] = EVERY, **options: Any
) -> dict[str, str]:
    """Check an analysis on MLPs, BatchNorm ResNets, ViTs and causal LMs, from the command line.

    Its help is shown, and its examples are commands; it runs over as many checkpoints as its arity
    says, over equal ones, with ``--align`` and ``--repair`` where it takes them; its result is
    stored and read back, with table, figure, derived groups and declared metrics.  On the first
    network that it takes its numbers are the same again, after an interruption too, and ``show``
    and ``report`` show them.

    Args:
        plugin: the word of an installed one, or the record that its hook returns.
        networks: on which of ``mlp``, ``resnet``, ``vit``, ``causal_lm``.
        options: values of its own options, by the names that ``compute`` gets them by; of an option
            that names a checkpoint or a run the number of one, from 0.  The others have their
            defaults.

    Returns:
        What it refused, by exit code 2 or 4: by the key of a network, with ``equal``, ``corrected``
        or ``more`` behind a comma where it refused such checkpoints alone, the sentence.

    Raises:
        AssertionError: something does not hold, or it refuses all networks; says what to do.
    """
    refused: dict[str, str] = {}
    with found(ANALYSES, plugin) as (name, analysis):
        refuse_clashes(ANALYSES, name, analysis)
        values(analysis.options, options, f"analysis {name!r}")
        _check_help(name, analysis)
        taken = False
        for network in named(networks):
            with TemporaryDirectory() as folder:
                check = _Check(name, analysis, network, options, Path(folder))
                sentences = check.runs()
                if network.key not in sentences and not taken:
                    check.again()
                    taken = True
            refused |= sentences
        claim(
            not refused.keys() >= set(networks),
            f"analysis {name!r} refused every network: {refused}",
        )
    return refused


class _Check:
    """One analysis on networks of one kind."""

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        network: SmallNetwork,
        options: dict[str, Any],
        folder: Path,
    ) -> None:
        self.name, self.analysis, self.folder = name, analysis, folder
        self.key, self.noun = network.key, network.noun
        self.words = CommandWords(name, analysis, network, options, folder)

    def runs(self) -> dict[str, str]:
        """Check the results of all runs; return what was refused, with the sentence."""
        commands = {"": self.words.run(), ", equal": self.words.run(equal=True)}
        if self.words.corrects:
            commands[", corrected"] = self.words.run(corrected=True)
        if self.words.takes_more:
            commands[", more"] = self.words.run(more=True)
        refused = {}
        for which, words in commands.items():
            try:
                self.result(f"run{which}", words)
            except Refused as refusal:
                refused[f"{self.key}{which}"] = str(refusal)
                if not which:
                    break
        return refused

    def result(self, stem: str, words: Sequence[str]) -> Result:
        """Return the result of a run, looked at."""
        who = self._who(words)
        out = self._out(stem)
        done = invoke(*words, "-o", out)
        if done.exit_code in REFUSALS:
            raise Refused(done.stderr.strip())
        if not out.exists():
            _claim_done(who, done)
        result = self._read(stem)
        check_result(result, self.analysis, who, out)  # says more than what breaks on showing it
        _claim_done(who, done)
        claim(
            result.analysis == self.name or self.name == MEANWHILE,
            f"{who} calls itself {result.analysis!r} in its result, so that `show` cannot find it;"
            f" return Result({self.name!r}, ...)",
        )
        return result

    def again(self) -> None:
        """Check that the numbers are the same again, and that a stored result is shown."""
        words = self.words.run()
        who = self._who(words)
        first = self._read("run")
        with other_seeds(), finished() as every:
            self._same(
                f"{who} gives other numbers each time; draw what is random from"
                " run.generator(NAME)",
                first,
                self.result("again", words),
            )
        if every:
            self._resumed(first, len(every))
        page = str(self._out("run").with_suffix(".html"))
        with _known(first.analysis, self.analysis):
            for command in (["show", str(self._out("run"))], ["report", str(self._out("run"))]):
                more = ["-o", page] if command[0] == "report" else []
                _done(f"lmctool {command[0]} of a result of {self.name!r}", *command, *more)

    def _resumed(self, first: Result, units: int) -> None:
        """Check that an interrupted run goes on to the same numbers."""
        words = self.words.run()
        who = self._who(words)
        with finished(stop=(units + 1) // 2):
            broken = invoke(*words, "-o", self._out("resumed"))
        claim(
            broken.exit_code == ExitCode.INTERRUPTED,
            f"{who} goes on though it was interrupted; let KeyboardInterrupt pass",
        )
        self._same(
            f"{who}, interrupted and resumed, gives other numbers; let nothing depend on the order"
            " in which the run measures things, or on what was measured before",
            first,
            self.result("resumed", [*words, "--resume"]),
        )

    def _same(self, sentence: str, one: Result, other: Result) -> None:
        from lmctool.results.equality import difference

        differs = difference(_computed(one), _computed(other))
        claim(differs is None, f"{sentence}: {differs} differs")

    def _who(self, words: Sequence[str]) -> str:
        flags = " ".join(word for word in words if word in {"--align", "--repair"})
        return f"analysis {self.name!r} on {self.noun}{flags and ' with '}{flags}"

    def _read(self, stem: str) -> Result:
        from lmctool.results.file import read

        return read(self._out(stem))

    def _out(self, stem: str) -> Path:
        return self.folder / f"{stem}.h5"


def _done(who: str, *words: str) -> ClickResult:
    """Return what a command did.

    Raises:
        AssertionError: it broke.
    """
    done = invoke(*words)
    _claim_done(who, done)
    return done


def _claim_done(who: str, done: ClickResult) -> None:
    bug = done.exit_code == ExitCode.BUG
    claim(done.exit_code == 0, f"{who} failed: {_raised(done.stderr) if bug else done.output}")


def _raised(stderr: str) -> str:
    """Return what was raised, by the end of the traceback that a command prints."""
    *traceback, _ = stderr.strip().splitlines()
    inside = [number for number, line in enumerate(traceback) if line.startswith(" ")]
    return hinted("; ".join(traceback[max(inside, default=-1) + 1 :]))


def _check_help(name: str, analysis: Analysis) -> None:
    """Check the help, that every option has some, and that examples are commands."""
    _done(f"analysis {name!r} --help", name, "--help")
    page = _done(f"analysis {name!r} --help-all", name, "--help-all").stdout
    for option in analysis.options:
        claim(
            bool(option.help) and option.opts[0] in page,
            f"option {option.opts[0]!r} of analysis {name!r} has no help; say in a sentence what it"
            " does: click.Option([...], help=...)",
        )
    check_examples(name, analysis)


def _computed(result: Result) -> Result:
    """Return a result without its record of when and how it was made."""
    from dataclasses import replace

    own = {path: each for path, each in result.groups.items() if path != "provenance"}
    return replace(result, groups=own)


@contextmanager
def _known(word: str, analysis: Analysis) -> Iterator[None]:
    """Let an analysis be found by the word that its results hold."""
    if word in registry.names(ANALYSES):
        yield
    else:
        with registry.registered(ANALYSES, word, analysis, home(analysis)):
            yield
