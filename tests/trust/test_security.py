"""What a file of somebody else says is never run: commands, lmctool.toml, filters, lines."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import pytest

from lmctool.cli.analysis import AnalysisCommand
from lmctool.cli.commands.rerun import recorded_job
from lmctool.cli.group import HOST
from lmctool.config import Config, Origin
from lmctool.data.resolve import open_spec
from lmctool.errors import LmctoolError, UntrustedError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ALIGNERS, ANALYSES, CORRECTIONS, DATASETS, MODELS
from lmctool.plugin.user_code import Factory, imports_code
from lmctool.results.file import read, write
from lmctool.results.result import Group, Result, Variable
from lmctool.testing import invoke, tiny_pair
from tests.every import WORDS, place_series

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "from pathlib import Path\nPath('ran').touch()\ndef make(**_): pass\ncall = make\n"
EVIL = ("evil:make", "./evil.py:make", "evil.py:make", "folder.evil:make", "os:system")
HERE = Path("evil.py")
ANALYSES_HERE = tuple(WORDS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make the current folder one that somebody else filled: networks, and code."""
    monkeypatch.chdir(tmp_path)
    tiny_pair(tmp_path)
    HERE.write_text(MARK)
    Path("folder").mkdir()
    shutil.copy(HERE, "folder/evil.py")
    yield tmp_path
    for name in ("evil", "folder", "folder.evil"):
        sys.modules.pop(name, None)


def recorded(command: str, analysis: str = "barrier") -> Result:
    """Return a result that says it was made by a command."""
    return Result(analysis, {"provenance": Group({}, {"command": command})})


def stored(command: str) -> Path:
    """Write such a result."""
    write(recorded(command), Path("told.h5"), force=True)
    return Path("told.h5")


def options_of(name: str) -> set[str]:
    """Return every word of an option of an analysis, of its aligners and its corrections."""
    command = AnalysisCommand(name, registry.load(ANALYSES, name))
    parameters = [each for each in command.params if isinstance(each, click.Option)]
    for slot in command.slots:
        for plugin in registry.names(slot.kind):
            parameters += registry.load(slot.kind, plugin).options
    return {word for each in parameters for word in (*each.opts, *each.secondary_opts)}


def refused(command: str) -> None:
    with pytest.raises(UntrustedError, match=r"names code, .*pass --trust"):
        recorded_job(recorded(command), Path("told.h5"), trust=False, trust_config=False)


@pytest.mark.parametrize("name", ANALYSES_HERE)
def test_no_option_of_a_recorded_command_may_name_code(name: str) -> None:
    for option in sorted(options_of(name)):
        for spec in EVIL:
            forms = [f"{option} {spec}", f"{option}={spec}", f"{option} key={spec}"]
            forms += [f"{option}{spec}"] if len(option) == 2 else [f"{option} digits,{spec}"]
            for words in forms:
                refused(f"lmctool {name} a.safetensors b.safetensors {words}")
    assert not Path("ran").exists()


def test_the_walk_meets_every_option_of_every_plugin() -> None:
    walked = set[str]().union(*map(options_of, ANALYSES_HERE))
    assert set(ANALYSES_HERE) == set(registry.names(ANALYSES))
    records: list[Any] = [registry.load(ALIGNERS, name) for name in registry.names(ALIGNERS)]
    records += [registry.load(CORRECTIONS, name) for name in registry.names(CORRECTIONS)]
    assert {word for each in records for option in each.options for word in option.opts} <= walked


@pytest.mark.parametrize(
    "words",
    [
        *("evil:make b.safetensors", "a.safetensors b.safetensors -- ./evil.py:make"),
        "a b --align=evil:make",
        "a b --executor evil:make",
        "a b --executor processes:4,evil:make",
        "a b --unknown 'x evil:make'",
        "a b --unknown a:evil:make",
        'a b --model-arg \'x={"y":"os:system"}\'',
        "a b -mos:system",
        "a b -digits:make",
    ],
)
def test_code_is_found_wherever_a_word_holds_it(words: str) -> None:
    refused(f"lmctool barrier {words}")


@pytest.mark.parametrize("name", ANALYSES_HERE)
def test_what_names_words_and_paths_alone_is_not_refused(name: str) -> None:
    words = " ".join((*WORDS[name], "--device cuda:0"))
    if name != "distance":
        words += " --model transformers:./folder --data arrays:data/x.npz"
    try:
        recorded_job(recorded(f"lmctool {name} {words}"), Path(), trust=False, trust_config=False)
    except LmctoolError as error:
        assert not isinstance(error, UntrustedError)


