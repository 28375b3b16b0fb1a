"""Gates that say what they mean, and results that were edited, through whole commands."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lmctool.report.json_document import AUDIT_SCHEMA
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

FEW = ("--points", "3", "--limit", "60", "--quiet")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two small trained networks."""
    a, b = tiny_pair(tmp_path_factory.mktemp("pair"), steps=100)
    return str(a), str(b)


@pytest.fixture(scope="module")
def sound(pair: tuple[str, str]) -> Path:
    """The barrier between them, which must not be changed."""
    out = Path(pair[0]).with_name("sound.h5")
    done = invoke("barrier", *pair, *FEW, "-o", out)
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def counted(folder: Path) -> tuple[str, ...]:
    """Two networks that answer 3 of 100 wrongly, and 5 halfway, as words of a command.

    The logits are 0 and w x, with w = (1, 0) in A and (0, 1) in B.
    """
    arguments = {"inputs": 2, "width": 1, "depth": 0, "classes": 2, "norm": "none"}
    for name, w in (("a", [1.0, 0.0]), ("b", [0.0, 1.0])):
        tensors = {"classifier.weight": torch.tensor([[0.0, 0.0], w])}
        tensors["classifier.bias"] = torch.zeros(2)
        metadata = {"lmctool.model": "mlp", "lmctool.model_arguments": json.dumps(arguments)}
        save_file(tensors, folder / f"{name}.safetensors", metadata)
    # wrong in A and halfway; in B and halfway; in B alone; nowhere
    kinds = {(-3, 1): 3, (1, -3): 2, (3, -1): 1, (1, 1): 44, (-1, -1): 50}
    x = np.repeat(np.array([*kinds], np.float32), [*kinds.values()], axis=0)
    y = np.array([1] * 50 + [0] * 50)
    np.savez(folder / "data.npz", x=x, y=y)
    words = ("a.safetensors", "b.safetensors", "--data", "arrays:data.npz")
    return (*words, "--points", "3", "--quiet", "--force")


def test_two_of_a_hundred_are_two_percent(counted: tuple[str, ...]) -> None:
    done = invoke("barrier", *counted, "--require", "barrier.error <= 2%")
    assert done.exit_code == 0, done.output
    gates = {
        ("--require", "barrier.error == 0.02"): "passed",
        ("--require", "barrier.error < 2%"): "failed",
        ("--require", "barrier.error <= 1.9%"): "failed",
        ("--require", "barrier.error >= 2%"): "passed",
        ("--require", "end.error <= 3%"): "passed",
        ("--require", "end.error <= 2%"): "failed",
        ("--fail-if", "barrier.error > 2%"): "passed",
        ("--fail-if", "barrier.error >= 2%"): "failed",
    }
    words = [word for gate in gates for word in gate]
    done = invoke("barrier", *counted, *words, "--json", "-")
    assert done.exit_code == 3
    verdicts = json.loads(done.stdout)["gates"]
    assert [verdict["status"] for verdict in verdicts] == list(gates.values())


def test_two_of_a_hundred_are_connected_at_two_percent(counted: tuple[str, ...]) -> None:
    done = invoke("matrix", *counted, "--require", "matrix.clusters == 1")
    assert done.exit_code == 0, done.output
    done = invoke("matrix", *counted, "--connected", "0.019", "--require", "matrix.clusters == 2")
    assert done.exit_code == 0, done.output


def test_a_baseline_and_an_audit_see_them_as_equal(counted: tuple[str, ...]) -> None:
    assert invoke("barrier", *counted, "-o", "old").exit_code == 0
    swapped = ("b.safetensors", "a.safetensors", *counted[2:])
    words = ("--baseline", "old.h5", "--require", "barrier.error <= baseline")
    assert invoke("barrier", *swapped, "-o", "new", *words).exit_code == 0
    Path("audit.toml").write_text('[[gate]]\nrequire = "barrier.error <= 2%"\n')
    assert invoke("audit", "new.h5", "old.h5", "--policy", "audit.toml").exit_code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--require", "barrier.error <= 2"], "did you mean 2%?"),
        (["--require", "barrier.error <= 100%"], "did you mean 1%?"),
        (["--fail-if", "barrier.error > 5"], "fail-if 'barrier.error > 5' is decided"),
        (["--require", "barrier.error >= 0"], "decided whatever is measured"),
        (["--require", "end.error <= 2"], "end.error is a share, between 0 and 1"),
        (["--require", "barrier.loss >= 0"], "barrier.loss is 0 or more"),
        (["--require", "barrier.eror <= 2%"], "did you mean 'barrier.error'?"),
        (["--require", "barier.error <= 2%"], "did you mean 'barrier.error'?"),
        (["--fail-if", "distance.l2 > 2"], "barrier has no metric 'distance.l2'"),
        (
            ["--align", "weight", "--require", "weight.objective > 2"],
            "no metric 'weight.objective'",
        ),
    ],
)
@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=["dry", "run"])
def test_what_a_gate_cannot_mean_is_refused_before_the_run(
    words: list[str], dry: list[str], expected: str, pair: tuple[str, str], folder: Path
) -> None:
    done = invoke("barrier", *pair, *FEW, *words, *dry)
    assert (done.exit_code, done.stdout) == (2, "")
    assert expected in done.stderr
    assert list(folder.iterdir()) == []


