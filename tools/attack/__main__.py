"""All attacks, or some: ``python -m tools.attack``, which prints a table of figures."""

from __future__ import annotations

import argparse
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote

from tools.attack.areas import ATTACKS
from tools.attack.campaign import campaign
from tools.attack.figures import table


def main() -> int:
    """Make the attacks; return 1 when one does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tools.attack", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this one, or a pattern")
    parser.add_argument("--jobs", type=int, default=2, help="processes that attack at once")
    parser.add_argument("--list", action="store_true", help="print the names of all, and stop")
    parser.add_argument("--slowest", type=int, default=0, metavar="N", help="print the slowest")
    parser.add_argument("--markdown", type=Path, help="a file that gets the table too")
    asked = parser.parse_args()
    patterns = asked.only or ["*"]
    chosen = [
        attack
        for title, attack in ATTACKS.items()
        if title in patterns or any(fnmatchcase(title, pattern) for pattern in patterns)
    ]
    if asked.list or not chosen:
        sys.stdout.writelines(f"{attack.title}\n" for attack in chosen)
        return int(not chosen)
    began, trials = time.monotonic(), []
    for each in campaign(chosen, asked.jobs):
        trials.append(each)
        if each.broken:
            told = each.broken.replace("\n", " ")
            sys.stderr.write(f"{each.title}: {told}; alone: --only {quote(each.title)}\n")
    text = table(trials)
    sys.stdout.write(f"{text}\n{time.monotonic() - began:.0f} s in {asked.jobs} processes\n")
    for each in sorted(trials, key=lambda one: -one.seconds)[: asked.slowest]:
        sys.stdout.write(f"{each.seconds:.1f} s  {each.title}\n")
    if asked.markdown:
        asked.markdown.write_text(text)
    return int(any(each.broken for each in trials))


if __name__ == "__main__":
    sys.exit(main())
