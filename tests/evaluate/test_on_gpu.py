"""What a GPU alone can show of an evaluation: replays, the arithmetic in force, its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.data.opening import open_split
from lmctool.errors import LmctoolError
from lmctool.evaluate import Network, evaluate
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.evaluate.strategy import chosen
from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.data_records import Dataset, Examples
from lmctool.plugin.kinds import MODELS
from lmctool.plugin.records import Task
from lmctool_plugins.tasks import classification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from lmctool.data.split import Split
    from lmctool.evaluate.functional import Forward
    from lmctool.evaluate.strategy import Word

    Weights = dict[str, Tensor]

pytestmark = pytest.mark.cuda

TASK = Task(classification.score, majority_error)
SIDE, CLASSES = 8, 10
MODEL_ARGUMENTS = {
    "mlp": {"inputs": 3 * SIDE * SIDE, "width": 32, "depth": 3, "classes": CLASSES},
    "resnet20": {"channels": 3, "classes": CLASSES},
}


def images(count: int, device: torch.device, channels: int = 3) -> Split:
    drawn = np.random.default_rng(0)
    inputs = drawn.integers(256, size=(count, channels, SIDE, SIDE), dtype=np.uint8)
    examples = Examples(inputs, drawn.integers(CLASSES, size=count))
    mean, std = (0.5,) * channels, (0.2,) * channels
    dataset = Dataset({"test": lambda: examples}, "here", CLASSES, 1 / 255, mean, std)
    return open_split(dataset, "test", limit=None, seed=0, device=device)


def network(name: str, device: torch.device) -> Network:
    torch.manual_seed(0)
    module = registry.load(MODELS, name).build(name, **MODEL_ARGUMENTS[name])
    return network_of(module, device)


def network_of(module: nn.Module, device: torch.device) -> Network:
    module = module.eval().requires_grad_(False).to(device)
    example = torch.zeros(2, 3, SIDE, SIDE, device=device)
    return Network(module, lambda: capture(module, example))


def several(network: Network) -> list[Weights]:
    """Return the weights of three networks, the last one's in another order."""
    own = dict(network.module.state_dict())
    generator = torch.Generator().manual_seed(1)
    networks = [own]
    for _ in range(2):
        noise = {
            name: torch.randn(t.shape, generator=generator).to(t.device) for name, t in own.items()
        }
        networks.append(
            {n: t + 0.05 * noise[n] if t.ndim > 1 else t.clone() for n, t in own.items()}
        )
    return [*networks[:2], dict(reversed(networks[2].items()))]


def losses(
    forward: Forward, networks: list[Weights], split: Split, size: BatchSize
) -> NDArray[np.float64]:
    with computing("float32", split.targets.device):
        scores = evaluate(
            forward, networks, [split], TASK,
            dtype=torch.float32, batch_size=size, per_example=True,
        )  # fmt: skip
    return scores.losses["test"]


def assert_replays(name: str, device: torch.device) -> None:
    """Check replays on a device against the module on the CPU: 40 examples, 16 at once."""
    own, split = network(name, device), images(40, device)
    with computing("float32", device):
        strategy = chosen("graphs", own, split.head(2, torch.float32))
    found = losses(strategy.forward, several(own), split, BatchSize(16))
    cpu = torch.device("cpu")
    here, examples = network(name, cpu), images(40, cpu)
    expected = losses(here, several(here), examples, BatchSize(16))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    assert len({row.tobytes() for row in found}) == len(found)
    assert (strategy.given_up, str(strategy)) == ("", "graphs, contiguous")


@pytest.mark.parametrize("name", MODEL_ARGUMENTS)
def test_replays_give_what_the_cpu_gives_for_every_network_and_batch(
    name: str, gpu: torch.device
) -> None:
    assert_replays(name, gpu)


def test_replays_are_right_on_a_gpu_that_is_not_the_current_one() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    with torch.cuda.device(0):
        assert_replays("mlp", torch.device("cuda:1"))


