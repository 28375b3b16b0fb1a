"""Whether a process that takes part in a run opened this run, on a machine that rounds alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.run.identity import MACHINE_PARTS, NOTHING, without_machine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.run.run import Run

OTHER_BITS = (
    "the first network's losses on the first examples are others there, though code, data, versions"
    " and settings are the same; perhaps a file that the model reads, the processor or a library of"
    " that machine is another"
)
MIXED = "; --mixed lets workers take part whose machine rounds differently"


def other_run(here: Mapping[str, str], there: Mapping[str, str], run: Run) -> str:
    """Return in words why a process has opened another run; empty if it has not.

    Args:
        here: what the numbers of the run depend on, by name.
        there: the same of what the process has opened.
        run: that.
    """
    return first_difference(without_machine(here), without_machine(there), run)


def other_machine(
    here: Mapping[str, str], probe: Sequence[str], there: Mapping[str, str], run: Run
) -> str:
    """Return in words why a machine may compute other bits; empty if it computes the same.

    Args:
        here: what the numbers of the run depend on, by name.
        probe: the losses of its first network on the first examples, to the bit.
        there: the same as ``here`` of what the process has opened.
        run: that.
    """
    own = [{n: t for n, t in each.items() if n.startswith(MACHINE_PARTS)} for each in (here, there)]
    differs = first_difference(own[0], own[1], run)
    return differs or ("" if tuple(probe) == run.probe else OTHER_BITS)


def first_difference(here: Mapping[str, str], there: Mapping[str, str], run: Run) -> str:
    """Return the first part in which what a process has opened differs from the run, in words.

    Args:
        here: the parts of the run's identity.
        there: the parts of that of what the process has opened.
        run: that.
    """
    names = [name for name in {**there, **here} if here.get(name) != there.get(name)]
    if not names:
        return ""
    name = names[0]
    kind, _, subject = name.partition(".")
    if kind == "code":
        return f"the source of {subject} is another there"
    if name == "model.graph":
        return "the model's code makes another network there"
    if kind == "checkpoint" and name.endswith(".digest"):
        path = run.checkpoints[int(subject.removesuffix(".digest"))].path
        return f"checkpoint '{path}' has another content there"
    if kind == "split" and name.endswith(".digest"):
        return f"split {subject.removesuffix('.digest')!r} of the data has another content there"
    is_there, is_here = (parts.get(name, NOTHING) for parts in (there, here))
    return f"{name} is {is_there} there, and {is_here} in the run"
