"""The solver of linear assignments, without the library around it."""

from __future__ import annotations

import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE, MODULE, FUNCTION = "scipy.optimize", "scipy.optimize._lsap", "linear_sum_assignment"


@cache
def solver() -> Callable[..., Any]:
    """Return ``scipy.optimize.linear_sum_assignment``.

    It is compiled code of a module of its own, and the package that it is public in imports for
    half a second what nothing here uses.  So the module is loaded by itself; where a version of
    scipy has none of that name, the package is imported.
    """
    if PACKAGE not in sys.modules:
        try:
            return getattr(_module(), FUNCTION)  # type: ignore[no-any-return]
        except (ImportError, AttributeError):
            pass
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment


def _module() -> Any:
    """Load the module of the solver alone.

    Raises:
        ImportError: there is none, or it needs others of its package.
    """
    library = find_spec("scipy")
    places = library.submodule_search_locations if library else None
    folders = [str(Path(place) / "optimize") for place in places or ()]
    spec = PathFinder.find_spec(MODULE, folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {MODULE}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
