"""A few attacks of every area, and that a campaign finds what does not hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.attack import areas
from tools.attack.attack import Attack, Rule, refused
from tools.attack.campaign import Trial, campaign, trial
from tools.attack.command import HUNG, Done
from tools.attack.figures import table
from tools.attack.inputs import CANARY
from tools.attack.texts import harmless
from tools.attack.traces import digests

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE = (
    "recorded commands/barrier --model os:system",
    "recorded commands/distance --help",
    "lmctool.toml/inspect, [model] ./evil.py:make",
    "checkpoints' own words/inspect, index: '../secret.safetensors'",
    "files in disguise/show RESULT is a FIFO",
    "outputs over inputs/barrier --json over A, by a hard link",
    "outputs over inputs/audit --junit baseline, by a link",
    "code of users and plugins/sys.exit(0) in the model's factory",
    "code of users and plugins/sys.exit(0) in the call of analyses",
    "code of users and plugins/a data set: an example leaves",
    "networks that are no functions/barrier, a count of its calls",
    "identity/other labels, in a finished result",
    "verdicts/barrier --dry-run --require 'barrier.error <= 2'",
    "terminals and CI/show, stop-commands in a long name",
    "terminals and CI/metrics, stdout is full",
    "archives and formats/.pt, os.system within, protocol 2",
)


def test_there_are_hundreds_in_every_area() -> None:
    assert len(areas.ATTACKS) >= 400
    listed = [attack.title for room in areas.ROOMS for attack in room.attacks()]
    assert len(listed) == len(set(listed)) == len(areas.ATTACKS)
    assert {title.partition("/")[0] for title in SAMPLE} == {
        attack.area for attack in areas.ATTACKS.values()
    }


def test_a_sample_of_every_area_holds() -> None:
    trials = list(campaign([areas.ATTACKS[title] for title in SAMPLE], jobs=1))
    assert [(each.title, each.broken) for each in trials if each.broken] == []
    assert len(trials) == len(SAMPLE)


@pytest.mark.parametrize(
    ("done", "made", "found"),
    [
        (Done(0, "", ""), [], "exit code 0 in place of 2"),
        (Done(1, "", "Traceback (most recent call last):\nKeyError: 3"), [], "a traceback"),
        (Done(2, "", ""), [], "no sentence"),
        (Done(2, "", "Error: it is not a number"), ["beside"], "left 'beside'"),
        (Done(2, "", "Error: it is not a number"), ["input"], "changed 'input'"),
        (Done(2, "", "Error: it is not a number"), [CANARY], "ran the code"),
        (Done(HUNG, "", ""), [], "hung"),
        (Done(2, "", "Error: it is another thing"), [], "nothing says 'number'"),
    ],
)
def test_a_rule_finds(
    done: Done, made: Sequence[str], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("input").write_text("sound")
    before = digests()
    for name in made:
        Path(name).write_text("changed")
    assert found in refused("number").broken(done, before)


def test_a_rule_is_content_with_what_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = digests()
    assert refused("number").broken(Done(2, "", "Error: it is not a number"), before) == ""
    Path("out.h5").touch()
    os.mkfifo("out.pipe")
    assert Rule(frozenset({0})).broken(Done(0, "", ""), before) == ""


@pytest.mark.parametrize("text", ["\x1b[2J", "a\u202eb", "ok\n::stop-commands::x\n", "  ##[error]"])
def test_what_steers_is_found(text: str) -> None:
    assert harmless(Done(0, text, "")) and harmless(Done(0, "", text))
    assert harmless(Done(0, "a :: b\n", "loss [nat]\n")) == ""


def test_the_table_counts_what_was_tried_and_held() -> None:
    trials = [Trial("one", "one/a", "", 1.0), Trial("one", "one/b", "it ran", 1.0)]
    trials.append(Trial("two", "two/a", "", 1.0))
    assert table(trials).splitlines()[2:] == [
        "| one | 2 | 1 |",
        "| two | 1 | 1 |",
        "| all | 3 | 2 |",
    ]


def test_an_attack_that_fails_itself_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def attempt() -> str:
        raise ValueError("no such file")

    attack = Attack("area", "name", attempt)
    monkeypatch.setitem(areas.ATTACKS, attack.title, attack)
    (tmp_path / "sound").mkdir()
    assert "the attack itself failed: ValueError" in trial(attack.title, tmp_path).broken
