"""The libraries of Dask, imported when they are needed, and quiet."""

from __future__ import annotations

import logging
from typing import Any

from lmctool.api.advanced import import_library

SILENT = logging.CRITICAL + 1
LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application")
"""Those that are given a level of their own by default."""


def library(name: str, executor: str) -> Any:
    """Import a library of the extra, which logs nothing unless Dask's configuration says so.

    Raises:
        LmctoolError: it isn't installed, or cannot be imported.
    """
    config = import_library("dask", executor, "executor").config
    _quieten(config)
    return import_library(name, executor, "executor", "dask")


def _quieten(configuration: Any) -> None:
    """Let Dask say nothing of its connections, here and in the processes that it starts.

    What goes wrong is told by the run; ends of connections are no news.
    """
    if configuration.get("logging", None) or configuration.get("distributed.logging", None):
        return
    configuration.set({"logging": dict.fromkeys(LOGGERS, SILENT)})
    for name in LOGGERS:
        logging.getLogger(name).setLevel(SILENT)
