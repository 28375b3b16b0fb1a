"""All attacks, by their titles."""

from __future__ import annotations

from tools.attack import (
    configured,
    disguised,
    forced,
    formats,
    functions,
    identity,
    named,
    recorded,
    terminals,
    user_code,
    verdicts,
)

ROOMS = (
    recorded,
    configured,
    named,
    disguised,
    forced,
    user_code,
    functions,
    identity,
    verdicts,
    terminals,
    formats,
)
ATTACKS = {attack.title: attack for room in ROOMS for attack in room.attacks()}
"""Every attack by its title; two of one title would be one."""
