"""The libraries of Dask, imported when they are needed, and quiet."""

from __future__ import annotations

import logging
import warnings
from importlib import import_module
from typing import Any

from lmctool.api import LmctoolError

SILENT = logging.CRITICAL + 1
LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application")
"""Those that are given a level of their own by default."""


def library(name: str, executor: str) -> Any:
    """Import a library of the extra, which logs nothing unless Dask's configuration says so.

    Raises:
        LmctoolError: it isn't installed, or cannot be imported.
    """
    needs = f"executor '{executor}' needs the {name} library"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _quieten(import_module("dask.config"))
            return import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name not in {"dask", name}:
            raise _broken(needs, cause) from cause
        raise LmctoolError(f"{needs}: pip install 'lmctool[dask]'") from cause
    except Exception as cause:  # whatever the library's own code raises
        raise _broken(needs, cause) from cause


def _broken(needs: str, cause: Exception) -> LmctoolError:
    return LmctoolError(
        f"{needs}, which cannot be imported: {type(cause).__name__}: {cause}; install it anew:"
        " pip install 'lmctool[dask]'"
    )


def _quieten(configuration: Any) -> None:
    """Let Dask say nothing of its connections, here and in the processes that it starts.

    What goes wrong is told by the run; ends of connections are no news.
    """
    if configuration.get("logging", None) or configuration.get("distributed.logging", None):
        return
    configuration.set({"logging": dict.fromkeys(LOGGERS, SILENT)})
    for name in LOGGERS:
        logging.getLogger(name).setLevel(SILENT)
