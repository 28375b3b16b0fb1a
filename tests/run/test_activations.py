"""The units of a network at taps, as `run.calibration.activations` yields them batch by batch."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool import statistics
from lmctool.testing.small_networks import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor, nn

    from lmctool.run.run import Run
    from lmctool.symmetry.spec import Tap

TAKEN = statistics.activations


def joined(batches: Iterable[dict[Tap, Tensor]]) -> dict[Tap, Tensor]:
    """Return (unit, sample) over all batches."""
    parts = list(batches)
    return {tap: torch.cat([part[tap] for part in parts], dim=1) for tap in parts[0]}


def hooked(run: Run, name: str, axis: int) -> Tensor:
    """Return what a module of the first network gives, (unit, sample)."""
    module, seen = run.resources.module, []
    _ = run.weights(0)

    def keep(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(output)

    handle = module.get_submodule(name).register_forward_hook(keep)
    with torch.no_grad():
        module(run.calibration.split.head(len(run.calibration.split), run.dtype))
    handle.remove()
    return seen[0].movedim(axis, 0).flatten(1)


CASES = [
    ("mlp", "2", 1, "taps", "1", 0, slice(None)),
    ("mlp", "3", 1, "pretaps", "3", 0, slice(None)),
    ("resnet", "bn", 1, "pretaps", "conv", 0, slice(None)),
    ("resnet", "blocks.0.bn1", 1, "pretaps", "blocks.0.conv1", 0, slice(None)),
    ("resnet", "blocks.1", 1, "taps", "blocks.1.conv2", 0, slice(None)),
    ("vit", "layer.norm1", 2, "taps", "patch", 1, slice(None)),
    ("vit", "layer.qkv", 2, "taps", "layer.qkv[2]", 0, slice(16, 24)),  # behind queries and keys
    ("vit", "layer.up", 2, "pretaps", "layer.up", 0, slice(None)),
]


@pytest.mark.parametrize("key", ["mlp", "resnet", "vit"])
def test_units_are_what_hooks_of_the_module_see(key: str) -> None:
    (network,) = named([key])
    with network.run(dtype="float64", calib_size=30) as run:
        for _, name, axis, which, group, place, part in (case for case in CASES if case[0] == key):
            tap = getattr(run.permutation_spec, which)[group][place]
            found = joined(run.calibration.activations(run.weights(0), [tap]))
            assert [*found] == [tap]
            torch.testing.assert_close(found[tap], hooked(run, name, axis)[part])


def taps_of(run: Run) -> Sequence[Tap]:
    return [tap for several in run.permutation_spec.taps.values() for tap in several]


def test_they_have_the_cross_moments_of_two_networks_batch_beside_batch() -> None:
    (network,) = named(["resnet"])
    with network.run(dtype="float64", calib_size=30) as run:
        run.calibration.cross_batch.size = 7
        a, b, taps = run.weights(0), run.weights(1), taps_of(run)
        moments = run.calibration.cross_moments(a, b, taps)
        both = [[*run.calibration.activations(each, taps)] for each in (a, b)]
        assert [len(each) for each in both] == [5, 5]  # of 6 examples
        first, second = map(joined, both)
    assert taps
    for tap in taps:
        x, y = first[tap], second[tap]
        torch.testing.assert_close(moments[tap].mean_a, x.mean(1))
        x, y = (each - each.mean(1, keepdim=True) for each in (x, y))
        torch.testing.assert_close(moments[tap].covariance, x @ y.T / x.shape[1])


def test_they_are_after_the_corrections_that_weights_carry() -> None:
    (network,) = named(["mlp"])
    with network.run(dtype="float64", calib_size=30) as run:
        (target, *_), weights = run.resources.targets("layers"), run.weights(0)
        (tap,) = run.permutation_spec.pretaps["1"]
        assert target.tap == tap.node
        (plain,) = run.calibration.activations(weights, [tap])
        scale, shift = torch.linspace(0.5, 2, 8).double(), torch.linspace(-1, 1, 8).double()
        entries = {f"@{target.tap}.scale": scale, f"@{target.tap}.shift": shift}
        (found,) = run.calibration.activations({**weights, **entries}, [tap])
    torch.testing.assert_close(found[tap], plain[tap] * scale[:, None] + shift[:, None])


def test_batches_are_as_large_as_memory_allows_and_a_stage_shows_how_far_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []

    def scarce(*arguments: Any) -> Any:
        def taken(inputs: Tensor) -> dict[Tap, Tensor]:
            tried.append(len(inputs))
            if len(inputs) > 10:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return shown(inputs)

        shown = TAKEN(*arguments)
        return taken

    steps: list[tuple[str, int, int]] = []

    @contextmanager
    def stage(
        total: int, description: str, *, networks: bool = False
    ) -> Iterator[Callable[[int], None]]:
        yield lambda done: steps.append((description, done, total))

    (network,) = named(["mlp"])
    with network.run(calib_size=30) as run:
        monkeypatch.setattr(statistics, "activations", scarce)
        calibration = replace(run.calibration, progress=stage)
        calibration.cross_batch.size = 24
        batches = list(calibration.activations(run.weights(0), taps_of(run)))
        assert calibration.compared_at_once == 12
    assert tried == [15, 10, 10, 10]
    assert sum(next(iter(batch.values())).shape[1] for batch in batches) == 30
    assert steps == [("activations", 10, 30)] * 3
