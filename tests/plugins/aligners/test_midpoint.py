"""The aligner midpoint: its loss is that of REPAIR's midpoint, and the search lowers it."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.launch_counter import Launches
from benchmarks.launches import GPU
from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import CORRECTIONS, MODELS
from lmctool.plugin.progress import silent
from lmctool.plugin.settings import Choice
from lmctool.results.result import Result
from lmctool.run.parted_examples import PartedExamples, parted_examples
from lmctool.run.provenance import complete
from lmctool.run.run import Run
from lmctool.symmetry import Permutation
from lmctool.symmetry.linear.transform import permutation_part
from lmctool.testing import tiny_run
from lmctool_plugins.aligners.midpoint import softening
from lmctool_plugins.aligners.midpoint.descent import Descent
from lmctool_plugins.aligners.midpoint.latent import Latent, begin
from lmctool_plugins.aligners.midpoint.objective import RepairedMidpoint, summed_in_order
from lmctool_plugins.aligners.midpoint.permuted import moves_of
from lmctool_plugins.aligners.midpoint.search import Search
from lmctool_plugins.aligners.midpoint.softening import (
    FOLLOWED,
    ROUNDS,
    normalised,
    softened_gradients,
    together,
)
from tests.live_bytes import LiveBytes
from tests.plugins.pairs import trained

if TYPE_CHECKING:
    from pathlib import Path

Runs = Callable[..., Run]
SHORT = {"steps": 20, "rate": 0.1, "batch": 200}


def short(**options: Any) -> Choice:
    return Choice("midpoint", SHORT | options)


def pair(run_of: Runs, key: str = "mlp", **settings: Any) -> Run:
    chosen: dict[str, Any] = {"aligner": short(), "calib_size": 600} | settings
    return run_of(key, trained(key, 0), trained(key, 1), **chosen)


@pytest.mark.parametrize("key", ["mlp", "mlp-batch", "resnet-fixup"])
def test_the_loss_is_that_of_the_midpoint_that_repair_corrects(run_of: Runs, key: str) -> None:
    run = pair(run_of, key, calib_size=200, calib_batch=200)
    a, b = run.weights(0), run.weights(1)
    permutation = Permutation.random(run.permutation_spec, torch.Generator().manual_seed(0))
    moves = moves_of(permutation, run.device)
    ((inputs, targets),) = run.calibration.split.batches(200, run.dtype)
    loss, error = RepairedMidpoint(run, a, b).score(moves, inputs, targets)

    correction = registry.load(CORRECTIONS, "repair")
    between = correction.prepare(run, a, permutation.apply(b), storable=False, targets="both")
    scores = run.evaluate([between(0.5)], [run.calibration.split])
    # a correction divides by the unbiased variance, a batch normalised in place by the biased
    assert loss.item() == pytest.approx(scores.loss.item(), rel=0.02)
    assert error.item() == pytest.approx(scores.error.item(), abs=0.011)


def test_the_gradient_reaches_every_group(run_of: Runs) -> None:
    run = pair(run_of, "mlp-batch", calib_size=50)
    a, b = run.weights(0), run.weights(1)
    latent = begin(run, a, b, Permutation(run.permutation_spec, {}))
    ((inputs, targets),) = run.calibration.split.batches(50, run.dtype)
    moves = moves_of(latent.hardened(), run.device, latent.scores)
    loss, _ = RepairedMidpoint(run, a, b).score(moves, inputs, targets)
    loss.backward()  # type: ignore[no-untyped-call]
    assert set(latent.scores) == set(run.permutation_spec.groups)
    assert all(s.grad is not None and s.grad.abs().max() > 0 for s in latent.scores.values())


def test_gradients_of_attention_have_a_fixed_order_on_a_gpu() -> None:
    cuda: Any = torch.backends.cuda
    fused = (cuda.flash_sdp_enabled, cuda.mem_efficient_sdp_enabled, cuda.cudnn_sdp_enabled)
    before = [enabled() for enabled in fused]
    assert any(before)
    with FakeTensorMode():
        there = torch.empty(2, device="cuda")
    with summed_in_order(there):
        assert cuda.math_sdp_enabled() and not any(enabled() for enabled in fused)
    with summed_in_order(torch.empty(2)):
        assert [enabled() for enabled in fused] == before


def test_rows_and_columns_of_a_normalised_matrix_sum_to_one() -> None:
    logits = torch.randn(2, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    matrices, ones = normalised(logits, 50).exp(), torch.ones(2, 5, dtype=torch.float64)
    torch.testing.assert_close(matrices.sum(-2), ones)
    torch.testing.assert_close(matrices.sum(-1), ones)
    assert normalised(logits / 1e-4, 5).exp().isfinite().all()


def softened(scores: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return soft matrices as they are defined, for autograd to follow the last rounds."""
    logits = scores / temperature
    with torch.no_grad():
        factors = normalised(logits, ROUNDS - FOLLOWED) - logits
    logits = logits + factors
    for _ in range(FOLLOWED):
        logits = logits - logits.logsumexp(-1, keepdim=True)
        logits = logits - logits.logsumexp(-2, keepdim=True)
    return logits.exp()


