"""Verdicts as JUnit XML, which CI systems show beside the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.files.publish import publish

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from junitparser import TestCase

    from lmctool.gates.gate import Verdict

CLASS = "lmctool"


def write_verdicts(verdicts: Sequence[Verdict], path: Path, *, force: bool = False) -> None:
    """Write a test case for each verdict: a failure where it failed, an error where unjudged.

    One whose gate only warns is skipped in place of failing.

    Raises:
        LmctoolError: the file exists and ``force`` is not given, or it cannot be written.
    """
    _write([_case(verdict) for verdict in verdicts], path, force)


def write_trouble(name: str, message: str, path: Path, *, force: bool = False) -> None:
    """Write one test case with an error, for a run that came to no verdict.

    Raises:
        LmctoolError: as ``write_verdicts``.
    """
    from junitparser import Error, TestCase

    case = TestCase(name, CLASS)
    case.result = [Error(_plain(message), "unjudged")]
    _write([case], path, force)


def _case(verdict: Verdict) -> TestCase:
    from junitparser import Error, Failure, Skipped, TestCase

    gate = verdict.gate
    case = TestCase(_plain(gate.title), _plain(verdict.source or CLASS))
    message = _plain(verdict.sentence)
    if verdict.status == "passed":
        case.system_out = message
    elif verdict.mild:
        case.result = [Skipped(f"{verdict.status}: {message}", "warning")]
    else:
        kind = Failure if verdict.status == "failed" else Error
        case.result = [kind(message, verdict.status)]
    return case


def _write(cases: list[TestCase], path: Path, force: bool) -> None:
    from junitparser import JUnitXml, TestSuite

    suite = TestSuite("lmctool")
    suite.add_testcases(cases)
    document = JUnitXml()
    document.add_testsuite(suite)
    with publish(path, force) as draft:
        document.write(str(draft), pretty=True)


def _plain(text: str) -> str:
    """Return a text without the characters that XML has no word for, which a file may hold."""
    from lmctool.report.terminal import printable

    return printable(text)
