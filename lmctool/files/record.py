"""Tables of a TOML file as typed records; what is wrong with one is said in one sentence."""

from __future__ import annotations

import re
import reprlib
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from lmctool.errors import LmctoolError, did_you_mean

Kind = TypeVar("Kind", bound="Record")

WORDS = {str: "a text in quotes", list: "a list"}
_STEP = re.compile(r"\.(?P<field>[\w-]+)|\[(?P<index>\d+)\]|\[\.\.\.\]")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table with these keys and no others.

    A type of a value that is no text, list, table or choice has a ``Meta(description=...)``,
    which says in words what is wanted.
    """


def as_record(table: dict[str, Any], kind: type[Kind], what: str) -> Kind:
    """Return a table as a record.

    Args:
        table: what a file says, as ``read_toml`` returns it.
        kind: the keys and the types of their values; nothing is converted to another type.
        what: what to call the file in an error, such as ``policy 'audit.toml'``.

    Raises:
        LmctoolError: a key is unknown or missing, or a value is of another type.
    """
    try:
        return msgspec.convert(table, kind, strict=True)
    except msgspec.ValidationError as error:
        raise LmctoolError(_sentence(str(error), table, kind, what)) from None


def _sentence(message: str, table: dict[str, Any], kind: Any, what: str) -> str:
    """Return what msgspec says of a table, with the nearest known key, the value and its place."""
    path = message.rpartition(" - at `$")[2] if " - at `$" in message else ""
    unknown = message.startswith("Object contains unknown field")
    if unknown and table.keys() - _fields(kind):
        path = ""  # whatever path that key itself may look like
    steps, value, kind = _follow(path, table, kind)
    around = f"{_table(steps)} of {what}" if steps else what
    if unknown:
        known = sorted(_fields(kind))
        key = next(key for key in value if key not in known)
        near = did_you_mean(key, known)
        return f"{around} has an unknown key {key!r}; {near}known: {', '.join(known)}"
    if message.startswith("Object missing required field"):
        key = message.split("`")[1]
        return f"{around} has no {key!r}, which must be {_wanted(_fields(kind)[key])}"
    if isinstance(steps[-1], str):
        outer = f"{_table(steps[:-1])} of " if steps[:-1] else ""
        around = f"{steps[-1]!r} {'in' if outer else 'of'} {outer}{what}"
    return f"{around} is {reprlib.repr(value)}, but must be {_wanted(kind)}"


def _follow(path: str, value: Any, kind: Any) -> tuple[list[str | int], Any, Any]:
    """Return the keys and positions of a path, with the value that is there and its type."""
    steps: list[str | int] = []
    for step in _STEP.finditer(path):
        key: Any
        if step["field"]:
            key = step["field"]
            kind = _fields(kind)[key]
        elif step["index"]:
            key = int(step["index"])
            kind = get_args(_bare(kind))[0]
        else:  # msgspec names no key here: it is the first whose value does not fit
            kind = get_args(_bare(kind))[1]
            key = next(key for key in value if not _fits(value[key], kind))
        value = value[key]
        steps.append(key)
    return steps, value, kind


def _table(steps: list[str | int]) -> str:
    """Return how a table is called: ``[data.paths]``, or ``gate 2`` in a list of tables."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f" {step + 1}"
        else:
            text += f".{step}" if re.fullmatch(r"[\w-]+", step) else f".{step!r}"
    return text[1:] if isinstance(steps[-1], int) else f"[{text[1:]}]"


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _bare(kind: Any) -> Any:
    """Return a type without its description."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the types of which a value may have one."""
    bare = _bare(kind)
    return get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)


def _fields(kind: Any) -> dict[str, Any]:
    """Return the types of a record's values by their keys."""
    record = next(each for each in _members(kind) if isinstance(each, type(Record)))
    return {field.encode_name: field.type for field in msgspec.structs.fields(record)}


def _wanted(kind: Any) -> str:
    """Return in words what a type asks for."""
    if get_origin(kind) is Annotated and (text := get_args(kind)[1].description):
        return str(text)
    bare = _bare(kind)
    if get_origin(bare) is Literal:
        return " or ".join(map(repr, get_args(bare)))
    (member,) = (each for each in _members(bare) if each is not NoneType)
    return WORDS.get(get_origin(member) or member, "a table")
