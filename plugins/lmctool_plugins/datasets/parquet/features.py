"""What the library of Hugging Face says of columns, and what their types are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool_plugins.datasets.parquet.table import Table


@dataclass(frozen=True, slots=True)
class Features:
    """The features of columns by name, as ``datasets.Features`` writes them."""

    table: Mapping[str, Any]

    def names(self, column: str) -> tuple[str, ...]:
        """Return what the classes of a ``ClassLabel`` are called; nothing of another column."""
        feature = self.table.get(column)
        if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
            return ()
        names = feature.get("names")
        return tuple(map(str, names)) if isinstance(names, list) else ()


def features(table: Table) -> Features:
    """Return the features that a schema names; none where another library wrote it."""
    try:
        found = json.loads(table.metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, RecursionError, KeyError, TypeError):
        found = {}
    return Features(found if isinstance(found, dict) else {})


def is_image(kind: Any) -> bool:
    """Tell whether a type is that of encoded images: bytes, or bytes beside a path."""
    from pyarrow import types

    if types.is_struct(kind):
        return {each.name for each in kind} == {"bytes", "path"}
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def is_list(kind: Any) -> bool:
    """Tell whether a type is a list, of a fixed length or not."""
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_number(kind: Any) -> bool:
    """Tell whether a type is a number or a truth value."""
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def is_scalar(kind: Any) -> bool:
    """Tell whether a type is one number, truth value, text or name."""
    from pyarrow import types

    text = types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind)
    return bool(text or is_number(kind))


def is_whole_list(kind: Any) -> bool:
    """Tell whether a type is a list of whole numbers."""
    from pyarrow import types

    return is_list(kind) and bool(types.is_integer(kind.value_type))
