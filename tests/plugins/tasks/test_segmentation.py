"""Cross-entropy and error of pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lmctool.errors import LmctoolError
from lmctool_plugins.tasks import classification
from lmctool_plugins.tasks.segmentation import check, score, weight

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(4, 3, 5, 6, generator=GENERATOR, dtype=torch.float64)
MASKS = torch.randint(3, (4, 5, 6), generator=GENERATOR)
MASKS[0, 1], MASKS[2, :, 3], MASKS[3] = -100, -100, -100


def same(found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> bool:
    return all(map(torch.equal, found, wanted))


def test_the_mean_over_pixels_is_that_of_a_classification_of_all_that_count() -> None:
    known = MASKS != -100
    loss, error = score(LOGITS, MASKS)
    wanted = classification.score(LOGITS.movedim(1, -1)[known], MASKS[known])
    pixels = weight(MASKS)
    assert pixels.tolist() == [24, 30, 25, 0]
    assert float((loss * pixels).sum() / 79) == pytest.approx(float(wanted[0].mean()), rel=1e-13)
    assert float((error * pixels).sum() / 79) == pytest.approx(float(wanted[1].mean()), rel=1e-13)


def test_pixels_that_change_places_change_nothing() -> None:
    order = torch.randperm(30, generator=GENERATOR)
    moved = score(LOGITS.flatten(2)[..., order], MASKS.flatten(1)[:, order])
    for one, other in zip(moved, score(LOGITS, MASKS), strict=True):
        torch.testing.assert_close(one, other)


def test_positions_of_a_sequence_are_scored_as_pixels_in_a_row() -> None:
    assert same(score(LOGITS.flatten(2), MASKS.flatten(1)), score(LOGITS, MASKS))


def test_an_ignored_pixel_changes_nothing_whatever_its_logits() -> None:
    broken = LOGITS.masked_fill((MASKS == -100)[:, None], math.nan)
    assert same(score(broken, MASKS), score(LOGITS, MASKS))


def test_nan_is_wrong_and_shows_in_the_loss() -> None:
    broken = LOGITS.clone()
    broken[1, 0, 0, 0] = math.nan
    loss, error = score(broken, MASKS)
    assert loss.isnan().tolist() == [False, True, False, False]
    assert error[1] >= 1 / 30


def test_masks_may_have_a_channel() -> None:
    assert same(score(LOGITS, MASKS[:, None]), score(LOGITS, MASKS))
    assert torch.equal(weight(MASKS[:, None]), weight(MASKS))


def test_one_channel_is_the_logit_of_class_1() -> None:
    masks = MASKS.clamp(max=1)
    both = torch.stack([torch.zeros_like(LOGITS[:, 0]), LOGITS[:, 0]], dim=1)
    for outputs in (LOGITS[:, :1], LOGITS[:, 0]):
        assert same(score(outputs, masks), score(both, masks))
        assert same(score(outputs, masks[:, None]), score(both, masks))
        check(outputs, masks)
        with pytest.raises(LmctoolError, match="class 2 but the model tells 2 classes apart"):
            check(outputs, MASKS)


def test_half_precision_is_computed_in_float32_and_summed_in_float64() -> None:
    loss, error = score(torch.zeros(4, 3, 5, 6, dtype=torch.float16), MASKS)
    assert (loss.dtype, error.dtype) == (torch.float64, torch.float64)
    assert loss[:3].tolist() == pytest.approx([math.log(3)] * 3, rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((4, 3, 2, 3), r"\(3, 2, 3\) and targets of shape \(5, 6\); resize the outputs"),
        ((4, 3), r"outputs of shape \(3,\) and targets of shape \(5, 6\)$"),
        ((4, 5, 6, 3), r"outputs of shape \(5, 6, 3\) and targets of shape \(5, 6\)"),
    ],
    ids=["smaller", "one a picture", "channels last"],
)
def test_outputs_that_are_not_the_classes_of_each_pixel_are_refused(
    shape: tuple[int, ...], said: str
) -> None:
    for refused in (check, score):
        with pytest.raises(LmctoolError, match=said):
            refused(torch.zeros(shape), MASKS)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (255, r"class 255 but the model tells 3 classes apart; .* say \?ignore=255"),
        (3, "class 3 but the model tells 3 classes apart; is it trained on other data"),
        (-1, "class -1, but classes count from 0, and -100 counts for nothing"),
    ],
)
def test_classes_that_the_model_has_not_are_refused(target: int, said: str) -> None:
    masks = MASKS.clone()
    masks[1, 2, 3] = target
    with pytest.raises(LmctoolError, match=said):
        check(LOGITS[:2], masks)


@pytest.mark.parametrize("targets", [MASKS[:, 0, 0], MASKS.float()], ids=["classes", "fractions"])
def test_targets_that_are_no_masks_are_refused(targets: Tensor) -> None:
    with pytest.raises(LmctoolError, match="segmentation needs a class for each pixel, not"):
        weight(targets)
