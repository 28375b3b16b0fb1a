"""Names that fit once it is known what is needed: by a model, or by another checkpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lmctool.checkpoint.names import (
    PROFILED,
    is_under,
    last,
    prefixes,
    under,
    unparallel,
)
from lmctool.checkpoint.nearest import hint
from lmctool.checkpoint.parametrized import as_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    Shapes = Mapping[str, tuple[int, ...]]
    Tied = Mapping[str, frozenset[str]]

TRACKED = "num_batches_tracked"
"""A buffer of BatchNorm that no output depends on in evaluation mode; files may lack it."""
COUNTERS = {TRACKED, *PROFILED}
USUAL = ("model", "net", "network", "ema", "ema_model", "model_ema", "online_model")
"""What training programs call the network in a larger module, and averages of it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the names of a checkpoint under which it has all that is needed.

    Attributes:
        prefix: what is taken off its names; what doesn't begin with it is left out.
        names: the name that a checkpoint has for each name that is needed.
        unneeded: its names under the prefix that nothing needs, counters apart.
        outside: its names that don't begin with the prefix.
    """

    prefix: str
    names: Mapping[str, str]
    unneeded: tuple[str, ...]
    outside: tuple[str, ...]


def is_counter(name: str) -> bool:
    """Tell whether a tensor counts batches or what a profiler counts: files may lack it."""
    return last(name) in COUNTERS


def readings(stored: Shapes, needed: Shapes, tied: Tied) -> list[Reading]:
    """Return every way to read the names of a checkpoint under which it has all that is needed.

    A prefix is taken off; where that isn't enough, each module called ``module`` is too, or a
    prefix that all needed names begin with is put on.  Weights under weight norm and spectral norm
    have the names of the form that is needed.

    Args:
        stored: name -> shape in the checkpoint.
        needed: name -> shape of what is needed.
        tied: needed names that share a tensor, of which one may stand for all.
    """
    required = {name for name in needed if not is_counter(name) and name not in tied}
    counts = Counter(prefix for name in stored for prefix in prefixes(name))
    begins = ["", *(prefix for prefix, count in counts.items() if count >= len(required))]
    changes: list[Callable[[str], str]] = [str, unparallel]
    changes += [partial(_inside, root) for root in shared_prefixes(needed)]
    for change in changes:
        found = [_reading(prefix, change, stored, needed, tied) for prefix in begins]
        if fitting := [reading for reading in found if reading]:
            return fitting
    return []


def _inside(prefix: str, name: str) -> str:
    return f"{prefix}.{name}"


def _reading(
    prefix: str, change: Callable[[str], str], stored: Shapes, needed: Shapes, tied: Tied
) -> Reading | None:
    own = [name for name in stored if is_under(name, prefix)]
    names = {change(under(name, prefix)): name for name in own}
    if len(names) < len(own):
        return None
    changed = as_wanted(names, needed)
    names = {changed.get(short, short): name for short, name in names.items()}
    shapes = {short: stored[name] for short, name in names.items()}
    if any(name not in shapes and not may_lack(name, shapes, tied) for name in needed):
        return None
    if any(shapes[name] != shape for name, shape in needed.items() if name in shapes):
        return None
    unneeded = [n for short, n in names.items() if short not in needed and not is_counter(short)]
    return Reading(
        prefix,
        {short: name for short, name in names.items() if short in needed},
        tuple(unneeded),
        tuple(name for name in stored if not is_under(name, prefix)),
    )


def usual_parts(shapes: Shapes) -> list[tuple[str, Shapes]]:
    """Return what is under each prefix that may stand before all names of a model, without it.

    Such are the prefixes of all names, and usual ones within the longest of these.  Where names
    have ``module`` within them, the same follows without it.
    """
    shared = shared_prefixes(shapes)
    inside = [".".join([*shared[-1:], word]) for word in USUAL]
    found: list[tuple[str, Shapes]] = []
    for prefix in ("", *shared, *inside):
        own = {under(name, prefix): shapes[name] for name in shapes if is_under(name, prefix)}
        bare = {unparallel(name): shape for name, shape in own.items()}
        found += [(prefix, own)] if prefix and own else []
        found += [(prefix, bare)] if bare.keys() != own.keys() and len(bare) == len(own) else []
    return found


def shared_prefixes(names: Iterable[str]) -> list[str]:
    """Return the prefixes that all names begin with, up to a dot, the shortest first."""
    first, *others = names
    return [each for each in prefixes(first) if all(is_under(name, each) for name in others)]


def parts(found: Sequence[Reading]) -> str:
    """Return in words under which prefixes a checkpoint has all that is needed."""
    words = [f"under '{each.prefix}.'" if each.prefix else "without a prefix" for each in found]
    return " and ".join(words)


def as_key(reading: Reading) -> str:
    """Return the option that chooses a reading in a command whose files all have its prefix."""
    return f"--key {reading.prefix}" if reading.prefix else as_strip(reading)


def as_strip(reading: Reading) -> str:
    """Return the options that choose a reading of one file, whatever the others are called."""
    beside = reading.outside or reading.unneeded
    kept = {top(name) for name in reading.names.values()}
    patterns = [name if top(name) in kept else top(name) for name in beside]
    options = [f"--strip {reading.prefix}"] if reading.prefix else []
    return " ".join([*options, *(f"--ignore {each!r}" for each in dict.fromkeys(patterns))])


def top(name: str) -> str:
    """Return the pattern of all names that begin as a name does; its own if it has no dot."""
    return f"{name.partition('.')[0]}.*" if "." in name else name


def may_lack(name: str, stored: Collection[str], tied: Tied) -> bool:
    """Tell whether a checkpoint may do without a tensor: a counter, or one tied to its own."""
    return is_counter(name) or any(other in stored for other in tied.get(name, ()))


def difference(stored: Shapes, needed: Shapes, tied: Tied) -> str:
    """Return how a checkpoint's tensors first differ from a model's, or nothing.

    Args:
        stored: name -> shape in the checkpoint.
        needed: name -> shape in the model.
        tied: names of the model that share a tensor, of which one may stand for all.
    """
    unneeded = {n: shape for n, shape in stored.items() if n not in needed and not is_counter(n)}
    for name, shape in needed.items():
        if name not in stored:
            if not may_lack(name, stored, tied):
                return (
                    f"tensor {name!r} of shape {shape} is missing from the checkpoint"
                    f"{hint(name, shape, unneeded)}"
                )
        elif stored[name] != shape:
            return (
                f"tensor {name!r} has shape {stored[name]} in the checkpoint, the model needs"
                f" {shape}"
            )
    for name in unneeded:
        return f"tensor {name!r} of the checkpoint is not in the model"
    return ""
