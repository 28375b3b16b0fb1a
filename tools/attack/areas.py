"""All attacks, by their titles."""

from __future__ import annotations

from tools.attack import (
    configured,
    data_files,
    disguised,
    documents,
    edited,
    equality,
    forced,
    functions,
    gates,
    hdf5,
    identity,
    named,
    pairs,
    pickles,
    ranges,
    recorded,
    surroundings,
    texts,
    user_code,
    work,
)

ROOMS = (
    *(recorded, configured, named, disguised, forced, user_code, functions, identity, work),
    *(equality, gates, ranges, edited, pairs, texts, surroundings, pickles, data_files),
    *(documents, hdf5),
)
ATTACKS = {attack.title: attack for room in ROOMS for attack in room.attacks()}
"""Every attack by its title; two of one title would be one."""