def test_a_metric_that_is_declared_and_not_measured_cannot_be_judged(
    pair: tuple[str, str],
) -> None:
    done = invoke("barrier", *pair, *FEW, "--require", "barrier.error.upper95 <= 2%")
    assert done.exit_code == 4
    assert "no metric barrier.error.upper95" in done.stdout
    assert done.stdout.endswith("\n0 of 1 gate passed\n")


@pytest.mark.parametrize("name", ["policy", "baseline"])
def test_a_share_of_two_hundred_percent_is_refused_in_an_audit(name: str, sound: Path) -> None:
    Path("audit.toml").write_text('[[gate]]\nrequire = "barrier.error <= 2"\n')
    words = {
        "policy": ("--policy", "audit.toml"),
        "baseline": ("--baseline", str(sound), "--tolerance", "2"),
    }[name]
    done = invoke("audit", sound, *words)
    assert done.exit_code == 2
    assert "did you mean 2%?" in done.stderr


def test_the_metrics_of_an_analysis_are_listed_before_it_runs() -> None:
    done = invoke("metrics", "--of", "barrier")
    assert done.exit_code == 0
    assert "barrier.error " in done.stdout and "between 0 and 1" in done.stdout
    assert invoke("metrics", "--of", "barier").exit_code == 2
    assert invoke("metrics", "--of", "barrier", "a.h5").exit_code == 2


def test_a_verdict_has_its_numbers_and_the_words_of_the_user(sound: Path, folder: Path) -> None:
    (folder / "audit.toml").write_text(
        '[[gate]]\nfail-if = "barrier.error > 0.0%"\n'
        '[[gate]]\nrequire = "barrier.error <= baseline * 1.0 + .5%"\n'
    )
    words = ("audit", sound, "--policy", "audit.toml", "--baseline", sound)
    document = json.loads(invoke(*words, "--json", "-").stdout)
    assert document["schema"] == AUDIT_SCHEMA
    failed, passed = document["gates"]
    assert (failed["kind"], failed["written"]) == ("fail-if", "barrier.error > 0.0%")
    assert failed["condition"] == "barrier.error <= 0"
    assert failed["value"] == -failed["margin"] > failed["limit"] == 0
    assert failed["metric"] == "barrier.error[variant=plain,split=test]"
    assert failed["baseline"] is None
    assert passed["written"] == "barrier.error <= baseline * 1.0 + .5%"
    assert passed["baseline"] == passed["value"]
    assert passed["margin"] == pytest.approx(0.005)
    text = invoke(*words).stdout
    assert f"= {100 * failed['value']:.2f}".rstrip("0").rstrip(".") in text
    assert " % > 0 %\n" in text and " + 0.5 points)\n" in text
    assert text.endswith("\n1 of 2 gates passed\n")


def annotated(done: Result) -> list[str]:
    return [line for line in done.output.splitlines() if line.startswith("::")]


@pytest.fixture
def in_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")


@pytest.mark.usefixtures("in_job")
@pytest.mark.parametrize(
    "words",
    [
        ("barrier", "--nonsense"),
        ("barrier", "a.safetensors"),
        ("barrier", "none.safetensors", "none.safetensors"),
        ("barrier", "a", "b", "--require", "barrier.error <= 2"),
        ("barier", "a", "b"),
        ("--debug", "show", "none.h5"),
        ("audit", "none.h5", "--policy", "none.toml"),
        ("audit", "none.h5"),
        ("metrics",),
    ],
    ids=" ".join,
)
def test_an_error_has_one_annotation(words: tuple[str, ...]) -> None:
    done = invoke(*words)
    assert done.exit_code == 2
    (line,) = annotated(done)
    command = next(word for word in words if not word.startswith("-"))
    assert line.startswith(f"::error title=lmctool {command}::")


