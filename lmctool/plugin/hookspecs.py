"""The hooks that lmctool calls, one for each kind of plugin.

Each hook is called once, on the plugin whose entry point the user's word names; never to list
commands.  Keep torch and other heavy imports inside the functions of the record it returns.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.plugin.kinds import Kind

hookimpl = pluggy.HookimplMarker("lmctool")


def hookspec(kind: Kind[Any]) -> ModuleType:
    """Return a module that specifies the hook of one kind of plugin, as pluggy takes it."""

    def specification() -> Any:
        return None

    specification.__name__ = kind.hook
    specification.__doc__ = (
        f"Return the {kind.record.__name__} that this plugin adds.\n\nCalled {kind.called}."
    )
    mark: Callable[[Any], Any] = pluggy.HookspecMarker("lmctool")(firstresult=True)
    module = ModuleType(kind.group)
    setattr(module, kind.hook, mark(specification))
    return module
