"""A model that Python code hands over: a module, or a function that makes one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from torch import nn

from lmctool.errors import LmctoolError
from lmctool.model.build import described
from lmctool.model.fit import only_reading
from lmctool.model.made import MadeModel
from lmctool.model.own_copy import own_copy
from lmctool.model.plain import plain
from lmctool.model.resolve import Model, libraries
from lmctool.model.source import typed
from lmctool.plugin.exits import no_exit
from lmctool.plugin.source_code import Code, cells, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lmctool.checkpoint import Checkpoint
    from lmctool.plugin.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class GivenModel:
    """A module, or a function that makes one, and what it is called.

    Attributes:
        value: the module or the function.
        origin: the argument or the network that it is.
    """

    value: nn.Module | Callable[..., nn.Module]
    origin: str


@dataclass(frozen=True, slots=True, eq=False)
class GivenFunction:
    """A function of the caller's that makes models.

    Attributes:
        spec: its place.
        function: the function.
    """

    spec: str
    function: Callable[..., nn.Module]

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Return what the function returns.

        Raises:
            LmctoolError: it raises or exits.
        """
        try:
            with no_exit(repr(self.spec)):
                return self.function(**arguments)
        except LmctoolError:
            raise
        except Exception as cause:  # the user's own code
            raise LmctoolError(f"{self.spec!r} failed: {type(cause).__name__}: {cause}") from cause


def chosen(settings: Settings) -> GivenModel | None:
    """Return the model that Python code gave for all networks of a run, or None.

    It is ``model=``, else the module of the first of them that is one.
    """
    if settings.given.model is not None:
        return GivenModel(settings.given.model, "model=")
    paths = (*settings.checkpoints, *settings.others)
    return next(filter(None, (own(settings, path) for path in paths)), None)


def own(settings: Settings, path: Path) -> GivenModel | None:
    """Return the module that a network was given as; None for a state dict or a file."""
    network = settings.given.networks.get(path)
    if network is None or network.module is None:
        return None
    return GivenModel(network.module, f"network '{path}'")


def resolve_given(checkpoint: Checkpoint, given: GivenModel, arguments: Mapping[str, Any]) -> Model:
    """Return a model that was given, as the model of a checkpoint.

    A module is copied, and what a function returns is too: neither is changed, or moved.

    Args:
        checkpoint: the checkpoint.
        given: the module or the function.
        arguments: what the function is called with, as text or values.

    Raises:
        LmctoolError: it does not fit or cannot be copied, or there are arguments for a module.
    """
    wanted = {name: typed(value) for name, value in arguments.items()}
    if not isinstance(given.value, nn.Module):
        spec = place_of(given.value)
        made = MadeModel(checkpoint, GivenFunction(spec, given.value), wanted)
        module = own_copy(made(0), f"what {spec!r} returned", whole=True)
        code = _code(module, given.value)
        return _model(module, spec, wanted, given, made, code)
    if wanted:
        raise LmctoolError(
            f"there are arguments for the model ({', '.join(wanted)}), but {given.origin} is a"
            " module, which is made; pass model= with a function that takes them"
        )
    module = own_copy(plain(given.value, f"{given.origin} is"), given.origin)
    spec = place_of(type(module))
    only_reading(checkpoint, module, described(spec, {}))
    return _model(module, spec, {}, given, partial(_no_initial, given.origin), _code(module))


def place_of(value: Any) -> str:
    """Return the module and the name of a function or a class."""
    function = _whole(value)
    return f"{function.__module__}.{function.__qualname__}"


def _model(
    module: nn.Module,
    spec: str,
    arguments: Mapping[str, Any],
    given: GivenModel,
    initial: Callable[[int], nn.Module],
    code: Code,
) -> Model:
    still = module.eval().requires_grad_(False)
    return Model(still, spec, arguments, given.origin, initial, code, given=True)


def _no_initial(origin: str, _: int) -> NoReturn:
    raise LmctoolError(
        f"an initial state is needed, and {origin} is a module, which is made already; pass model="
        " with a function that makes it"
    )


def _whole(value: Any) -> Any:
    """Return the function of a partial one, and the class of an object that can be called."""
    while isinstance(value, partial):
        value = value.func
    return value if hasattr(value, "__qualname__") else type(value)


def _code(module: nn.Module, *functions: Any) -> Code:
    """Return the code of what defines the parts of a module, and of functions that made it."""
    kinds = {kind for part in module.modules() for kind in type(part).__mro__}
    loaded = sorted([*kinds, *map(_whole, functions)], key=place_of)
    modules = {each.__module__ for each in loaded}
    return code_of(modules, loaded=loaded) | cells(loaded) | libraries(module)
