"""Workers of Dask: what is asked for, how they take work, and runs that they compute."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.api import LmctoolError
from lmctool.errors import ExitCode
from lmctool.evaluate.threads import use_threads
from lmctool.testing import invoke
from lmctool_plugins.executors import dask as plugin
from lmctool_plugins.executors.dask import clusters
from lmctool_plugins.executors.dask.jobs import job_keywords, told
from lmctool_plugins.executors.dask.libraries import SILENT, library
from lmctool_plugins.executors.dask.wanted import Batch, Local, Running, wanted
from lmctool_plugins.executors.dask.workers import (
    LostSchedulerError,
    LostWorkerError,
    Workers,
    present,
)
from tests.libraries import needs
from tests.plugins.executors import pieces
from tests.plugins.executors.given_model import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

with_dask = needs("distributed", "dask_jobqueue")


# what is asked for


def test_a_number_asks_for_workers_here_and_nothing_for_one_on_each_core() -> None:
    assert wanted("4") == Local(4)
    assert wanted("") == Local(os.cpu_count() or 1)


def test_an_address_and_the_file_of_a_scheduler_ask_for_its_workers(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": "tcp://10.0.0.1:8786", "workers": {}}))
    assert wanted("tls://host:8786") == Running("tls://host:8786")
    assert wanted(str(file)) == Running("tcp://10.0.0.1:8786")


def test_keywords_of_a_batch_system_are_typed_and_lists_are_given_word_by_word() -> None:
    asked = wanted(
        "slurm?cores=4&memory=16GB&jobs=8&walltime=02:30:00&nanny=false&death_timeout=9.5"
        "&job_extra_directives=--exclusive&job_extra_directives=--qos=long"
    )
    assert asked == Batch(
        "slurm",
        8,
        gpu=False,
        keywords={
            "cores": 4,
            "memory": "16GB",
            "walltime": "02:30:00",
            "nanny": False,
            "death_timeout": 9.5,
            "job_extra_directives": ["--exclusive", "--qos=long"],
        },
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", "takes a number of workers, the address or the file of a scheduler"),
        ("four", "'four' is none of them; try dask, dask:4"),
        ("slurm?cores=many", "takes a whole number for 'cores', and 'many' is none"),
        ("slurm?death_timeout=1m", "takes a number of seconds for 'death_timeout'"),
        ("lsf?use_stdin=perhaps", "takes true or false for 'use_stdin'"),
        ("slurm?queue=a&queue=b", "is given 'queue' more than once"),
        ("slurm?jobs=0", "needs one job or more"),
        ("slurm?gpus=2&jobs=4", "ask for gpus=1 and jobs=8"),
        ("absent.json", "scheduler file 'absent.json' cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(LmctoolError) as refused:
        wanted(text)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"address": 1}'])
def test_a_file_that_is_not_of_a_scheduler_is_told(content: str, tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    file.write_text(content)
    with pytest.raises(LmctoolError, match="has no address of a scheduler"):
        wanted(str(file))


def test_without_the_extra_the_sentence_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(LmctoolError, match=r"pip install 'lmctool\[dask\]'"):
        plugin.open_workers("2")


# the jobs of batch systems


@with_dask
@pytest.mark.parametrize("system", ["slurm", "sge", "pbs", "lsf", "htcondor", "moab", "oar"])
def test_each_batch_system_has_a_script_with_one_worker_of_all_cores(system: str) -> None:
    more = "&disk=1GB" if system == "htcondor" else ""
    more += "&use_stdin=true&lsf_units=mb" if system == "lsf" else ""
    more += "&memory_per_core_property_name=mem_core" if system == "oar" else ""
    asked = wanted(f"{system}?cores=4&memory=16GB&jobs=2{more}")
    assert isinstance(asked, Batch)
    script, threads = _script(asked)
    assert threads == 4
    for words in ("--nthreads 4", "--memory-limit 0", "--no-dashboard", "--death-timeout 50"):
        assert words in script, script
    assert "--nworkers" not in script


@with_dask
def test_slurm_is_asked_for_what_the_words_say() -> None:
    asked = wanted(
        "slurm?cores=4&processes=2&memory=16GB&queue=long&account=me&walltime=2:00:00&gpus=1"
        "&job_extra_directives=--qos=low"
    )
    assert isinstance(asked, Batch)
    script, threads = _script(asked)
    assert threads == 2
    for line in ("-p long", "-A me", "-t 2:00:00", "--gres=gpu:1", "--qos=low", "-o /dev/null"):
        assert f"#SBATCH {line}\n" in script, script
    assert "--nworkers 2" in script and "--nthreads 2" in script


@with_dask
def test_a_folder_for_logs_gets_them(tmp_path: Path) -> None:
    script, _ = _script(
        Batch("slurm", keywords={"cores": 1, "memory": "1GB", "log_directory": str(tmp_path)})
    )
    assert "/dev/null" not in script and str(tmp_path) in script


@with_dask
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("slurm?cores=2&memory=1GB&quue=long", "takes no 'quue'; did you mean 'queue'?"),
        ("slurm?cores=2", "needs the cores and the memory of a job"),
        ("slurm?cores=2&memory=1GB&processes=3", "2 cores cannot be divided over 3"),
        ("pbs?cores=2&memory=1GB&gpus=1", "cannot tell how this site asks for a GPU"),
    ],
)
def test_jobs_that_cannot_be_meant_are_told(text: str, sentence: str) -> None:
    asked = wanted(text)
    assert isinstance(asked, Batch)
    with pytest.raises(LmctoolError) as refused:
        _script(asked)
    assert sentence in str(refused.value)


@with_dask
def test_a_machine_without_the_batch_system_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LmctoolError, match="submits jobs by 'sbatch'"):
        plugin.open_workers("slurm?cores=1&memory=1GB")


def test_a_command_that_fails_is_told_by_what_it_printed() -> None:
    failure = RuntimeError("Exit code: 1\nstdout:\n\nstderr:\nsbatch: no such queue\nsbatch: bye\n")
    assert told(failure) == "sbatch: no such queue; sbatch: bye"
    assert told(TimeoutError()) == "TimeoutError"


def _script(asked: Batch) -> tuple[str, int]:
    """Return the script of a job, and how many threads a worker of it has."""
    kind, keywords, threads = job_keywords(library("dask_jobqueue", "dask"), asked)
    keywords.pop("scheduler_options")
    text: str = kind.job_cls(scheduler="tcp://host:8786", name="w", **keywords).job_script()
    return text, threads


# workers, and the work that they take


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give a scheduler with one worker, of three threads."""
    with clusters.kept_lean(str(tmp_path_factory.mktemp("dask"))):
        cluster = library("distributed", "dask").LocalCluster(
            n_workers=1,
            threads_per_worker=3,
            memory_limit=0,
            dashboard_address=clusters.NOWHERE,
            silence_logs=SILENT,
        )
    yield cluster
    clusters.end(cluster)