@pytest.mark.parametrize(
    "words",
    [
        "--model os:system --model-arg command='touch ran'",
        "--model subprocess:call --model-arg 'args=touch ran'",
        "--model digits:make",  # a word of another kind
        "--data mlp:make",
        *(f"--model {spec}" for spec in EVIL),
        *(f"--data {spec}" for spec in EVIL),
    ],
)
def test_rerun_imports_nothing(words: str) -> None:
    for name in ("digits", "mlp"):
        shutil.copy(HERE, f"{name}.py")
    before = set(Path().rglob("*"))
    told = stored(f"lmctool interpolate a.safetensors b.safetensors --limit 20 {words}")
    done = invoke("rerun", told, "-q")
    assert done.exit_code == 2, done.output
    assert "pass --trust" in done.stderr
    assert set(Path().rglob("*")) - before <= {told}


@pytest.mark.parametrize("source", ["file", "LMCTOOL_MODEL", "LMCTOOL_DATASET", "own"])
def test_rerun_imports_nothing_that_toml_or_the_environment_names(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = stored("lmctool interpolate a.safetensors b.safetensors --limit 20 --allow-chance")
    place = f"{HERE.resolve()}:make"
    if source == "file":
        Path("lmctool.toml").write_text(f'[model]\nspec = "{place}"\n')
    elif source == "own":
        own(f'[data]\nspec = "{place}"\n')
    else:
        monkeypatch.setenv(source, place)
    done = invoke("rerun", told, "-q")
    assert done.exit_code == 2
    assert "pass --trust" in done.stderr
    assert not Path("ran").exists()
    invoke("rerun", told, "-q", "--trust-config" if source == "file" else "--trust")
    assert Path("ran").exists()


@pytest.mark.parametrize(
    "word", ["--help", "-h", "--help-all", "--version", "--debug --help", "--no-such"]
)
def test_a_recorded_request_for_help_is_no_run(word: str) -> None:
    done = invoke("rerun", stored(f"lmctool interpolate a.safetensors b.safetensors {word}"))
    assert done.exit_code == 2
    assert "cannot be run by this version" in done.stderr
    assert done.stdout == ""


def test_arguments_of_a_recorded_model_are_those_that_a_file_may_set() -> None:
    words = "a.safetensors b.safetensors --limit 20 --model torchvision:resnet18 --model-arg w=1"
    done = invoke("rerun", stored(f"lmctool interpolate {words}"), "-q")
    assert done.exit_code == 2
    assert "--model sets 'w' of model 'torchvision', which a file may not; pass --trust" in (
        done.stderr
    )


def test_no_command_of_the_host_is_run_again() -> None:
    for name in HOST:
        done = invoke("rerun", stored(f"lmctool {name} a.safetensors --model evil:make"))
        assert done.exit_code == 2
    assert not Path("ran").exists()


SPECS = (
    *("mlp", "mlp:make", "digits", "digits:make", "evil", "evil:make", "./evil.py:make", "nobody"),
    *("evil.py", "evil.py:", ":make", "evil:make:make", ".evil:make", "evil:ma-ke", "a b:make"),
    *("./data:make", "dat:a", "transformers:./folder", "text:./evil.py", "folder", "x?y=evil:make"),
)


@pytest.mark.parametrize("spec", SPECS)
def test_what_the_one_rule_calls_code_is_what_is_imported(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lmctool.checkpoint import open_checkpoint
    from lmctool.model.resolve import resolve_model

    Path("dat:a").touch()
    called: list[str] = []

    def call(self: Factory, _: Any) -> None:
        called.append(self.spec)
        raise LmctoolError("called")

    monkeypatch.setattr(Factory, "call", call)
    checkpoint = open_checkpoint(Path("a.safetensors"))
    for kind, use in (
        (MODELS, lambda config: resolve_model(checkpoint, spec=spec, arguments={}, config=config)),
        (DATASETS, lambda config: open_spec(spec, config, Origin("--data", config.permit))),
    ):
        for permit in ("", "pass --trust"):
            called.clear()
            try:
                use(Config(permit=permit))
            except LmctoolError as error:
                assert isinstance(error, UntrustedError) == (
                    bool(permit) and imports_code(spec, kind)
                )
            assert called == ([spec] if imports_code(spec, kind) and not permit else [])


def own(text: str) -> None:
    """Write the user's own configuration."""
    folder = Path(click.get_app_dir("lmctool"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lmctool.toml").write_text(text)


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(click, "get_app_dir", lambda name: str(place / name))


def commands() -> Iterator[list[str]]:
    """Yield a command line of each command that reads a folder's configuration."""
    for name in ANALYSES_HERE:
        words = WORDS[name] if name != "trajectory" else ("run-a", "run-b", "--limit", "40")
        yield [name, *words]
    yield ["inspect", "a.safetensors"]
    yield ["inspect", "a.safetensors", "--symmetry"]


@pytest.mark.parametrize(("section", "spec"), [("model", "evil:make"), ("data", "./evil.py:make")])
def test_no_command_runs_what_a_folder_configures(section: str, spec: str) -> None:
    Path("lmctool.toml").write_text(f'[{section}]\nspec = "{spec}"\n')
    place_series(Path(), "a.safetensors", "b.safetensors")
    told = stored("lmctool interpolate a.safetensors b.safetensors --limit 20 --allow-chance")
    before = set(Path().rglob("*"))
    codes = {}
    for words in [*commands(), ["rerun", str(told)]]:
        done = invoke(*words)
        codes[" ".join(words)] = done.exit_code
        if done.exit_code:
            assert "pass --trust-config if you trust that file" in done.stderr, done.output
    assert not Path("ran").exists()
    done_without = {words for words, code in codes.items() if code != 2}
    without_data = {"inspect a.safetensors"} if section == "data" else set()
    assert done_without == {" ".join(("distance", *WORDS["distance"])), *without_data}
    left = {path.suffix for path in set(Path().rglob("*")) - before}
    assert left <= {".h5", ".png"}  # of what needs neither


def test_a_folder_that_is_trusted_may_name_code() -> None:
    Path("lmctool.toml").write_text('[model]\nspec = "evil:make"\n')
    refused = invoke("inspect", "a.safetensors")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "Error: lmctool.toml names 'evil:make' as model, which is Python code; pass --trust-config"
        " if you trust that file\n"
    )
    invoke("inspect", "a.safetensors", "--trust-config")
    assert Path("ran").exists()


def test_a_folder_may_name_words_and_data_and_what_a_file_may_set() -> None:
    Path("lmctool.toml").write_text(
        '[model]\nspec = "mlp"\narguments = { depth = 2 }\n[data]\nspec = "./some.npz"\n'
    )
    rng = np.random.default_rng(0)
    np.savez("some.npz", x=rng.normal(size=(40, 64)).astype("f4"), y=np.arange(40) % 10)
    words = ("a.safetensors", "b.safetensors", "--alphas", "0.5", "--allow-chance", "-q")
    done = invoke("interpolate", *words, "--split", "all")
    assert "pass --trust" not in done.stderr
    Path("lmctool.toml").write_text('[model]\nspec = "torchvision:x"\narguments = { w = 1 }\n')
    done = invoke("interpolate", *words)
    assert done.exit_code == 2
    assert "lmctool.toml sets 'w' of model 'torchvision', which a file may not" in done.stderr


@pytest.mark.parametrize("spec", ["./evil.py:make", "evil:make"])
def test_the_users_own_configuration_never_finds_code_in_a_folder(spec: str) -> None:
    own(f'[model]\nspec = "{spec}"\n')
    invoke("inspect", "a.safetensors")
    assert not Path("ran").exists()
    own(f'[model]\nspec = "{HERE.resolve()}:make"\n')
    invoke("inspect", "a.safetensors")
    assert Path("ran").exists()


def test_configurations_are_shown_with_what_they_may_do() -> None:
    own('[model]\nspec = "lenet"\n[data]\nspec = "spiral"\npaths = { mnist = "/m" }\n')
    Path("lmctool.toml").write_text('[data]\nspec = "digits"\n')
    shown = " ".join(invoke("config", "show").stdout.split())
    path = Path(click.get_app_dir("lmctool")) / "lmctool.toml"
    assert f"model.spec lenet {path} yes" in shown
    assert f"data.spec digits {Path('lmctool.toml').resolve()} no" in shown
    assert f"data.paths {{'mnist': '/m'}} {path} yes" in shown
    trusted = " ".join(invoke("config", "show", "--trust-config").stdout.split())
    assert f"data.spec digits {Path('lmctool.toml').resolve()} yes" in trusted


HOSTILE = (
    "::stop-commands::x",
    "  ::error::x",
    "##[error]x",
    "##vso[task.complete]x",
    "a\n::set-output name=x::y",
    "a\r::error::x",
    "\x1b[2J\x1b]0;x\x07",
    "\u202ex\u2028::error::x",
)


def hostile_result(result: Result) -> Result:
    """Return a result with a hostile text wherever a file may have one."""
    hostile = itertools.cycle(HOSTILE)

    def spoiled(name: str, variable: Variable) -> Variable:
        values, texts = variable.values, variable.values.dtype.kind == "O"
        if texts and name not in {"variant", "split"}:
            chosen = list(itertools.islice(hostile, values.size))
            values = np.array(chosen, object).reshape(values.shape)
        unit = variable.unit if texts else next(hostile)
        return replace(variable, values=values, unit=unit, long_name=next(hostile))

    groups = {
        path: Group(
            {name: spoiled(name, variable) for name, variable in group.variables.items()},
            {
                name: next(hostile) if isinstance(value, str) else value
                for name, value in group.attributes.items()
            },
        )
        for path, group in result.groups.items()
    }
    return replace(result, groups=groups)


def is_harmless(output: str) -> bool:
    steering = any(not (letter.isprintable() or letter == "\n") for letter in output)
    lines = output.split("\n")
    return not steering and not any(
        line.lstrip().startswith("::") or "##[" in line or "##vso[" in line for line in lines
    )


def test_no_text_of_a_result_steers_what_reads_along(barrier_file: Path) -> None:
    result = hostile_result(read(barrier_file))
    write(result, Path("h.h5"))
    others = [f"other{number}.h5" for number in range(len(HOSTILE))]
    for name, text in zip(others, HOSTILE, strict=True):
        write(replace(result, analysis=text), Path(name))
    Path("policy.toml").write_text('[[gate]]\nrequire = "barrier.error <= 0.1"\n')
    for words in (
        ["show", "h.h5"],
        ["show", "-v", "h.h5"],
        ["show", "--json", "-", "h.h5"],
        *(["show", other] for other in others),
        ["metrics", "h.h5", others[0]],
        ["compare", "--all", "h.h5", str(barrier_file)],
        ["compare", "h.h5", others[0]],
        ["compare", "--json", "-", "h.h5", str(barrier_file)],
        ["audit", "h.h5", "--policy", "policy.toml"],
        ["audit", "h.h5", "--policy", "policy.toml", "--json", "-"],
        ["report", "h.h5", "-o", "r.html"],
        ["rerun", "h.h5"],
    ):
        done = invoke(*words)
        assert done.exit_code != 1, done.output
        assert is_harmless(done.stdout), (words, done.stdout)
        assert is_harmless(done.stderr), (words, done.stderr)


def test_no_text_of_a_checkpoint_or_a_command_steers_what_reads_along() -> None:
    import torch
    from safetensors.torch import save_file

    entries = dict(zip(HOSTILE, HOSTILE, strict=True))
    tensors = {name: torch.ones(2) for name in ("w", *HOSTILE)}
    stamps = {"lmctool.model": HOSTILE[0], "lmctool.data": HOSTILE[2]}
    save_file(tensors, "h.safetensors", metadata={**entries, **stamps})
    lines = [f"x{number} = {json.dumps(text)}" for number, text in enumerate(HOSTILE)]
    Path("lmctool.toml").write_text("\n".join(["[data.paths]", *lines]))
    for words in (
        ["inspect", "h.safetensors", "--tensors"],
        ["inspect", "h.safetensors", "--symmetry"],
        ["distance", "h.safetensors", "a.safetensors"],
        ["distance", "h.safetensors", "h.safetensors"],
        ["barrier", "h.safetensors", "h.safetensors"],
        ["config", "show"],
        *(["stamp", "h.safetensors", "-o", "s.safetensors", "--data", text] for text in HOSTILE),
        *(["barrier", text, text, "--data", text] for text in HOSTILE),
        *([text] for text in HOSTILE),
    ):
        done = invoke(*words)
        assert done.exit_code != 1, done.output
        assert is_harmless(done.stdout), (words, done.stdout)
        assert is_harmless(done.stderr), (words, done.stderr)


UNKNOWN = 311
"""A filter of the range that HDF5 keeps for tests."""


def packed(path: Path, name: str) -> None:
    """Write numbers of 32 bits that claim to be packed by a filter that HDF5 lacks."""
    import h5py
    from h5py import h5d, h5p, h5s, h5t, h5z

    with h5py.File(path, "a") as file:
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_chunk((4,))
        plan.set_filter(UNKNOWN, h5z.FLAG_OPTIONAL)
        space = h5s.create_simple((4,))
        place = h5d.create(file.id, name.encode(), h5t.NATIVE_FLOAT, space, plan)
        place.write_direct_chunk((0,), np.zeros(4, np.float32).tobytes(), 0)


@pytest.mark.parametrize("kind", ["data", "result"])
def test_no_library_is_looked_for_to_unpack_a_file(kind: str, barrier_file: Path) -> None:
    from h5py import h5pl

    h5pl.prepend(b"/nowhere/at/all")
    if kind == "data":
        packed(Path("x.h5"), "x")
        packed(Path("x.h5"), "y")
        words = ["interpolate", "a.safetensors", "b.safetensors", "--data", "arrays:x.h5"]
    else:
        packed(barrier_file, "barrier/summary/extra")
        words = ["show", str(barrier_file)]
    done = invoke(*words)
    assert done.exit_code == 2
    assert f"is packed by filter {UNKNOWN}, which HDF5 lacks" in done.stderr
    assert h5pl.size() == 0
