"""The table of what every model of the zoo showed, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.zoo.trial import EXAMPLES, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.zoo.entry import Entry

PREAMBLE = """\
# Architectures

What lmctool derives from the graph of each model, and how it fares when it is tried. This page is
written by `python -m benchmarks.zoo --markdown docs/architectures.md`; edit the catalogue, not it.

Each model gets random weights (with {versions}; models of transformers are small ones, from a
config). Its graph is captured and its permutation spec derived; a random permutation of **every**
group is applied, and the outputs of {examples} examples are compared with those before.

- **tracer**: `export` is torch.export; `dispatch` runs the model where its control flow depends on
  data.
- **units**: how many may be permuted, of how many there are. Heads, and the units within a head,
  count once each. What there is: those, and the rows of every weight that cannot move, save
  outputs, inputs, words and positions. A fixed stream counts for each layer that writes it, so the
  share is never flattered.
- **by hand**: the count of a person, where one was made: at least as many must be found.
- **error**: the greatest difference of an output over the greatest output, in float64 unless said.
- **controls**: one weight is left out of the permutation, and an output must change.
- **folder**: the library wrote the network as a folder (config.json and model.safetensors), and the
  folder alone opens as a network of the same outputs.

{passed} of {total} keep their function, with every control noticed, and open from a folder where
their library writes one.
"""
HEAD = """
| model | library | tracer | groups | units | by hand | error | controls | folder | fixed, and why |
|---|---|---|---|---|---|---|---|---|---|
"""
FOLDER = {True: "opens", False: "**another network**", None: ""}


def markdown(
    entries: Mapping[str, Entry], found: Mapping[str, Outcome | str], versions: Mapping[str, str]
) -> str:
    """Return the page: for each model what its trial found, or what stopped it.

    Args:
        entries: the catalogue, whose order the rows have.
        found: what was found of each model that was tried.
        versions: of the libraries, by name.
    """
    outcomes = [outcome for outcome in found.values() if isinstance(outcome, Outcome)]
    preamble = PREAMBLE.format(
        versions=", ".join(f"{library} {version}" for library, version in versions.items()),
        examples=EXAMPLES,
        passed=sum(outcome.holds for outcome in outcomes),
        total=len(found),
    )
    return preamble + HEAD + "".join(_rows(entries, found))


def _rows(entries: Mapping[str, Entry], found: Mapping[str, Outcome | str]) -> Iterator[str]:
    for name in (name for name in entries if name in found):
        entry, outcome = entries[name], found[name]
        counted = "" if entry.units is None else f"{entry.units:,}"
        if isinstance(outcome, str):
            cells = [name, entry.library, "", "", "", counted, "", "", "", f"**{outcome}**"]
        else:
            cells = [
                name,
                entry.library,
                outcome.tracer,
                str(outcome.groups),
                f"{outcome.units:,} / {outcome.there_are:,}",
                counted,
                error(outcome),
                f"{outcome.noticed}/{outcome.controls}",
                FOLDER[outcome.opens],
                reasons(outcome),
            ]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def error(outcome: Outcome) -> str:
    """Return the error of the invariance test, with its arithmetic where it isn't float64."""
    told = f"{outcome.difference:.0e}"
    return told if outcome.dtype == "float64" else f"{told} ({outcome.dtype})"


def reasons(outcome: Outcome, most: int = 3) -> str:
    """Return the reasons that fix the most units."""
    ordered = sorted(outcome.fixed.items(), key=lambda pair: (-pair[1], pair[0]))
    return "; ".join(f"{reason} ({units:,})" for reason, units in ordered[:most])