@pytest.mark.usefixtures("in_job")
def test_gates_that_fail_for_one_cause_have_one_annotation(sound: Path, folder: Path) -> None:
    (folder / "audit.toml").write_text(
        '[[gate]]\nname = "one"\nrequire = "barrier.error <= 0"\n'
        '[[gate]]\nrequire = "barrier.error[variant=plain] <= 0"\n'
        '[[gate]]\nrequire = "end.error <= 0"\n'
    )
    done = invoke("audit", sound, "--policy", "audit.toml")
    assert done.exit_code == 3
    barrier, ends = annotated(done)
    assert barrier.startswith("::error title=one%2C barrier.error[variant=plain] <= 0::failed")
    assert ends.startswith("::error title=end.error <= 0::failed")


def edited(sound: Path, out: Path, name: str, value: float) -> Path:
    """Write a copy of a result with another value in one of its arrays."""
    shutil.copyfile(sound, out)
    with h5py.File(out, "r+") as file:
        file[name][...] = value
    return out


JUDGING: dict[str, Callable[[Path, tuple[str, str]], tuple[str | Path, ...]]] = {
    "audit": lambda path, _: ("audit", path, "--policy", "audit.toml"),
    "show": lambda path, _: ("show", path),
    "show --json": lambda path, _: ("show", path, "--json", "-"),
    "report": lambda path, _: ("report", path, "-o", "page.html"),
    "metrics": lambda path, _: ("metrics", path),
    "plot": lambda path, _: ("plot", path, "-o", "figure.png"),
    "audit --baseline": lambda path, _: ("audit", path.with_name("sound.h5"), "--baseline", path),
    "barrier --baseline": lambda path, pair: ("barrier", *pair, *FEW, "--baseline", path),
    "barrier --resume": lambda path, pair: ("barrier", *pair, *FEW, "-o", path, "--resume"),
}


@pytest.mark.parametrize("name", JUDGING)
def test_a_result_whose_summary_was_edited_is_refused(
    name: str, sound: Path, pair: tuple[str, str], folder: Path
) -> None:
    (folder / "audit.toml").write_text('[[gate]]\nrequire = "barrier.error <= 2%"\n')
    shutil.copyfile(sound, folder / "sound.h5")
    path = edited(sound, folder / "edited.h5", "barrier/summary/barrier_error", 0.0)
    before = {each.name for each in folder.iterdir()}
    done = invoke(*JUDGING[name](path, pair))
    assert done.exit_code == 4, done.output
    assert done.stdout == ""
    assert "'edited.h5'" in done.stderr or f"'{path}'" in done.stderr
    assert "barrier.error[variant=plain,split=test] is 0.0, but 0." in done.stderr
    assert {each.name for each in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("barrier/ends/error", 0.0, "end.error[split=test,end=a] is 0.0"),
        ("barrier/curve/error", 0.0, "barrier.error[variant=plain,split=test] is 0."),
        ("barrier/summary/alpha_loss", 0.25, "barrier/summary/alpha_loss"),
        ("barrier/summary/barrier_loss", np.nan, "barrier.loss[variant=plain,split=test] is nan"),
    ],
)
def test_each_number_that_follows_from_others_is_recomputed(
    name: str, value: float, told: str, sound: Path, folder: Path
) -> None:
    done = invoke("show", edited(sound, folder / "edited.h5", name, value))
    assert done.exit_code == 4
    assert told in done.stderr


def test_a_result_without_the_curve_of_its_summary_is_not_believed(
    sound: Path, folder: Path
) -> None:
    path = folder / "cut.h5"
    shutil.copyfile(sound, path)
    with h5py.File(path, "r+") as file:
        del file["barrier/curve/error"]
    (folder / "audit.toml").write_text('[[gate]]\nrequire = "barrier.error <= 2%"\n')
    done = invoke("audit", path, "--policy", "audit.toml")
    assert done.exit_code == 2
    assert "does not hold what analysis 'barrier' writes" in done.stderr


def test_a_sound_result_is_shown_and_judged_without_torch(sound: Path, folder: Path) -> None:
    (folder / "audit.toml").write_text('[[gate]]\nrequire = "barrier.error <= 99%"\n')
    commands = [["audit", str(sound), "--policy", "audit.toml"], ["show", str(sound)]]
    code = (
        "import sys\nfrom lmctool.cli import main\n"
        f"for words in {commands}:\n"
        "    try:\n        main(words)\n"
        "    except SystemExit as end:\n        assert end.code == 0, end.code\n"
        "assert 'torch' not in sys.modules and 'h5py' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