def test_the_gradient_by_scores_is_that_of_soft_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(5, 5), (2, 3, 3), (5, 5), (4, 4), (3, 3)]
    scores = [
        torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()
        for shape in shapes
    ]
    weights = [torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes]

    def loss(matrices: list[torch.Tensor]) -> torch.Tensor:
        terms = [(w * m).sum() for w, m in zip(weights[:-1], matrices, strict=False)]
        return torch.stack(terms).sum()  # the last group has no part in it

    soft = loss([softened(each, 0.3) for each in scores])
    expected = torch.autograd.grad(soft, scores, allow_unused=True, materialize_grads=True)
    for size in (0, 40, softening.TOGETHER):
        monkeypatch.setattr(softening, "TOGETHER", size)
        found = dict(softened_gradients(loss(scores), scores, 0.3))
        for place, gradient in enumerate(expected):
            torch.testing.assert_close(found[place], gradient)


def test_groups_of_one_size_are_softened_together_unless_they_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = [torch.zeros(shape) for shape in ((4, 4), (2, 3, 3), (4, 4), (4, 4), (9, 9))]
    assert list(together(scores)) == [[0, 2, 3], [1], [4]]
    monkeypatch.setattr(softening, "TOGETHER", 32)
    assert list(together(scores)) == [[0, 2], [3], [1], [4]]


def test_the_search_begins_at_its_start(run_of: Runs) -> None:
    run = pair(run_of, aligner=Choice("activation"))
    a, b = run.weights(0), run.weights(1)
    start = permutation_part(run.align(a, b))
    drawn = begin(run, a, b, start).hardened()
    assert all(torch.equal(drawn.moves[group], move) for group, move in start.moves.items())


def test_a_planted_permutation_is_found_from_a_spoilt_one(run_of: Runs) -> None:
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 0), aligner=short())
    a = run.weights(0)
    planted = Permutation.random(run.permutation_spec, torch.Generator().manual_seed(1))
    b = planted.apply(a)
    moves = {group: move.clone() for group, move in planted.inverse().moves.items()}
    for move in moves.values():
        move[:6] = move[:6].roll(1)
    start = Permutation(run.permutation_spec, moves)
    looking = Search(run, RepairedMidpoint(run, a, b), parted_examples(run, "midpoint", 500))
    found = looking.go(begin(run, a, b, start), steps=20, rate=0.1).best.apply(b)
    assert not torch.equal(start.apply(b)["layers.0.weight"], a["layers.0.weight"])
    assert all(torch.equal(found[name], a[name]) for name in a)


def losses(run: Run) -> tuple[list[float], list[float]]:
    """Return the training losses and the held-out losses that a result records."""
    group = complete(run, Result("barrier", {}), command="", options={}).groups["midpoint"]
    found = [group.variables[name].values.tolist() for name in ("train_loss", "held_out_loss")]
    return found[0], found[1]


def test_the_kept_permutation_is_no_worse_than_the_start_on_held_out_examples(
    run_of: Runs,
) -> None:
    run = pair(run_of)
    a, b = run.weights(0), run.weights(1)
    found = permutation_part(run.align(a, b))
    train, held = losses(run)
    assert len(train) == 20 and len(held) == 3
    assert min(held) < held[0]
    looking = Search(run, RepairedMidpoint(run, a, b), parted_examples(run, "midpoint", 200))
    with torch.no_grad():
        loss, _ = looking.midpoint.score(
            moves_of(found, run.device),
            *run.calibration.split.at(looking.examples.held_out, run.dtype),
        )
    assert loss.item() == pytest.approx(min(held))
    (alignment,) = run.alignments.proved
    proof = alignment.proof
    assert proof.holds


