"""Curvature of the loss around networks: eigenvalues, trace and density of the Hessian, and rises.

With L the mean loss of n examples as a function of the P parameters theta, H its Hessian there,
all of it or the diagonal block of one part, known by products H v alone (Pearlmutter 1994):

    eigenvalues   of the tridiagonal matrix of the Lanczos process, with full
                  reorthogonalisation; residual |H x - theta x| of each Ritz pair
    trace         mean of v'Hv over vectors v of random signs (Hutchinson 1990), with its
                  standard error
    density       mean over such v of sum_i w_i N(t; theta_i, sigma^2), with theta_i the Ritz values
                  and w_i the squared first components of the eigenvectors (stochastic Lanczos
                  quadrature; Ghorbani et al. 2019, arXiv:1901.10159)
    rise          L(theta + e) - L(theta), e = rho g / |g| along the gradient g (Foret et al.
                  2021, arXiv:2010.01412, equation 2), or the highest of several such steps, each
                  brought back into the ball |e| <= rho

With ``--adaptive`` the ball is that of |e / theta|, as ASAM's (Kwon et al. 2021, arXiv:2102.11600):
e = rho theta^2 g / |theta g|, which a ReLU network's rescaled twin has the same rise in.  Of all
the others a rescaling of layers makes anything (Dinh et al. 2017, arXiv:1703.04933).

BatchNorms normalise by the running statistics of each network, as they do where it is evaluated.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, grid_options, hookimpl
from lmctool_plugins.analyses.sharpness.metrics import METRICS

POINTS = 5
"""Networks on a path take minutes each."""


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool sharpness``."""
    return Analysis(
        Lazy("lmctool_plugins.analyses.sharpness.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.sharpness.measure:network_count"),
        arity="n",
        splits=("train",),
        options=(*_where(), *_spectrum(), *_ball(), *_examples()),
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.sharpness.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.sharpness.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.sharpness.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors",
                "a.safetensors --by layer --density 0  # the block of each layer",
                "a.safetensors b.safetensors --along --align  # on the straight path",
            ),
            main=("--along", "--by", "--top", "--curvature-size"),
            docs="docs/analyses/sharpness.md",
        ),
    )


def _where() -> tuple[click.Option, ...]:
    points, alphas = grid_options(points=POINTS)
    return (
        click.Option(
            ["--along"],
            is_flag=True,
            help="Measure networks on the straight path between two checkpoints, ends included.",
        ),
        points,
        alphas,
        click.Option(
            ["--by"],
            metavar="layer|block|group|kind|GLOB|REGEX",
            help="Also measure the diagonal block of each part of the network: of each layer,"
            " block, ..., or of what a shell pattern or a regular expression makes a part.",
        ),
    )


def _spectrum() -> tuple[click.Option, ...]:
    return (
        click.Option(
            ["--top"],
            type=click.IntRange(min=1),
            default=3,
            show_default=True,
            help="Largest eigenvalues to find; the lowest one is found beside them.",
        ),
        click.Option(
            ["--lanczos"],
            type=click.IntRange(min=2),
            metavar="N",
            default=60,
            show_default=True,
            help="Steps of the Lanczos process; without a density it ends once the eigenvalues"
            " have converged.",
        ),
        click.Option(
            ["--eigenvalue-tolerance"],
            type=click.FloatRange(min=0, min_open=True),
            default=1e-3,
            show_default=True,
            help="Residual of an eigenvalue that has converged, as a share of the largest size of"
            " any.",
        ),
        click.Option(
            ["--density"],
            type=click.IntRange(min=0),
            metavar="N",
            help="Random vectors of the spectral density; 1 by default, along a path none.",
        ),
        click.Option(
            ["--probes"],
            type=click.IntRange(min=2),
            default=100,
            show_default=True,
            help="Most random vectors of the trace.",
        ),
        click.Option(
            ["--trace-tolerance"],
            type=click.FloatRange(min=0),
            default=0.05,
            show_default=True,
            help="Standard error of the trace, as a share of it, at which no more vectors are"
            " drawn, once there are 32.",
        ),
        click.Option(
            ["--vector-memory"],
            type=click.FloatRange(min=0, min_open=True),
            metavar="GIB",
            default=8.0,
            show_default=True,
            help="Most memory that the Lanczos vectors may take, each as large as the network.",
        ),
    )


def _ball() -> tuple[click.Option, ...]:
    return (
        click.Option(
            ["--rho"],
            type=click.FloatRange(min=0, min_open=True),
            default=0.05,
            show_default=True,
            help="Radius of the ball in which the loss rises.",
        ),
        click.Option(
            ["--ascent"],
            type=click.IntRange(min=1),
            metavar="N",
            default=1,
            show_default=True,
            help="Steps of the ascent in the ball; 1 is that of SAM.",
        ),
        click.Option(
            ["--adaptive"],
            is_flag=True,
            help="Measure the ball in shares of each parameter, as ASAM does.",
        ),
    )


def _examples() -> tuple[click.Option, ...]:
    return (
        click.Option(
            ["--curvature-size"],
            type=click.IntRange(min=1),
            metavar="N",
            default=500,
            show_default=True,
            help="Examples of each split whose mean loss it is; they are drawn by --seed.",
        ),
        click.Option(
            ["--curvature-batch"],
            type=click.IntRange(min=1),
            metavar="N",
            default=100,
            show_default=True,
            help="Examples differentiated at once. All in one batch take most memory, and"
            " about three fifths of the time.",
        ),
    )
