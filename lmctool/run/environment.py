"""The environment of a run: versions of programs, the machine, the command line, the time."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from typing import TYPE_CHECKING

from lmctool.plugin import registry
from lmctool.plugin.kinds import KINDS
from lmctool.plugin.source_code import OWN, Code, code_of, packages_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.results.result import Attribute

MISSING = "not installed"
LIBRARIES = ("lmctool", "torch", "numpy", "scipy", "h5py", "safetensors")


def environment() -> dict[str, Attribute]:
    """Return what the numbers may depend on besides the inputs, under the keys of a provenance.

    ``versions.python`` and ``versions.LIBRARY``, ``plugins.DISTRIBUTION`` (the version of every
    distribution with an installed plugin), ``platform.system``, ``.release``, ``.machine`` and
    ``.python`` (the implementation).  Versions come from the installed metadata: nothing is
    imported.
    """
    plugins = sorted(_modules().keys() - {registry.UNKNOWN})
    return {
        "versions.python": platform.python_version(),
        **{f"versions.{name}": _version(name) for name in LIBRARIES},
        **{f"plugins.{name}": _version(name) for name in plugins},
        "platform.system": platform.system(),
        "platform.release": platform.release(),
        "platform.machine": platform.machine(),
        "platform.python": platform.python_implementation(),
    }


def versions_of(packages: Iterable[str]) -> dict[str, Attribute]:
    """Return the version of the distribution that each package is of.

    Args:
        packages: installed ones, by the names that they are imported by.
    """
    found = {name: _version(name) for name in sorted(packages)}
    others = [name for name, version in found.items() if version == MISSING]
    owners = packages_distributions() if others else {}  # slow: it reads what each one installed
    found |= {owner: _version(owner) for name in others for owner in owners.get(name, ())}
    return {f"versions.{name}": found[name] for name in found if name not in others}


def plugin_code() -> Code:
    """Return the source of lmctool as a whole, and the code of plugins of others.

    A plugin whose entry point is broken has none: nothing can be computed with it.
    """
    modules = _modules()
    own = {name.partition(".")[0] for name in modules.pop(OWN, ())}
    others = [name for names in modules.values() for name in names]
    return Code({OWN: packages_of((OWN, *sorted(own - {OWN})))}) | code_of(others)


def command(arguments: Sequence[str] | None = None) -> str:
    """Return a command line that can be typed again; by default that of this process."""
    return shlex.join(["lmctool", *(sys.argv[1:] if arguments is None else arguments)])


def now() -> str:
    """Return the time in UTC as ISO 8601, to the second: ``2026-01-31T12:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _modules() -> dict[str, set[str]]:
    """Return the modules of every distribution with an installed plugin, by its name."""
    modules: dict[str, set[str]] = {}
    names: dict[int, str] = {}  # to ask for a name parses the whole metadata
    for entry in (entry for kind in KINDS for entry in registry.installed(kind)):
        if id(entry.dist) not in names:
            names[id(entry.dist)] = registry.owner(entry)
        modules.setdefault(names[id(entry.dist)], set()).add(entry.module)
    return modules


def _version(distribution: str) -> str:
    try:
        found: str | None = version(distribution)  # None, against its annotation, where METADATA
    except PackageNotFoundError:  # has none
        return MISSING
    return found or "unknown"
