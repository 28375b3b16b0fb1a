"""BatchNorms fused into the layers before them, in every kind of layer that has channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.fuse_batchnorm import BatchNormFusion, batchnorm_fusion
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph


def prepared(
    module: nn.Module, inputs: Tensor, *, exports: bool = False
) -> tuple[BatchNormFusion, dict[str, Tensor]]:
    """Return which BatchNorms can be fused, and random weights in float64."""
    weights: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        random = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
        weights[name] = random + 0.5 if tensor.is_floating_point() else tensor
    module.eval().requires_grad_(False)
    graph = capture(module, inputs) if exports else record_graph(fresh(module), (inputs,))
    return batchnorm_fusion(graph), weights


def output(module: nn.Module, weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
    value: Tensor = torch.func.functional_call(module.double(), weights, (inputs.double(),))
    return value


def convolutions(*, affine: bool) -> list[nn.Module]:
    """Return every kind of convolution, and a linear layer, each with a BatchNorm behind it."""
    layers = [
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 4, 3, padding=1, bias=False),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3, padding=3, stride=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 8, 1, groups=4, bias=False),
        nn.ConvTranspose2d(8, 4, 3, stride=2, output_padding=1),
        nn.ConvTranspose2d(4, 4, 1, bias=False),
    ]
    return [
        part
        for layer in layers
        for part in (layer, nn.BatchNorm2d(layer.out_channels, affine=affine), nn.Tanh())
    ]


def test_the_function_stays_and_the_batchnorms_do_nothing() -> None:
    rows = [nn.Flatten(), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU()]
    rows += [nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5), nn.Sigmoid()]
    pooled = [nn.AdaptiveAvgPool2d(1), *rows]
    module = nn.Sequential(*convolutions(affine=True), *convolutions(affine=False), *pooled)
    inputs = torch.randn(2, 4, 9, 9)
    fusion, weights = prepared(module, inputs)
    fused = fusion(weights)
    assert len(fusion.layers) == 18
    assert fusion.left == {}
    before, after = output(module, weights, inputs), output(module, fused, inputs)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-12)
    for place, part in enumerate(module):
        if not isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            continue
        assert not torch.equal(fused[f"{place - 1}.weight"], weights[f"{place - 1}.weight"])
        own = {n: fused[f"{place}.{n}"] for n in part.state_dict()}
        size = (2, 2) if isinstance(part, nn.BatchNorm2d) else ()
        value = torch.randn(2, part.num_features, *size)
        rest = (output(part, own, value) - value.double()).transpose(0, 1).flatten(1)
        assert rest.std(1).max() < 1e-14
        if f"{place - 1}.bias" in weights:  # else the shift is left, and nothing besides
            assert rest.abs().max() < 1e-14
    for name, tensor in fusion(fused).items():
        torch.testing.assert_close(tensor, fused[name], rtol=1e-13, atol=1e-13)
    half = {name: t.half() if t.is_floating_point() else t for name, t in weights.items()}
    assert all(tensor.dtype == half[name].dtype for name, tensor in fusion(half).items())


class Branching(nn.Module):
    """A BatchNorm behind an addition, others behind layers that are read twice or used twice."""

    def __init__(self) -> None:
        super().__init__()
        names = ("fused", "read_twice", "used_twice", "normed_twice", "other")
        self.layers = nn.ModuleDict({name: nn.Conv2d(4, 4, 1) for name in names})
        norms = (
            "fused",
            "read_twice",
            "used_a",
            "used_b",
            "twice",
            "added",
            "turned",
            "computed",
            "cut",
        )
        self.norms = nn.ModuleDict({name: nn.BatchNorm2d(4) for name in norms})
        self.rows = nn.Linear(5, 4)
        self.cut = nn.ConvTranspose2d(4, 4, 1, groups=2)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        layers, norms = self.layers, self.norms
        x = norms["fused"](layers["fused"](x)).relu()
        y = layers["read_twice"](x)
        x = (norms["read_twice"](y) + y).relu()
        x = norms["used_a"](layers["used_twice"](x)).relu()
        x = norms["used_b"](layers["used_twice"](x)).relu()
        x = norms["twice"](layers["normed_twice"](x)) + norms["twice"](layers["other"](x))
        x = norms["added"](x).relu()
        x = norms["computed"](self.normed(x)).relu()
        x = norms["cut"](self.cut(x)).relu()
        x = norms["turned"](self.rows(x)).relu()  # over its rows, and not its units
        return x


def test_batchnorms_that_cannot_be_fused_are_left_with_the_reason() -> None:
    module, inputs = Branching(), torch.randn(2, 4, 4, 5)
    fusion, weights = prepared(module, inputs, exports=True)
    assert [layer.name for layer in fusion.layers] == ["layers.fused"]
    no_axis = "the weight or bias of {} is shared or computed, or has no axis of its channels alone"
    assert {name.removeprefix("norms."): why for name, why in fusion.left.items()} == {
        "read_twice": "something else reads 'layers.read_twice' too",
        "used_a": no_axis.format("'layers.used_twice'"),
        "used_b": no_axis.format("'layers.used_twice'"),
        "twice": "something else reads its tensors too, or they are computed",
        "added": "no layer with a stored weight writes what it reads",
        "computed": "no layer with a stored weight writes what it reads",
        "cut": no_axis.format("'cut'"),
        "turned": "something else reads 'rows' too",
    }
    before, after = output(module, weights, inputs), output(module, fusion(weights), inputs)
    torch.testing.assert_close(after, before)