@pytest.fixture
def workers(scheduler: Any) -> Iterator[Workers]:
    """Give the workers of a scheduler that runs already."""
    executor = plugin.open_workers(scheduler.scheduler_address)
    assert isinstance(executor, Workers)
    yield executor
    executor.shutdown(wait=False, cancel_futures=True)


@with_dask
def test_a_worker_computes_one_piece_at_a_time_whatever_threads_it_has_and_whoever_asks(
    scheduler: Any, workers: Workers
) -> None:
    assert workers.threads == 3 and workers.count == 1
    other = plugin.open_workers(scheduler.scheduler_address)
    futures = [each.submit(pieces.interval, 0.1) for each in (workers, other) for _ in range(3)]
    found = sorted((future.result() for future in futures), key=lambda each: each[1])
    other.shutdown()
    assert len({process for process, _, _ in found}) == 1
    for (_, _, ended), (_, begun, _) in pairwise(found):
        assert ended <= begun


@with_dask
def test_an_error_is_that_of_the_piece(workers: Workers) -> None:
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result()
    assert workers.submit(divmod, 7, 2).result() == (3, 1)


@with_dask
def test_pieces_that_wait_can_be_cancelled_and_a_worker_that_dies_fails_its_own_alone(
    workers: Workers,
) -> None:
    dies = workers.submit(os._exit, 3)
    waits = [workers.submit(pieces.interval, 0.0) for _ in range(2)]
    assert waits[1].cancel()
    assert isinstance(dies.exception(), LostWorkerError)
    assert waits[0].result()[0] != os.getpid()  # a new process took the place


@with_dask
def test_a_worker_that_joins_later_takes_part(scheduler: Any, workers: Workers) -> None:
    first = workers.submit(os.getpid).result()
    scheduler.scale(2)
    try:
        while workers.count < 2:
            workers.submit(pieces.interval, 0.05).result()
        found = {each.result()[0] for each in _several(workers, 4)}
    finally:
        scheduler.scale(1)
    assert len(found) == 2 and first in found


