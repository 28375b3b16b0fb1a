"""A permutation spec as a TOML file: what was derived, for people to read, extend or replace.

    version = 1
    mode = "extend"            # or "replace": only what the file says may move

    [groups]
    stream = 48
    heads = 4
    dqk = { size = 12, per = "heads" }

    [tensors]
    "blocks.*.attn.qkv.weight" = "(heads dqk)+(heads dqk)+(heads dv), stream"
    "classifier.0.weight" = "fc1, (conv8 _4)"

    [rules]
    fix = ["*.inv_freq"]       # tensors that stay as they are
    move = ["*.weight_mask"]   # buffers that may move though no layer owns them

One text for each tensor, with one form for each axis: ``_`` for one that stays, a group, ``(a b)``
for a product from outer to inner, ``a+b`` for a concatenation, ``a|b`` where units of both take
turns, ``_4`` for 4 units that stay, ``{0 4 a; b}`` for ``a`` in the first 4 rows of axis 0 and
``b`` in the next 4.  Tensors of a mixture's experts that change places with each other are one
tensor, named by the range of their numbers: ``"experts.{0..7}.w1.weight"``.  A group that occurs
only in names with ``*`` is another one for each text that the ``*`` stands for.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.files.publish import publish
from lmctool.files.record import as_record
from lmctool.files.toml import read_toml
from lmctool.symmetry.axis_form import AxisForm, groups_of
from lmctool.symmetry.axis_form_text import read_axes, show
from lmctool.symmetry.derive import derive
from lmctool.symmetry.spec import PermutationSpec, Tap
from lmctool.symmetry.spec_table import SpecTable
from lmctool.symmetry.stacks import stacked_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec_table import InnerGroup
    from lmctool.symmetry.unit_index import UnitIndex

WORD = re.compile(r"[^\s()+|,{};]+")
Texts = dict[str, tuple[str, ...]]


def write_spec(spec: PermutationSpec, path: Path, force: bool) -> None:
    """Write a spec to a file that extends what is derived; unchanged it says the same.

    Raises:
        LmctoolError: the file exists without ``force``, or cannot be written.
    """
    lines = ["version = 1", 'mode = "extend"', "", "[groups]"]
    for group, size in spec.groups.items():
        outer = spec.per.get(group)
        value = f"{{ size = {size}, per = {json.dumps(outer)} }}" if outer else str(size)
        lines.append(f"{json.dumps(group)} = {value}")
    lines += ["", "[tensors]"]
    for name, forms in spec.tensors.items():
        if any(forms):
            lines.append(f"{json.dumps(name)} = {json.dumps(', '.join(map(show, forms)))}")
    lines += ["", "[rules]", "fix = []", "move = []"]
    with publish(path, force) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_spec(path: Path, graph: Graph) -> PermutationSpec:
    """Return the spec that a file makes of what is derived from a graph.

    Raises:
        LmctoolError: the file cannot be read, or doesn't fit the model; says where.
    """
    what = f"spec file '{path}'"
    file = as_record(read_toml(path, what), SpecTable, what)
    try:
        derived = derive(graph, fixed=file.rules.fix, moved=file.rules.move)
        return _combined(file, derived, stacked_shapes(derived.stacks, graph.shapes))
    except _UnfitError as error:
        raise LmctoolError(f"{what}: {error}") from error


class _UnfitError(Exception):
    """What a spec file says doesn't fit the model."""


def _combined(
    file: SpecTable, derived: PermutationSpec, shapes: Mapping[str, tuple[int, ...]]
) -> PermutationSpec:
    texts, local = _texts(file.tensors, shapes)
    sizes, per = _sizes(file.groups, local)
    extends = file.mode == "extend"
    if extends:
        others = {name: forms for name, forms in derived.tensors.items() if name not in texts}
        _check_others(others, derived, sizes, per)
        sizes, per = {**derived.groups, **sizes}, {**derived.per, **per}
    tensors = dict(derived.tensors) if extends else dict.fromkeys(shapes, ())
    tensors = {name: forms or (None,) * len(shapes[name]) for name, forms in tensors.items()}
    for name, forms in texts.items():
        tensors[name] = _forms(name, forms, shapes[name], sizes)
    used = {group for forms in tensors.values() for form in forms for group in groups_of(form)}
    for inner in used & per.keys():
        if per[inner] not in used:
            raise _UnfitError(f"group {inner!r} lies under {per[inner]!r}, which no tensor has")
    spec = PermutationSpec(
        groups={group: size for group, size in sizes.items() if group in used},
        tensors=tensors,
        per={inner: outer for inner, outer in per.items() if inner in used},
        fixed={
            (name, axis): derived.fixed.get((name, axis)) or "the spec file fixes it"
            for name, forms in tensors.items()
            for axis, form in enumerate(forms)
            if form is None and shapes[name][axis] > 1
        },
    )
    return _with_taps(spec, derived)