@pytest.fixture
def switched(gpu: torch.device) -> Iterator[None]:
    """Let TF32 be on, as a model's own file may have it."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.fp32_precision, cudnn.conv.fp32_precision  # type: ignore[attr-defined]
    matmul.fp32_precision = cudnn.conv.fp32_precision = "tf32"  # type: ignore[attr-defined]
    yield
    matmul.fp32_precision, cudnn.conv.fp32_precision = before  # type: ignore[attr-defined]


def relative_errors(device: torch.device) -> tuple[float, float]:
    """Return the errors of a product and of a convolution, over the greatest result."""
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(256, 256, generator=generator).to(device)
    x = torch.randn(8, 64, 16, 16, generator=generator).to(device)
    kernel = torch.randn(64, 64, 3, 3, generator=generator).to(device)
    product, exact = a @ a, a.double() @ a.double()
    convolved = nn.functional.conv2d(x, kernel)
    exactly = nn.functional.conv2d(x.double(), kernel.double())
    pairs = ((product, exact), (convolved, exactly))
    errors = [float((one - other).abs().max() / other.abs().max()) for one, other in pairs]
    return errors[0], errors[1]


def test_float32_has_all_its_digits_whatever_was_switched_before(
    switched: None, gpu: torch.device
) -> None:
    with computing("float32", gpu):
        product, convolution = relative_errors(gpu)
    assert product < 1e-5 and convolution < 1e-5


def test_tf32_has_fewer_digits(gpu: torch.device) -> None:
    if torch.cuda.get_device_capability(gpu) < (8, 0):
        pytest.skip("needs a GPU that has TF32")
    with computing("tf32", gpu):
        product, _ = relative_errors(gpu)
    assert 2e-5 < product < 1e-2


@pytest.fixture
def little_memory(gpu: torch.device) -> Iterator[None]:
    """Let this process take 512 MB more of the GPU than it has."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(gpu).total_memory
    limit = torch.cuda.memory_reserved(gpu) + (1 << 29)
    torch.cuda.set_per_process_memory_fraction(limit / total, gpu)
    yield
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1.0, gpu)


def wide(device: torch.device) -> Network:
    """Return a network whose hidden layer takes 64 kB for each example."""
    torch.manual_seed(0)
    inputs, hidden = 3 * SIDE * SIDE, 1 << 14
    layers = (nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, CLASSES))
    return network_of(nn.Sequential(nn.Flatten(), *layers), device)


@pytest.mark.parametrize("word", ["plain", "graphs"])
def test_batches_halve_until_they_fit_into_the_memory_of_the_gpu(
    word: Word, gpu: torch.device, little_memory: None
) -> None:
    own, split = wide(gpu), images(1 << 14, gpu)
    networks = [dict(own.module.state_dict())]
    expected = losses(own, networks, split, BatchSize(1 << 8))
    with computing("float32", gpu):
        strategy = chosen(word, own, split.head(2, torch.float32))
    size = BatchSize(None, 1 << 14)  # whose hidden layer takes 1 GB
    size.on_halving.append(strategy.free)
    np.testing.assert_allclose(losses(strategy.forward, networks, split, size), expected, rtol=1e-4)
    assert 1 << 8 <= size.size < 1 << 14


class Waiting(nn.Module):
    """Branches on a value, for which Python waits."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * SIDE * SIDE, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.head(x.flatten(1))
        return outputs if outputs.sum().item() > 0 else 2 * outputs


def test_a_model_that_waits_for_the_gpu_is_refused_and_leaves_the_stream_as_it_was(
    gpu: torch.device,
) -> None:
    own, split = network_of(Waiting(), gpu), images(40, gpu)
    networks = [dict(own.module.state_dict())]
    before = torch.cuda.current_stream(gpu)
    with computing("float32", gpu):
        strategy = chosen("graphs", own, split.head(2, torch.float32))
    with pytest.raises(LmctoolError, match="leave out --strategy graphs"):
        losses(strategy.forward, networks, split, BatchSize(16))
    assert torch.cuda.current_stream(gpu) == before
    assert not torch.cuda.is_current_stream_capturing()
    assert np.isfinite(losses(own, networks, split, BatchSize(16))).all()
