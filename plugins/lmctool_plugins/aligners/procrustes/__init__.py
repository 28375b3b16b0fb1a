"""Bring B into A's frame by rotations, permutations and scales in closed form, without labels.

Networks are in canonical form: norms are folded into the layers that read them.  What then keeps a
transformer's function is more than permutations (Theus et al. 2025, arXiv:2506.22712): an
orthogonal matrix on the residual stream, any invertible one on the values of a head and on its
queries against its keys, under rotary encodings a rotation and scale of each frequency, scales of
units that are rectified or gated.  Each group has a closed form while all others stay:

    Q = argmin_Q  || X_A - Q X_B ||  =  U V',    U S V' = X_A X_B'    (Schoenemann 1966)

for the stream, where X_A X_B' is the sum over all values that show it of their covariances, each a
share of both networks' spread, and as much again of the products of all weights that write or read
the stream.  Heads are paired by the cosines of what no map of theirs changes, W_q'W_k and W_o W_v.
The map of a pair is M = G_A^-1 Q G_B: G makes what writes a head's units as large as what reads
them, and Q is orthogonal.  It is exact where B is A under any invertible map.  Units of an MLP are
paired by the cosines of their weights and the correlations of their activations.  Weights are
compared after the maps of all other groups; sweeps go over all groups until none moves.

Activations are taken in one pass over the calibration examples.  ``--data-free`` goes by weights
alone.  ``--groups permutation`` only permutes, and ``orthogonal`` scales nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Alignment, LinearSpec, Run, Weights
    from lmctool.api.advanced import CrossMoments, Tap

    Groups = Literal["permutation", "orthogonal", "all"]
    Need = Literal["model", "data"]


def align(
    run: Run, a: Weights, b: Weights, groups: Groups = "all", *, data_free: bool = False
) -> Alignment:
    """Return the transform of B that brings it nearest to A, group by group.

    Args:
        run: the run.
        a: the first network, in canonical form.
        b: the second.
        groups: which groups act.
        data_free: whether weights alone tell.
    """
    from lmctool.api import Alignment, LinearTransform
    from lmctool_plugins.aligners.procrustes.descent import Descent
    from lmctool_plugins.aligners.procrustes.record import record

    spec = chosen(run.linear_spec, groups)
    apart = run.graph.buffers | run.graph.aliases.keys()
    mine, theirs = ({n: t for n, t in w.items() if n not in apart} for w in (a, b))
    moments = {} if data_free else shown(run, spec, a, b)
    descent = Descent(spec, mine, theirs, moments, rigid=groups == "orthogonal")
    sweeps = descent.go()
    found = descent.transform()
    transform = LinearTransform(run.linear_spec, found.permutation, found.maps)
    return Alignment(transform, {"procrustes": record(found, mine, theirs, sweeps)})


def chosen(spec: LinearSpec, groups: Groups) -> LinearSpec:
    """Return what keeps the function of a model, without the groups that are not to act."""
    from dataclasses import replace

    kept = {
        "permutation": (),
        "orthogonal": ("orthogonal", "invertible", "rotation"),
        "all": ("orthogonal", "invertible", "rotation", "scale"),
    }[groups]
    return replace(spec, groups={n: g for n, g in spec.groups.items() if g.kind in kept})


def shown(run: Run, spec: LinearSpec, a: Weights, b: Weights) -> Mapping[Tap, CrossMoments]:
    """Return what activations show of the stream and of all units that are permuted."""
    from lmctool_plugins.aligners.procrustes.families import families

    permuted = [name for family in families(spec) for name in family.permuted]
    taps = [tap for name in permuted for tap in spec.permutations.taps.get(name, ())]
    streams = [group for group in spec.groups.values() if group.kind == "orthogonal"]
    taps += [tap for group in streams if group.count == 1 for tap in group.taps]
    return run.calibration.cross_moments(a, b, dict.fromkeys(taps))


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align procrustes``."""
    groups = click.Option(
        ["--groups"],
        type=click.Choice(["permutation", "orthogonal", "all"]),
        default="all",
        show_default=True,
        help="What may act: permutations, rotations too, or all that keeps the function.",
    )
    data_free = click.Option(
        ["--data-free"], is_flag=True, help="Compare weights alone, and look at no examples."
    )
    return Aligner(align, options=(groups, data_free), needs=needs, metrics=(), canonical=True)


def needs(groups: Groups = "all", *, data_free: bool = False) -> frozenset[Need]:
    """Return what it asks a run for."""
    return frozenset({"model"}) if data_free else frozenset({"model", "data"})
