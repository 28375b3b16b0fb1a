"""Why two results may differ: the inputs, versions and settings in which their runs differ."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lmctool.results.result import Attribute, Result

Kind = Literal["input", "version", "setting"]
KINDS: tuple[Kind, ...] = ("input", "version", "setting")
NOTHING = "nothing"

CONTENT = re.compile(
    r"(checkpoint\.\d+|split\..+|calibration)\.digest|(result\.\d+|spec|apply)\.sha256"
    r"|series\.\d+\.steps"
)
"""What tells by its content which inputs a run had."""
VERSIONS = re.compile(r"(versions|plugins|platform)\..+")
SILENT = re.compile(
    r"command|key|started|finished|.+\.(path|origin|sha256)|spec|apply|data|data\.source|example"
)
"""What changes no number by itself: when and how a run was asked for, and where its inputs lay."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that may explain why numbers differ.

    Attributes:
        kind: ``input`` for the content of a file, ``version`` for a program or machine,
            ``setting`` for what was asked for.
        name: the key of the provenance; an entry of the options is ``options.NAME``.
        one: what the first result says, as text; ``nothing`` where it says nothing.
        other: what the second says.
    """

    kind: Kind
    name: str
    one: str
    other: str


def causes(one: Result, other: Result) -> list[Cause]:
    """Return what differs between the runs of two results, inputs first, then versions.

    Paths, times, the command line and the digests of whole files are no causes: a checkpoint that
    was moved or stored in another way is the same input, as the digest of its tensors says.
    """
    left, right = said(one), said(other)
    found = [
        Cause(found_kind, name, left.get(name, NOTHING), right.get(name, NOTHING))
        for name in dict.fromkeys([*left, *right])
        if (found_kind := kind_of(name)) is not None and left.get(name) != right.get(name)
    ]
    return sorted(found, key=lambda cause: KINDS.index(cause.kind))


def kind_of(name: str) -> Kind | None:
    """Return what an entry of the provenance tells of; None for what changes no number."""
    if CONTENT.fullmatch(name):
        return "input"
    if VERSIONS.fullmatch(name):
        return "version"
    return None if SILENT.fullmatch(name) else "setting"


def said(result: Result) -> dict[str, str]:
    """Return the provenance of a result as text, each of its options by itself."""
    group = result.groups.get("provenance")
    held: dict[str, Attribute] = dict(group.attributes) if group else {}
    options = _options(held.pop("options", ""))
    return {name: _text(value) for name, value in held.items()} | options


def _options(text: Attribute) -> dict[str, str]:
    try:
        held = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):  # a file may say anything
        held = None
    if not isinstance(held, dict):
        return {"options": _text(text)} if text else {}
    return {f"options.{name}": json.dumps(value) for name, value in held.items()}


def _text(value: Attribute) -> str:
    return value if isinstance(value, str) else json.dumps(value)
