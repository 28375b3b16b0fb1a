"""The examples of help as calls in Python."""

from __future__ import annotations

from typing import Any

import pytest

import lmctool
from lmctool.api import Analysis, HelpPage, Lazy
from lmctool.cli.analysis import SELECTED, AnalysisCommand
from lmctool.notebook.examples import calls
from lmctool.notebook.keywords import keywords
from lmctool.plugin import registry
from lmctool.plugin.help_page import words
from lmctool.plugin.kinds import ANALYSES


def parsed(command: AnalysisCommand, line: list[str]) -> dict[str, Any]:
    return command.make_context(command.title, line).params


class Called:
    """Stands for lmctool in the text of a call, and takes down its arguments."""

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **values: (name, list(arguments), values)


@pytest.mark.parametrize("name", registry.names(ANALYSES))
def test_a_call_asks_for_what_its_command_line_asks_for(name: str) -> None:
    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    lines = [words(each) for each in command.page.examples if "--require" not in each]
    texts = calls(command)
    assert len(texts) == len(lines) >= 1
    for line, text in zip(lines, texts, strict=True):
        called, arguments, values = eval(text, {"lmctool": Called()})
        chosen = command.make_context(name, line).meta[SELECTED]
        known = keywords(command, [each for plugin in chosen for each in plugin.options])
        again = [*arguments, *(w for key, value in values.items() for w in known[key].words(value))]
        assert called == name
        assert parsed(command, again) == parsed(command, line)
        assert text in (getattr(lmctool, name).__doc__ or "")


def test_what_no_call_can_say_is_left_out() -> None:
    page = HelpPage(
        (
            "a.pt b.pt --require 'mine.value < 1'",
            "a.pt b.pt --no-such",
            "--help",
            "a.pt b.pt --spec no-such-file.toml",
            "a.pt b.pt --align weight --aligned-too no",
            "a.pt b.pt --align weight",
        )
    )
    record = Analysis(Lazy("mine:compute"), aligner="optional", help=page)
    assert calls(AnalysisCommand("mine", record)) == [
        "lmctool.mine('a.pt', 'b.pt', align='weight')"
    ]