def _check_others(
    others: Mapping[str, tuple[AxisForm | None, ...]],
    derived: PermutationSpec,
    sizes: Mapping[str, int],
    per: Mapping[str, str],
) -> None:
    """Check that groups of tensors which stay as derived are what they were."""
    for name, forms in others.items():
        for group in {group for form in forms for group in groups_of(form)} & sizes.keys():
            size, derived_size = sizes[group], derived.groups[group]
            if size != derived_size or per.get(group, derived.per.get(group)) != derived.per.get(
                group
            ):
                raise _UnfitError(
                    f"group {group!r} of size {size} is not what tensor {name!r} has, of which the"
                    f" file says nothing: {derived_size} units; leave it out, or give all its"
                    " tensors"
                )


def _texts(
    tensors: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Texts, dict[str, set[str]]]:
    """Return the forms of each tensor as texts, and the names of groups local to a match."""
    everywhere = {
        word for name, text in tensors.items() if "*" not in name for word in _words(text)
    }
    texts: Texts = {}
    local: dict[str, set[str]] = {}
    for pattern, text in tensors.items():
        matches = [name for name in shapes if name == pattern or fnmatchcase(name, pattern)]
        if not matches:
            raise _UnfitError(f"the model has no tensor {pattern!r}")
        for name in matches:
            stars = (
                re.match(re.escape(pattern).replace(r"\*", "(.*)"), name)
                if "*" in pattern
                else None
            )
            here = ".".join(stars.groups()) if stars else ""
            names = {
                word: f"{word}@{here}"
                for word in (_words(text) - everywhere if here else ())
                if not re.fullmatch(r"_\d*|\d+", word)
            }
            for word, full in names.items():
                local.setdefault(word, set()).add(full)
            texts[name] = tuple(_renamed(form.strip(), names) for form in text.split(","))
    return texts, local


def _renamed(form: str, names: Mapping[str, str]) -> str:
    return WORD.sub(lambda word: names.get(word[0], word[0]), form)


def _words(text: str) -> set[str]:
    return set(WORD.findall(text))


def _sizes(
    groups: Mapping[str, int | InnerGroup], local: Mapping[str, set[str]]
) -> tuple[dict[str, int], dict[str, str]]:
    """Return the size of each group, and the outer group of each inner one."""
    sizes: dict[str, int] = {}
    per: dict[str, str] = {}
    for group, entry in groups.items():
        size, outer = (entry, None) if isinstance(entry, int) else (entry.size, entry.per)
        if outer is not None and not isinstance(groups.get(outer), int):
            raise _UnfitError(
                f"group {group!r} lies under {outer!r}, which is no plain group of the file"
            )
        for name in sorted(local.get(group, {group})):
            sizes[name] = size
            if outer is not None:
                here = name.removeprefix(group)
                per[name] = f"{outer}{here}" if outer in local else outer
    return sizes, per


def _forms(
    name: str, texts: tuple[str, ...], shape: tuple[int, ...], sizes: Mapping[str, int]
) -> tuple[AxisForm | None, ...]:
    try:
        return read_axes(name, texts, shape, sizes)
    except ValueError as cause:
        raise _UnfitError(str(cause)) from cause


def _with_taps(spec: PermutationSpec, derived: PermutationSpec) -> PermutationSpec:
    """Give each group the taps of a derived group that lies in the same place of some tensor."""
    by_place = {_key(*use): group for group in derived.groups for use in derived.uses(group)}
    taps: dict[str, tuple[Tap, ...]] = {}
    pretaps: dict[str, tuple[Tap, ...]] = {}
    for group in spec.groups:
        places = (_key(*use) for use in spec.uses(group))
        same = next((by_place[place] for place in places if place in by_place), "")
        taps[group] = derived.taps.get(same, ())
        pretaps[group] = derived.pretaps.get(same, ())
    return replace(spec, taps=taps, pretaps=pretaps)


def _key(name: str, place: UnitIndex) -> tuple[object, ...]:
    return name, place.axes, place.positions.shape, tuple(place.positions.flatten().tolist())
