"""Networks in canonical form: the same functions, with nothing left to fold."""

from __future__ import annotations

import pytest
import torch

from lmctool.errors import PluginError
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.canonical_spec import CanonicalSpec, Norm, Reader
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.spec import LinearSpec
from lmctool.symmetry.linear.transform import LinearTransform
from lmctool.symmetry.spec import PermutationSpec
from lmctool.symmetry.unit_index import UnitIndex
from tests.symmetry.linear.by_hand import network

KINDS = ["gpt2", "vit", "llama"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_function_stays(kind: str) -> None:
    given = network(kind)
    weights = given.weights()
    before, after = given.output(weights), given.output(canonical(given.spec, weights))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12 * float(before.abs().max()))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_canonical_form_stays(kind: str) -> None:
    given = network(kind)
    once = canonical(given.spec, given.weights())
    for name, tensor in canonical(given.spec, once).items():
        torch.testing.assert_close(tensor, once[name], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_every_linear_map_keeps_the_function_of_the_canonical_form_alone(kind: str) -> None:
    given = network(kind)
    weights = given.weights()
    form = canonical(given.spec, weights)
    transform = LinearTransform.random(given.spec, torch.Generator().manual_seed(2))
    output, before = given.output(transform.apply(form)), given.output(weights)
    torch.testing.assert_close(output, before, rtol=0, atol=1e-10 * float(before.abs().max()))
    with pytest.raises(PluginError, match=r"norm1\.weight' is not folded"):
        transform.only("stream").apply(weights)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_fold(kind: str) -> None:
    given = network(kind)
    weights = given.weights()
    form = canonical(given.spec, weights)
    offset = float(kind == "llama")
    for norm in ("blocks.0.norm1", "blocks.1.norm2", "norm"):
        assert (form[f"{norm}.weight"] == 1 - offset).all()
    if kind == "llama":
        torch.testing.assert_close(
            form["head.weight"], weights["head.weight"] * (1 + weights["norm.weight"])
        )
        assert form["embedding.weight"] is weights["embedding.weight"]
        return
    assert not form["blocks.0.norm1.bias"].any()
    assert (form["norm.bias"] == (kind == "gpt2")).all()  # its head has no bias
    key = form["blocks.1.qkv.bias"][8:16] if kind == "gpt2" else form["blocks.1.k.bias"]
    value = form["blocks.1.qkv.bias"][16:] if kind == "gpt2" else form["blocks.1.v.bias"]
    assert not key.any()
    assert not value.any()
    for name, axis in {"position": 2, "blocks.0.o.weight": 0, "blocks.1.down.bias": 0}.items():
        torch.testing.assert_close(form[name].sum(axis) + 1, torch.ones_like(form[name].sum(axis)))


def test_a_head_without_a_bias_reads_the_last_shift_along_ones() -> None:
    given = network("gpt2")
    weights = given.weights()
    head = weights["head.weight"]
    expected = head * weights["norm.weight"]
    expected = expected - expected.mean(1, keepdim=True)
    expected += (head @ weights["norm.bias"])[:, None] / head.shape[1]
    torch.testing.assert_close(canonical(given.spec, weights)["head.weight"], expected)


def test_tensors_keep_their_dtype_and_are_folded_in_float64() -> None:
    given = network("vit")
    weights = {name: tensor.float() for name, tensor in given.weights().items()}
    form = canonical(given.spec, weights)
    exact = canonical(given.spec, {name: tensor.double() for name, tensor in weights.items()})
    for name, tensor in form.items():
        assert torch.equal(tensor, exact[name].float())


def test_a_shift_goes_through_every_place_of_a_kernel_or_of_stacked_layers() -> None:
    place = Place("kernel", UnitIndex((1,), torch.arange(4)[:, None]), -1)
    stacked = Place("experts", UnitIndex((2,), torch.arange(4)[:, None]), -1)
    readers = (Reader(place, "kernel_bias"), Reader(stacked, "experts_bias"))
    norm = Norm("layer", "gain", "shift", readers)
    spec = LinearSpec(PermutationSpec({}, {}), {}, CanonicalSpec((norm,)))
    generator = torch.Generator().manual_seed(0)
    shapes = {"gain": (4,), "shift": (4,), "kernel": (3, 4, 2, 2), "kernel_bias": (3,)}
    shapes |= {"experts": (2, 5, 4), "experts_bias": (2, 5)}
    weights = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    form = canonical(spec, weights)
    image = torch.randn(2, 4, 6, 6, generator=generator, dtype=torch.float64)
    value = image * weights["gain"][:, None, None] + weights["shift"][:, None, None]
    torch.testing.assert_close(
        torch.nn.functional.conv2d(image, form["kernel"], form["kernel_bias"]),
        torch.nn.functional.conv2d(value, weights["kernel"], weights["kernel_bias"]),
    )
    vector = value.flatten(2).mT
    torch.testing.assert_close(
        torch.einsum("eoi,bpi->bpeo", form["experts"], image.flatten(2).mT) + form["experts_bias"],
        torch.einsum("eoi,bpi->bpeo", weights["experts"], vector) + weights["experts_bias"],
    )
