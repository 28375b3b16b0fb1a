"""The campaign: every attack in a folder of its own, in processes that share sound inputs."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack import areas
from tools.attack.command import settle
from tools.attack.inputs import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tools.attack.attack import Attack


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of an attack: its title, what does not hold (or nothing), and seconds."""

    area: str
    title: str
    broken: str
    seconds: float


def campaign(attacks: Sequence[Attack], jobs: int) -> Iterator[Trial]:
    """Make attacks in so many processes, and yield what came of each as it ends."""
    with tempfile.TemporaryDirectory(prefix="lmctool-attack-") as place:
        root = Path(place).resolve()
        root.chmod(0o755)  # others may look for files within, where they are not to read one
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, settle) as pool:
            pool.submit(make_sound, root / "sound").result()
            pending = [pool.submit(trial, each.title, root) for each in attacks]
            for future in pending:
                yield future.result()


def make_sound(folder: Path) -> None:
    """Make the sound inputs."""
    folder.mkdir()
    with chdir(folder):
        prepare(folder)


def trial(title: str, root: Path) -> Trial:
    """Make one attack in a copy of the sound inputs."""
    attack = areas.ATTACKS[title]
    folder = Path(tempfile.mkdtemp(dir=root))
    began = time.monotonic()
    try:
        shutil.copytree(root / "sound", folder, dirs_exist_ok=True)
        with chdir(folder):
            broken = attack.attempt()
    except Exception as error:
        broken = f"the attack itself failed: {type(error).__name__}: {error}"
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
    return Trial(attack.area, title, broken, time.monotonic() - began)
