"""All attacks, by their titles."""

from __future__ import annotations

from tools.attack import configured, disguised, forced, functions, named, recorded, user_code

ROOMS = (recorded, configured, named, disguised, forced, user_code, functions)
ATTACKS = {attack.title: attack for room in ROOMS for attack in room.attacks()}
"""Every attack by its title; two of one title would be one."""