def _several(workers: Workers, count: int) -> list[Any]:
    return [workers.submit(pieces.interval, 0.2) for _ in range(count)]


@with_dask
def test_workers_that_are_let_go_take_nothing_more_and_stay_where_they_were(
    scheduler: Any,
) -> None:
    executor = plugin.open_workers(scheduler.scheduler_address)
    executor.shutdown()
    executor.shutdown()
    with pytest.raises(RuntimeError):
        executor.submit(os.getpid)
    assert scheduler.scheduler.workers


@with_dask
def test_workers_of_this_machine_are_encrypted_and_silent_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    executor = plugin.open_workers("1")
    assert isinstance(executor, Workers)
    assert all(name.startswith("tls://") for name in present(executor._client))
    assert executor.threads == torch.get_num_threads() and executor.count == 1
    process = executor.submit(os.getpid).result()
    executor.submit(pieces.interval, 60.0)
    executor.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@with_dask
def test_jobs_of_a_batch_system_take_work_by_the_certificates_of_the_run_and_end_with_it(
    batch: Path,
) -> None:
    executor = plugin.open_workers("slurm?cores=2&memory=1GB&gpus=1&job_extra_directives=--qos=low")
    assert isinstance(executor, Workers)
    assert (executor.count, executor.threads, executor.device) == (1, 2, "cuda")
    process = executor.submit(os.getpid).result()
    assert all(name.startswith("tls://") for name in present(executor._client))
    executor.shutdown(wait=False, cancel_futures=True)
    while _lives(process):
        time.sleep(0.1)
    assert (batch / "cancelled").exists()
    assert not list(batch.glob(".lmctool*"))


