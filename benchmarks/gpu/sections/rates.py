"""Images a second: the textbook, bare loops, bare graphs, and lmctool in every precision."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.subject import LAYOUTS, images, network, scores, strategy_of, weights_of
from benchmarks.gpu.work import seconds
from benchmarks.speed import textbook
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.strategy import chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from benchmarks.gpu.setting import Setting
    from lmctool.data.split import Split
    from lmctool.evaluate import Network
    from lmctool.evaluate.arithmetic import Precision
    from lmctool.evaluate.strategy import Strategy

WANTED = {"MLP": 20, "VGG11": 3, "ResNet20": 2, "ViT": 2}
"""Times that the evaluation of networks is to be faster than the textbook, in float32."""
WANTED_TF32 = 5
ESTIMATED = {
    "MLP": "0.55 to 0.75 million",
    "VGG11": "300 to 420 thousand",
    "ResNet20": "90 to 140 thousand",
    "ViT": "30 to 37 thousand",
}
"""Images a second of the textbook, estimated."""
NETWORKS = 3
GRAPH_SIZES = (256, 512, 2048, 10_000)
LOOP_SIZES = (32, 256, 1000, 4000, 10_000)


def measure(setting: Setting) -> Iterator[Found]:
    """Time every model; what torch.compile gives comes last, since it takes longest."""
    split = images(setting.sized(10_000, 32), setting.device)
    models = setting.sized(tuple(WANTED), ("MLP", "ResNet20"))
    for model in models:
        yield from tried(model, partial(_of_model, setting, model, split))
    if setting.on_gpu:
        for model in ("ResNet20", "VGG11"):
            yield from tried(f"{model}, compiled", partial(_compiled, setting, model, split))


def _of_model(setting: Setting, model: str, split: Split) -> Iterator[Found]:
    own = network(model, setting.device)
    by_hand = _textbook(setting, own, split, "float32")
    expected = ESTIMATED[model]
    yield Found(f"{model}: textbook, float32", by_hand, "images/s", expected=expected)
    yield from tried(f"{model}: bare loop", partial(_bare, setting, own, split, model))
    ours = {}
    for word in ("plain", "graphs", "auto") if setting.on_gpu else ("auto",):
        with computing("float32", setting.device):
            strategy = chosen(word, own, split.head(2, torch.float32))
        ours[word] = _ours(setting, own, split, strategy, "float32")
        yield Found(f"{model}: {word} ({strategy})", ours[word], "images/s")
    ratio, wanted = ours["auto"] / by_hand, WANTED[model]
    good = ratio >= wanted if setting.on_gpu else None
    yield Found(f"{model}: auto against the textbook", ratio, "times", good, f">= {wanted}")
    yield from tried(f"{model}: TF32", partial(_faster, setting, own, split, model, by_hand))


def _faster(
    setting: Setting, own: Network, split: Split, model: str, by_hand: float
) -> Iterator[Found]:
    """Time the precisions that have fewer digits."""
    precisions: tuple[Precision, ...] = ("tf32", "bfloat16")
    for precision in precisions:
        with computing(precision, setting.device):
            strategy = chosen("auto", own, split.head(2, torch.float32), precision)
        rate = _ours(setting, own, split, strategy, precision)
        yield Found(f"{model}: auto ({strategy}), {precision}", rate, "images/s")
        if precision == "tf32":
            good = rate >= WANTED_TF32 * by_hand if setting.on_gpu else None
            name = f"{model}: auto in TF32 against the textbook in float32"
            yield Found(name, rate / by_hand, "times", good, f">= {WANTED_TF32}")
            hand = _textbook(setting, own, split, precision)
            yield Found(f"{model}: textbook, {precision}", hand, "images/s")
        if model not in {"VGG11", "ResNet20"} or not setting.on_gpu:
            continue
        way = strategy_of(own, "graphs", LAYOUTS["channels last"], 2048)
        rate = _ours(setting, own, split, way, precision)
        yield Found(f"{model}: {way}, {precision}", rate, "images/s")


def _compiled(setting: Setting, model: str, split: Split) -> Iterator[Found]:
    own = network(model, setting.device)
    precisions: tuple[Precision, ...] = ("tf32", "float32")
    for precision in precisions:
        way = strategy_of(own, "compile", LAYOUTS["channels last"], 2000)
        rate = _ours(setting, own, split, way, precision)
        yield Found(f"{model}: {way}, {precision}", rate, "images/s")


def _textbook(setting: Setting, own: Network, split: Split, precision: Precision) -> float:
    """Return images a second of the textbook's two passes, in the same arithmetic as ours."""
    with computing(precision, setting.device), torch.no_grad():
        taken = seconds(setting, lambda: textbook.scores(own.module, split))
    return len(split) / taken


def _ours(
    setting: Setting, own: Network, split: Split, strategy: Strategy, precision: Precision
) -> float:
    networks = weights_of(own, NETWORKS)
    taken = seconds(setting, lambda: scores(strategy, networks, split, precision))
    return NETWORKS * len(split) / taken


def _bare(setting: Setting, own: Network, split: Split, model: str) -> Iterator[Found]:
    """Time forward passes over inputs that are ready: what an evaluation can reach at most."""
    inputs = split.head(len(split), torch.float32)

    def loop(size: int) -> None:
        for batch in torch.split(inputs, size):
            own.module(batch)

    with computing("float32", setting.device), torch.no_grad():
        for size in (each for each in LOOP_SIZES if each <= len(split)):
            rate = len(split) / seconds(setting, partial(loop, size), 1)
            yield Found(f"{model}: bare loop, {size} at once", rate, "images/s")
        if not setting.on_gpu:
            return
        for size in (each for each in GRAPH_SIZES if each <= len(split)):
            replay = _captured(own, inputs[:size])
            whole = len(split) // size
            taken = seconds(setting, partial(_repeated, replay, whole), 1)
            yield Found(f"{model}: bare graph, {size} at once", whole * size / taken, "images/s")


def _repeated(work: Callable[[], None], count: int) -> None:
    for _ in range(count):
        work()


def _captured(own: Network, inputs: Tensor) -> Callable[[], None]:
    """Return what replays one forward pass."""
    side = torch.cuda.Stream(inputs.device)  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream(inputs.device))
    with torch.cuda.stream(side):
        for _ in range(3):
            own.module(inputs)
    torch.cuda.current_stream(inputs.device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        own.module(inputs)
    return graph.replay
