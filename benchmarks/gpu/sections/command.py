"""The whole main command, from the shell to the files: its time, and how long the GPU is busy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.gpu.command_run import lmctool
from benchmarks.gpu.setting import Found, tried
from benchmarks.gpu.work import busy
from benchmarks.speed import rows
from benchmarks.speed.subject import write_images, write_pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.gpu.setting import Setting

TIMES = 2
"""Times the GPU's busy time that the command may take."""


def measure(setting: Setting) -> Iterator[Found]:
    """Time the command for two models, then look how busy the GPU is, then by another strategy."""
    sizes = setting.sized((5000, 10_000), (8, 8))
    images = write_images(setting.folder, *sizes)
    commands = {}
    for model in setting.sized(("MLP", "ResNet20"), ("MLP",)):
        words = ["barrier", *map(str, write_pair(setting.folder, model)), "--data", str(images)]
        words += ["--align", "--repair", "--points", setting.sized("25", "3"), "--allow-chance"]
        words += ["--device", str(setting.device), "-q", "--force"]
        commands[model] = [*words, "-o", str(setting.folder / f"{model}.h5")]
    walls: dict[str, float] = {}
    for model, words in commands.items():
        yield from tried(model, partial(_timed, f"{model}: command, auto", words, walls))
    for model, words in commands.items():
        yield from tried(model, partial(_busy, setting, model, words, walls))
    yield from tried("main row", partial(_row, setting))
    for model, words in commands.items():
        name = f"{model}: command, plain"
        yield from tried(model, partial(_timed, name, [*words, "--strategy", "plain"], walls))


def _timed(name: str, words: Sequence[str], walls: dict[str, float]) -> Iterator[Found]:
    done = lmctool(*words)
    if done.code:
        yield Found(name, done.last, passed=False, expected="exit code 0")
        return
    walls[name] = done.seconds
    yield Found(name, done.seconds, "s, start included")


def _busy(
    setting: Setting, model: str, words: Sequence[str], walls: dict[str, float]
) -> Iterator[Found]:
    """Run the command in this process, under the profiler."""
    from lmctool.cli import main

    run = partial(main, list(words), standalone_mode=False)
    if not setting.on_gpu:
        run()
        return
    found = busy(setting, run)
    yield Found(f"{model}: command, GPU busy", found.busy, "s")
    yield Found(f"{model}: command, kernels and copies", found.kernels)
    wall = walls[f"{model}: command, auto"]
    good, expected = wall < TIMES * found.busy, f"< {TIMES}"
    yield Found(f"{model}: command, time over busy time", wall / found.busy, "", good, expected)


def _row(setting: Setting) -> Iterator[Found]:
    """Measure the main row of ``make bench`` once."""
    scale = setting.sized(rows.Scale(25, 10_000, 5000, 1), rows.Scale(3, 8, 8, 1))
    row = rows.main_command(setting.folder, setting.device.type, scale)
    yield Found(f"{row.work}: ours", row.ours, "s", expected="2.6 to 3.8 + 0.7")
    yield Found(f"{row.work}: {row.against}", row.other, "s", expected="7 to 10")
    good = row.ratio >= row.wanted if setting.on_gpu else None
    yield Found(f"{row.work}: {row.note}", row.ratio, "times", good, f">= {row.wanted}")