def test_the_same_seed_gives_the_same_permutation(run_of: Runs) -> None:
    found = []
    for _ in range(2):
        run = pair(run_of, seed=3)
        permutation = permutation_part(run.align(run.weights(0), run.weights(1)))
        found.append((permutation.moves, losses(run)))
    assert found[0][1] == found[1][1]
    assert all(torch.equal(found[0][0][group], move) for group, move in found[1][0].items())


def test_no_evaluated_split_is_opened(run_of: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    run = pair(run_of)

    def refuse(self: Run, name: str) -> None:
        raise AssertionError(f"split {name!r} was opened")

    monkeypatch.setattr(Run, "split", refuse)
    assert not run.align(run.weights(0), run.weights(1)).is_identity


def test_too_few_examples_are_told(run_of: Runs) -> None:
    run = pair(run_of, calib_size=12)
    with pytest.raises(LmctoolError, match="needs 20 calibration examples or more, not 12"):
        run.align(run.weights(0), run.weights(1))


def test_a_group_moves_at_a_pace_that_the_scale_of_its_gradient_does_not_change() -> None:
    scores = [torch.zeros(3, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    weight = torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    descent = Descent(scores)
    for _ in range(5):
        descent.move(0, weight, 0.1)
        descent.move(1, 1000 * weight, 0.1)
    torch.testing.assert_close(scores[0], scores[1])
    expected = -0.5 * weight / weight.square().sum(-1).mean().sqrt()
    torch.testing.assert_close(scores[0].detach(), expected)


def test_a_search_holds_few_copies_of_the_weights_and_of_the_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softening, "TOGETHER", 1)  # as of groups that are large
    arguments = {"inputs": 64, "width": 512, "depth": 4}
    metadata = {"lmctool.model": "mlp", "lmctool.model_arguments": json.dumps(arguments)}
    metadata |= {"format": "pt", "lmctool.data": "digits"}
    paths = tmp_path / "0.safetensors", tmp_path / "1.safetensors"
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        module = registry.load(MODELS, "mlp").build("mlp", **arguments)
        save_file(module.state_dict(), path, metadata=metadata)
    run = tiny_run(tmp_path, checkpoints=paths, calib_size=60)
    a, b = run.weights(0), run.weights(1)
    latent = begin(run, a, b, Permutation(run.permutation_spec, {}))
    search = Search(run, RepairedMidpoint(run, a, b), parted_examples(run, "midpoint", 20))
    with LiveBytes() as live:
        search.go(latent, steps=3, rate=0.1)
    weights = sum(tensor.nbytes for tensor in a.values())
    scores = sum(each.nbytes for each in latent.scores.values())
    # Of the scores, which are there before, momentum and gradients; of the midpoint gradients,
    # before and after the mean with A; A and B; a little for activations, and for one group.
    assert 2 * scores + weights < live.most < 2.25 * scores + 4.25 * weights, live.most / weights


def on_gpu() -> Search:
    """Return a search on a GPU that isn't there."""
    split: Any = SimpleNamespace(at=lambda positions, _: (positions, torch.empty(50, device=GPU)))
    run: Any = SimpleNamespace(device=GPU, progress=silent)

    def score(moves: Any, *_: object) -> tuple[torch.Tensor, torch.Tensor]:
        taking = [move.order if move.scores is None else move.scores for move in moves.values()]
        loss = torch.stack([each.square().sum() for each in taking]).sum()
        return loss, loss.detach()

    midpoint: Any = SimpleNamespace(score=score)
    held_out, seen = torch.arange(10), torch.arange(10, 50)
    drawn = torch.Generator().manual_seed(0)
    examples = PartedExamples(split, torch.float32, 20, seen, held_out, drawn)
    return Search(run, midpoint, examples)


def test_a_step_waits_for_the_gpu_once_for_all_groups(run_of: Runs) -> None:
    spec = pair(run_of).permutation_spec
    assert len(spec.groups) > 1
    waits = []
    for steps in (3, 8):
        scores = {
            group: torch.zeros(*spec.shape(group), spec.groups[group], device=GPU).requires_grad_()
            for group in spec.groups
        }
        with Launches(GPU) as launches:
            course = on_gpu().go(Latent(Permutation(spec, {}), scores), steps, 0.1)
        assert len(course.train) == steps
        waits.append(launches.waits.total())
    assert waits[1] - waits[0] == 8 - 3