@with_dask
def test_a_batch_system_that_refuses_is_told_by_what_it_says(batch: Path) -> None:
    (batch / "full").touch()
    with pytest.raises(LmctoolError, match="cannot submit its jobs: sbatch: no such queue; bye"):
        plugin.open_workers("slurm?cores=1&memory=1GB")
    assert not list(batch.glob(".lmctool*"))


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder to work in, where Slurm is a shell that begins every job at once."""
    submit, cancel = tmp_path / "sbatch", tmp_path / "scancel"
    submit.write_text(
        "#!/bin/sh\n"
        f"test -e {tmp_path}/full && printf 'sbatch: no such queue\\nbye\\n' >&2 && exit 1\n"
        f"cp $1 {tmp_path}/job.sh\n"
        f"setsid sh {tmp_path}/job.sh >/dev/null 2>&1 </dev/null &\n"
        "echo Submitted batch job $!\n"
    )
    cancel.write_text(f"#!/bin/sh\ntouch {tmp_path}/cancelled\nkill -TERM -- -$1\n")
    for program in (submit, cancel):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@with_dask
def test_a_scheduler_that_is_lost_fails_all_that_is_under_way(
    scheduler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "CONNECT", 1)  # for which a client tries to come back
    executor = plugin.open_workers(scheduler.scheduler_address)
    assert isinstance(executor, Workers)
    futures = [executor.submit(pieces.interval, 0.5) for _ in range(2)]
    monkeypatch.setattr(executor._client.scheduler, "addr", "tcp://127.0.0.1:9")
    executor._client.sync(_cut, executor._client)
    assert isinstance(futures[1].exception(), LostSchedulerError)
    with pytest.raises(BrokenExecutor, match="the Dask scheduler is lost"):
        executor.submit(os.getpid)
    executor.shutdown(wait=False)


@with_dask
def test_work_whose_scheduler_was_lost_for_a_while_may_be_asked_for_again(scheduler: Any) -> None:
    executor = plugin.open_workers(scheduler.scheduler_address)
    assert isinstance(executor, Workers)
    cut = executor.submit(pieces.interval, 0.5)
    executor._client.sync(_cut, executor._client)
    assert isinstance(cut.exception(), LostWorkerError)
    assert executor.submit(os.getpid).result()
    executor.shutdown(wait=False)


async def _cut(client: Any) -> None:
    """Cut the connection of a client to its scheduler."""
    client.scheduler_comm.comm.abort()


@with_dask
def test_a_scheduler_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "CONNECT", 1)
    with pytest.raises(LmctoolError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        plugin.open_workers("tcp://127.0.0.1:9")


@with_dask
def test_a_scheduler_that_wants_certificates_is_reached_by_those_of_dasks_configuration(
    tmp_path: Path,
) -> None:
    distributed, dask = library("distributed", "dask"), library("dask", "dask")
    security = distributed.Security.temporary()
    for name in ("ca_file", "client_cert", "client_key"):
        (tmp_path / name).write_text(getattr(security, f"tls_{name}"))
    configured = {
        "distributed.comm.require-encryption": True,
        "distributed.comm.tls.ca-file": str(tmp_path / "ca_file"),
        "distributed.comm.tls.client.cert": str(tmp_path / "client_cert"),
        "distributed.comm.tls.client.key": str(tmp_path / "client_key"),
    }
    with clusters.kept_lean(str(tmp_path)):
        cluster = distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            protocol="tls://",
            security=security,
            memory_limit=0,
            dashboard_address=clusters.NOWHERE,
            silence_logs=SILENT,
        )
    try:
        with pytest.raises(LmctoolError, match="perhaps check your TLS configuration"):
            plugin.open_workers(cluster.scheduler_address)
        with dask.config.set(configured):
            executor = plugin.open_workers(cluster.scheduler_address)
            assert executor.submit(divmod, 7, 2).result() == (3, 1)
            executor.shutdown()
    finally:
        clusters.end(cluster)


@with_dask
def test_a_scheduler_without_workers_is_told(
    scheduler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "JOIN", 0)
    monkeypatch.setattr(clusters, "present", lambda _: {})
    with pytest.raises(LmctoolError, match="has no worker after 0 seconds"):
        plugin.open_workers(scheduler.scheduler_address)


# runs


@with_dask
@pytest.mark.parametrize(
    ("word", "kills", "options"),
    [
        ("dask:1", False, ()),
        pytest.param("dask:2", True, ("--align", "--repair"), marks=pytest.mark.slow),
    ],
)
def test_a_run_has_the_numbers_of_a_serial_one_also_where_a_worker_is_killed(
    word: str,
    kills: bool,
    options: tuple[str, ...],
    marked: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (marked / "once").touch()
    if not kills:
        (marked / "killed").touch()
    with _threads(1):
        spread = _matrix(marked, *options, "--executor", word)
        assert spread.exit_code == 0, spread.output
        assert (marked / "killed").exists()
        assert capfd.readouterr() == ("", "")
        serial = _matrix(marked, *options, out="serial.h5")
    assert serial.exit_code == 0, serial.output
    assert _arrays(marked / "out.h5") == _arrays(marked / "serial.h5")


@with_dask
@pytest.mark.slow
def test_what_ends_every_worker_is_named_and_finished_work_is_kept(marked: Path) -> None:
    with _threads(1):
        done = _matrix(marked, "--executor", "dask:1")
    assert done.exit_code == ExitCode.USAGE
    assert "ended 3 workers one after the other" in done.stderr
    assert list((marked / "out.h5.work").glob("*.npz"))


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a user's model and three networks of it, the second with the mark."""
    (tmp_path / "model.py").write_text(SOURCE)
    for seed, name in enumerate("abc"):
        generator = torch.Generator().manual_seed(seed)
        shapes = {"0.weight": (16, 64), "0.bias": (16,), "2.weight": (10, 16), "2.bias": (10,)}
        tensors = {
            key: 0.1 * torch.randn(shape, generator=generator) for key, shape in shapes.items()
        }
        tensors["0.weight"][0, 0] = 7.0 if name == "b" else 0.0
        save_file(tensors, tmp_path / f"{name}.safetensors")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _matrix(folder: Path, *options: str, out: str = "out.h5") -> Result:
    files = [folder / f"{name}.safetensors" for name in "abc"]
    words = ("--model", "./model.py:digits", "--data", "digits", "--allow-chance", "--limit", "64")
    few = ("--points", "3", "--strategy", "plain")
    return invoke("matrix", *files, *words, *few, *options, "-o", folder / out)


def _arrays(path: Path) -> dict[str, bytes]:
    """Return the bytes of every array of numbers of a result, by name."""
    found: dict[str, bytes] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and np.issubdtype(item.dtype, np.number):
            found[name] = np.asarray(item[()]).tobytes()

    with h5py.File(path) as file:
        file["matrix"].visititems(take)
    assert len(found) > 5
    return found


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    use_threads(count)
    yield
    use_threads(before)
