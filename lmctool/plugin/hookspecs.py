"""The plugin seam: every hook lmctool calls, and when.

Each hook is called once, on the plugin whose entry point the user's word names; never to list
commands.  Keep torch and other heavy imports inside the functions of the record it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from lmctool.plugin.kinds import (
        Aligner,
        Analysis,
        Correction,
        DataFormat,
        ModelFamily,
        Observer,
        Task,
    )

hookspec = pluggy.HookspecMarker("lmctool")
hookimpl = pluggy.HookimplMarker("lmctool")


@hookspec(firstresult=True)
def lmctool_analysis() -> Analysis | None:
    """Return the analysis this plugin adds.

    Called when the analysis is run, its ``--help`` is shown, or a result of it is rendered.
    """


@hookspec(firstresult=True)
def lmctool_aligner() -> Aligner | None:
    """Return the aligner this plugin adds.

    Called when ``--align NAME`` (or its bare default) is used, before the options are parsed.
    """


@hookspec(firstresult=True)
def lmctool_correction() -> Correction | None:
    """Return the correction this plugin adds.

    Called when ``--repair NAME`` (or its bare default) is used, before the options are parsed.
    """


@hookspec(firstresult=True)
def lmctool_model() -> ModelFamily | None:
    """Return the family of models that this plugin adds.

    Called when one of its words is named, and to recognise a checkpoint that names no model.
    """


@hookspec(firstresult=True)
def lmctool_dataset() -> DataFormat | None:
    """Return the data format this plugin adds.

    Called when its word is named, and to find who can read a path.
    """


@hookspec(firstresult=True)
def lmctool_task() -> Task | None:
    """Return the task this plugin adds.

    Called when ``--task NAME`` or the dataset names it.
    """


@hookspec(firstresult=True)
def lmctool_observer() -> Observer | None:
    """Return the observer this plugin adds.

    Called at the start of every run.  It must not write to stdout.
    """
