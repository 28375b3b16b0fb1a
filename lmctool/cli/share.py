"""Computing the share of a run: into the folder of its finished work, and no result."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from lmctool.cli.draws import found
from lmctool.cli.key_values import aligned
from lmctool.cli.outputs import outputs_of
from lmctool.cli.progress import unwatched
from lmctool.cli.session import compute, open_run
from lmctool.cli.settled import evaluation_of, settled_by
from lmctool.cli.stored_result import sound
from lmctool.errors import ExitCode, LmctoolError, machine_failure
from lmctool.plugin.exits import no_exit
from lmctool.plugin.given import NOTHING
from lmctool.results.provenance import Provenance
from lmctool.run.identity import Identity, objection
from lmctool.run.resume_folder import ResumeFolder
from lmctool.spread.records import this_process
from lmctool.spread.shared import Shared, ShareDone

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.cli.job import Job
    from lmctool.run.run import Run


def compute_share(job: Job) -> ExitCode:
    """Compute the share of a run that a job asks for, as far as it needs no other's.

    Gates, documents and observers are left to the command that writes the result.

    Raises:
        LmctoolError: it cannot be computed; what was finished is kept.
    """
    from lmctool.evaluate.device import in_use
    from lmctool.run.summary import plan

    share = job.share
    assert share is not None
    _check(job)
    job = replace(job, gates=(), baseline=None, document=None, junit=None, observers=())
    outputs = outputs_of(job)
    outputs.refuse_existing(allowed=True)
    folder = ResumeFolder(outputs.paths["result"], job.note, share, mixed=job.mixed)
    with ExitStack() as open_until_done:
        open_until_done.enter_context(folder)
        open_until_done.enter_context(no_exit())
        worker = this_process()
        spread = Shared(folder.journal, folder.presence, folder.claims, share, worker)
        with folder.founded():
            job = open_until_done.enter_context(settled_by(folder.record, job))
            run = open_run(job, None, unwatched, folder.journal, spread)
            outputs.check(run, allowed=True)
            identity = Identity(run, job.recorded_options)
            if folder.record is None and _is_whole(folder.out, identity):
                job.show(f"'{folder.out}' is whole already: nothing is left to do")
                return ExitCode.DONE
            open_until_done.enter_context(in_use(run.device))
            differs = folder.join(identity, job.command, evaluation_of(run))
        run.batch_size.halves = False  # others would go on with another size
        device = str(run.arithmetic["device.name"])
        spread.worker = msgspec.structs.replace(worker, device=device, differs=differs)
        folder.presence.names(spread.worker)
        job.show(aligned(plan(run)))
        job.show(_compute(job, run, spread, folder))
    return ExitCode.DONE


def _compute(job: Job, run: Run, spread: Shared, folder: ResumeFolder) -> str:
    """Compute the share, and return in words what is left."""
    done = f"shard {job.share} is done: {{}} computed here"
    gather = f"the same command with --resume in place of --shard writes '{folder.out}'"
    try:
        found(job, run, compute, lambda result: result)
    except ShareDone as end:
        what, count = end.stage.what, len(end.stage.keys)
        left = f"{end.left} of {count} {what!r} are left to other shards"
        return f"{done.format(_items(spread.computed))}, {left}; once they are done, {gather}"
    except BaseException as error:
        if isinstance(error, Exception):
            spread.failed(error)
        if isinstance(error, KeyboardInterrupt) or machine_failure(error):
            for note in folder.notes():
                error.add_note(note)
        raise
    return f"{done.format(_items(spread.computed))}, and nothing is left; {gather}"


def _items(count: int) -> str:
    return "1 item was" if count == 1 else f"{count} items were"


def _check(job: Job) -> None:
    """Refuse what a share cannot be asked for together with.

    Raises:
        LmctoolError: there is such a thing.
    """
    if job.executor is not None:
        raise LmctoolError(
            "--shard and --executor are two ways to spread one run; give one of them"
        )
    if job.force:
        raise LmctoolError(
            "--force would drop what other shards have finished; to begin again, remove the folder"
            f" '{job.out}.work', and the result if there is one"
        )
    if job.settings.given != NOTHING:
        raise LmctoolError("shards cannot share objects of Python code; name files")


def _is_whole(path: Path, identity: Identity) -> bool:
    """Tell whether the result of this very run is there.

    Raises:
        LmctoolError: another result is there.
    """
    if not path.exists():
        return False
    from lmctool.results.file import read_own

    other = objection(Provenance.of(sound(read_own(path), path)), identity)
    if other:
        raise LmctoolError(
            f"output '{path}' exists, and is the result of another run: {other}; remove it, or"
            " choose another with -o"
        )
    return True
