"""The processes of one machine: each dies alone, all end with the one that made them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.errors import LmctoolError
from lmctool_plugins.executors import processes as plugin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool_plugins.executors.processes.pool import Processes

SCRIPT = """
import os, time
from lmctool_plugins.executors.processes import opened
executor = opened("2")
print(os.getpid(), *{executor.submit(os.getpid).result() for _ in range(8)}, flush=True)
executor.submit(time.sleep, 600)
for line in open(0):
    pass
"""
"""A script without a guard, whose processes are at work, and idle."""


@pytest.fixture(scope="module")
def two() -> Iterator[Processes]:
    """Two processes that tests share."""
    executor = plugin.opened("2")
    yield executor
    executor.shutdown(wait=False, cancel_futures=True)


@pytest.fixture
def one() -> Iterator[Processes]:
    """One process."""
    with plugin.opened("1") as executor:
        yield executor


def begun(executor: Processes, code: str, tmp_path: Path) -> Future[None]:
    """Return work that is at work by now."""
    mark = tmp_path / "begun"
    future = executor.submit(exec, f"open({str(mark)!r}, 'w').close()\n{code}")
    while not mark.exists():
        time.sleep(0.01)
    mark.unlink()
    return future


def gone(process: int) -> bool:
    """Tell whether a process is no more, or only waits for its parent to notice."""
    try:
        return "Z" in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
    except OSError:
        return True


def test_work_is_done_in_so_many_other_processes(two: Processes) -> None:
    found = {each.result() for each in [two.submit(os.getpid) for _ in range(20)]}
    assert os.getpid() not in found and len(found) <= 2
    assert list(two.map(abs, [-1, 2, -3])) == [1, 2, 3]


def test_what_is_raised_there_is_raised_here(two: Processes) -> None:
    with pytest.raises(ZeroDivisionError, match="by zero"):
        two.submit(divmod, 1, 0).result()
    code = "class Own(Exception): pass\nraise Own('no module has it')"
    with pytest.raises(RuntimeError, match="Own: no module has it"):
        two.submit(exec, code, {}).result()
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        two.submit(exec, "raise SystemExit(3)").result()


def test_they_print_nothing(two: Processes, capfd: pytest.CaptureFixture[str]) -> None:
    two.submit(exec, "import os; os.write(1, b'loud'); os.write(2, b'loud\\n')").result()
    assert capfd.readouterr() == ("", "")


def test_the_death_of_one_touches_no_other(two: Processes, tmp_path: Path) -> None:
    wait = f"import os, time\nwhile not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
    other = begun(two, wait, tmp_path)
    code = "import os, sys\nprint('it broke', file=sys.stderr, flush=True)\nos._exit(3)"
    dead = two.submit(exec, code)
    with pytest.raises(BrokenExecutor, match="a process ended with exit code 3: it broke"):
        dead.result()
    assert not other.done()
    (tmp_path / "go").touch()
    assert other.result() is None
    assert two.submit(abs, -5).result() == 5


def test_one_that_is_killed_at_work_says_by_what(one: Processes, tmp_path: Path) -> None:
    process = one.submit(os.getpid).result()
    future = begun(one, "import time; time.sleep(600)", tmp_path)
    os.kill(process, signal.SIGKILL)
    with pytest.raises(BrokenExecutor, match="a process ended with SIGKILL"):
        future.result()
    assert one.submit(os.getpid).result() != process


def test_one_that_dies_while_it_is_idle_is_replaced(one: Processes) -> None:
    for _ in range(3):
        process = one.submit(os.getpid).result()
        os.kill(process, signal.SIGKILL)
        assert one.submit(os.getpid).result() != process


def test_one_that_never_starts_is_an_error(one: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/nowhere"])
    with pytest.raises(BrokenExecutor, match=r"ended with exit code 1: .*No module named"):
        one.submit(abs, -1).result()


def test_ctrl_c_is_for_the_process_that_made_them(one: Processes, tmp_path: Path) -> None:
    process = one.submit(os.getpid).result()
    future = begun(one, "import time; time.sleep(0.2)", tmp_path)
    os.kill(process, signal.SIGINT)
    assert future.result() is None
    assert one.submit(os.getpid).result() == process


def test_all_end_at_once_where_nobody_waits(one: Processes, tmp_path: Path) -> None:
    process = one.submit(os.getpid).result()
    at_work = begun(one, "import time; time.sleep(600)", tmp_path)
    waiting = one.submit(abs, -1)
    one.shutdown(wait=False, cancel_futures=True)
    assert gone(process)
    with pytest.raises(BrokenExecutor):
        at_work.result()
    assert waiting.cancelled()


def test_work_is_finished_where_somebody_waits(tmp_path: Path) -> None:
    with plugin.opened("1") as executor:
        process = executor.submit(os.getpid)
        done = tmp_path / "done"
        executor.submit(exec, f"import time; time.sleep(0.1); open({str(done)!r}, 'w').close()")
    assert done.exists() and gone(process.result())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told by /proc")
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_they_end_with_the_script_that_made_them(way: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as driver:  # fmt: skip
        assert driver.stdout is not None and driver.stderr is not None
        first, *children = map(int, driver.stdout.readline().split())
        assert first == driver.pid and children
        driver.send_signal(way)
        driver.wait()
        deadline = time.monotonic() + 60
        while not all(map(gone, children)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert all(map(gone, children))
        assert driver.stderr.read() == ""


@pytest.mark.parametrize("text", ["0", "-1", "four", "cuda", "cuda:0,", "cuda:0,cpu", "2,3"])
def test_what_is_no_number_and_no_list_of_gpus_is_told(text: str) -> None:
    with pytest.raises(LmctoolError, match=r"takes a number of processes or a list of GPUs"):
        plugin.opened(text)


def test_without_a_number_there_is_one_for_each_core_of_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    with plugin.opened("") as executor:
        assert executor.count == 3


@pytest.mark.parametrize(
    ("said", "count", "names"),
    [
        (None, 2, ["0", "1"]),
        ("3,1", 2, ["3", "1"]),
        ("GPU-8932f937-d72c, GPU-1b2c", 2, ["GPU-8932f937-d72c", "GPU-1b2c"]),
        ("MIG-5", 1, ["MIG-5"]),
        ("2,-1,3", 1, ["2"]),
        ("", 0, []),
        (None, 0, []),
    ],
)
def test_gpus_are_called_what_the_environment_calls_them(
    said: str | None, count: int, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(plugin.VISIBLE, raising=False)
    if said is not None:
        monkeypatch.setenv(plugin.VISIBLE, said)
    assert plugin.visible_gpus(count) == names


@pytest.mark.parametrize(
    ("arguments", "device", "seen"),
    [
        ("3", "auto", ["7", "4", "7"]),
        ("3", "cuda", ["7", "4", "7"]),
        ("2", "cpu", ["7,4", "7,4"]),
        ("2", "cuda:1", ["7,4", "7,4"]),
        ("cuda:1,cuda:0", "cuda:1", ["4", "7"]),
        ("cuda:1,cuda:1", "auto", ["4", "4"]),
    ],
)
def test_each_sees_the_gpu_that_is_its_own(
    arguments: str, device: str, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(plugin.VISIBLE, "7,4")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with plugin.opened(arguments) as executor:
        plugin.prepare(executor, device)
        own = [slot.environment.get(plugin.VISIBLE, "7,4") for slot in executor._slots]
        assert own == seen
        assert executor.submit(os.getenv, plugin.VISIBLE).result() == seen[0]


@pytest.mark.parametrize(
    ("arguments", "device", "count"), [("", "auto", 2), ("", "cpu", 3), ("5", "auto", 5)]
)
def test_without_a_number_there_is_one_for_each_gpu_if_there_are_any(
    arguments: str, device: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv(plugin.VISIBLE, raising=False)
    with plugin.opened(arguments) as executor:
        plugin.prepare(executor, device)
        assert executor.count == count
        assert len({each.result() for each in map(executor.submit, [os.getpid] * 9)}) <= count


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with (
        plugin.opened("cuda:0,cuda:1") as executor,
        pytest.raises(LmctoolError, match="is to use 'cuda:1', but torch finds 1 CUDA devices"),
    ):
        plugin.prepare(executor, "cuda:0")


def test_cores_are_divided_and_a_gpu_is_the_only_one_of_its_process() -> None:
    factory = plugin.lmctool_executor()
    assert factory.workers is not None and factory.threads is not None
    assert factory.device is not None
    with plugin.opened("2") as executor:
        assert factory.workers(executor) == 2 and factory.device(executor) is None
        assert factory.threads(executor) == max(1, torch.get_num_threads() // 2)
    with plugin.opened("cuda:0,cuda:1") as executor:
        assert factory.device(executor) == "cuda"
