"""Batches of images that operations take for what they lie in memory as."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d

from lmctool.graph.layout import laid_out


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_hands_on_the_memory_format_whatever_the_number_of_channels(
    channels: int,
) -> None:
    whole = torch.randn(6, channels, 5, 4)
    images, weight = whole[2:], torch.randn(8, channels, 3, 3)
    last = laid_out(images, torch.channels_last)
    assert torch.equal(last, images)
    assert conv2d(last, weight).stride()[1] == 1
    assert conv2d(last[1:3], weight).stride()[1] == 1
    first = laid_out(images, torch.contiguous_format)
    assert conv2d(first, weight).is_contiguous()


def test_what_is_no_image_stays_as_it_is() -> None:
    tokens = torch.randn(2, 3, 4)
    assert laid_out(tokens, torch.channels_last) is tokens
