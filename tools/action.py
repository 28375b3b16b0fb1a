"""What action.yml runs once lmctool is installed: measure, audit, report, and say what came of it.

It reads the action's inputs from the environment, and needs nothing but Python and lmctool.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from glob import glob
from pathlib import Path

VERDICTS = {0: "passed", 3: "failed", 4: "unjudged"}
SEVERITY = (0, 3, 4)
"""Exit codes of lmctool from good to bad; any other is an error, which is worse."""


def lmctool(*words: str) -> int:
    """Run a command of lmctool, and return its exit code."""
    print(shlex.join(["lmctool", *words]), flush=True)
    return subprocess.call([sys.executable, "-m", "lmctool", *words])


def judged() -> tuple[int, str]:
    """Do what the inputs ask for; return the worst exit code, and the path of the report if any."""
    command = shlex.split(os.environ["COMMAND"])
    folder, policy = os.environ["FOLDER"], os.environ["POLICY"]
    if "\n" in folder:
        raise ValueError("folder has to be a single line")
    Path(folder).mkdir(parents=True, exist_ok=True)  # for outputs of the command, too
    code = lmctool(*command) if command else 0
    if code not in (0, 3):  # there is no result
        return code, ""
    lines = os.environ["RESULTS"].splitlines()
    patterns = [line.strip() for line in lines if line.strip()]
    results: list[str] = []
    for each in patterns:  # of the shell's kind, and perhaps a whole path
        results += sorted(glob(each)) or [each]  # noqa: PTH207
    codes = [code]
    if policy:
        files = ("--json", f"{folder}/audit.json", "--junit", f"{folder}/audit.xml")
        codes.append(lmctool("audit", "--policy", policy, *files, "--force", "--", *results))
    report = f"{folder}/report.html"
    codes.append(lmctool("report", "-o", report, "--force", "--", *results))
    worst = max(codes, key=lambda each: SEVERITY.index(each) if each in SEVERITY else len(SEVERITY))
    return worst, report if Path(report).exists() else ""


def main() -> int:
    """Write the action's outputs, and return the exit code."""
    try:
        code, report = judged()
    except ValueError as error:  # a quote that does not end, a folder of two lines
        print(f"::error title=lmctool::{error}")
        code, report = 2, ""
    outputs = {"exit-code": code, "verdict": VERDICTS.get(code, "error"), "report": report}
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())
    return code


if __name__ == "__main__":
    sys.exit(main())
