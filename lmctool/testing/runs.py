"""What a plugin's functions get: a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.plugin.kinds import ALIGNERS, ANALYSES, CORRECTIONS, MERGES
from lmctool.testing.pairs import tiny_pair
from lmctool.testing.subject import values

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.plugin.kinds import Kind
    from lmctool.plugin.settings import Choice
    from lmctool.run.run import Run


def tiny_run(folder: Path, analysis: str = "barrier", *, network: str = "", **settings: Any) -> Run:
    """Return a run on two tiny networks, as a plugin's functions get it.

    ``run.weights(0)`` and ``run.weights(1)`` are the networks; ``run.align``, ``run.variants``
    and the like work as they do in a command.

    Args:
        folder: an existing folder, which gets the networks unless ``checkpoints`` are given.
        analysis: the analysis that the run is of.
        network: of which kind they are, untrained, with examples of their own: ``mlp``,
            ``resnet``, ``vit`` or ``causal_lm``, as the checks have them; else those of
            ``tiny_pair``.
        settings: shared options by the names of ``lmctool.api.Settings``; ``aligner``,
            ``correction`` and ``merge`` are words, or an ``lmctool.api.Choice`` with values of
            their options: the other options have their defaults.
    """
    from lmctool.plugin import registry
    from lmctool.plugin.settings import Settings
    from lmctool.run.run import Run
    from lmctool.testing.small_networks import named

    chosen = {"allow_chance": True, **settings}
    if network:
        chosen = {**named([network])[0].pair(folder), **chosen}
    elif "checkpoints" not in chosen:
        chosen["checkpoints"] = tiny_pair(folder)
    record = registry.load(ANALYSES, analysis)
    if record.merge != "never":
        chosen.setdefault(MERGES.word, "mean")
    for kind in (ALIGNERS, CORRECTIONS, MERGES):
        if chosen.get(kind.word) is not None:
            chosen[kind.word] = _with_defaults(kind, chosen[kind.word])
    return Run(analysis, record, Settings(**chosen))


def _with_defaults(kind: Kind[Any], choice: str | Choice) -> Choice:
    """Return a plugin that is chosen with a value for each of its options, as commands do."""
    from lmctool.plugin import registry
    from lmctool.plugin.settings import Choice

    chosen = Choice(choice) if isinstance(choice, str) else choice
    options = registry.load(kind, chosen.name).options
    who = f"{kind.word} {chosen.name!r}"
    return Choice(chosen.name, values(options, chosen.options, who))
