"""Conditions, policies and tolerances that mean nothing, and values that are no numbers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, one, refused
from tools.attack.inputs import RESULT, A, B, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator


AREA = "verdicts"


MEANINGLESS = {
    "barrier.error <= 2": "did you mean",
    "barrier.error <= 5": "did you mean",
    "barrier.error <= 100%": "",
    "barrier.error <= 1": "",
    "barrier.error >= 0": "",
    "barrier.error > -1": "",
    "barrier.error < 1.5": "",
    "barrier.error != 2": "",
    "barrier.loss >= 0": "",
    "end.error <= 2": "did you mean",
    "end.error >= 0": "",
    "end.error >= -0.5": "",
    "barier.error <= 2%": "did you mean",
    "barrier.eror <= 2%": "did you mean",
    "barrier.Error <= 2%": "",
    "barrier <= 2%": "",
    "error <= 2%": "",
    "distance.l2 <= 2": "",
    "barrier.error[variant=plain <= 2%": "",
    "barrier.error <= 2 %%": "",
    "barrier.error <= nan": "",
    "barrier.error <= inf": "",
    "barrier.error <= 1e999": "",
    "barrier.error <= two": "",
    "barrier.error =< 2%": "",
    "barrier.error": "",
    "": "",
    "__import__('os').system('touch canary') <= 2": "",
    "barrier.error <= __import__('os').system('touch canary')": "",
}
UNMEASURED = (
    "barrier.error[varient=plain] <= 2%",
    "barrier.error[variant=plian] <= 2%",
    "barrier.error[split=train] <= 2%",
    "barrier.error.upper95 <= 2%",
)
"""Conditions that select nothing: which dims and values there are is known after the run."""
FAIL_IFS = (
    "barrier.error > 5",
    "barrier.error > 100%",
    "barrier.error < 0",
    "end.error > 2",
    "barrier.loss < 0",
)
METRICS = {
    "align": "align.error", "barrier": "barrier.error", "distance": "distance.relative",
    "el2n": "el2n.score", "graft": "graft.error", "instability": "instability.error",
    "interpolate": "interpolate.highest_error", "layerwise": "layerwise.barrier_error",
    "matrix": "matrix.barrier_error", "merge": "merge.error", "plane": "plane.highest_error",
    "repair": "repair.error", "sharpness": "sharpness.eigenvalue", "similarity": "similarity.cka",
    "trajectory": "trajectory.gain.error", "variance": "variance.ratio",
}  # fmt: skip


def nan(path: str) -> None:
    """Let one weight be no number."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    held = load_file(path)
    held[next(iter(sorted(held)))].view(-1)[0] = float("nan")
    save_file(held, path, metadata)


def attacks() -> Iterator[Attack]:
    """Yield conditions that mean nothing, in options and in policies."""
    for text, said in MEANINGLESS.items():
        for flag in ((), ("--dry-run",)):
            words = (*words_of("barrier"), "--require", text, *flag)
            yield one(AREA, f"barrier {''.join(flag)} --require '{text}'", words, refused(said))
        policy = partial(Path("p.toml").write_text, f"[[gate]]\nrequire = {json.dumps(text)}\n")
        rule = refused(said, 4) if text[:3] in ("bar", "err", "dis") else refused(said)
        yield one(
            AREA, f"audit, require '{text}'", ("audit", "--policy", "p.toml", RESULT), rule, policy
        )
    for text in UNMEASURED:
        words = (*words_of("barrier"), "--require", text)
        yield one(AREA, f"barrier --require '{text}'", words, Rule(frozenset({4})))
        policy = partial(Path("p.toml").write_text, f"[[gate]]\nrequire = {json.dumps(text)}\n")
        words = ("audit", "--policy", "p.toml", RESULT)
        yield one(AREA, f"audit, require '{text}'", words, Rule(frozenset({4})), policy)
    for text in FAIL_IFS:
        words = (*words_of("barrier"), "--fail-if", text)
        yield one(AREA, f"barrier --fail-if '{text}'", words, refused())
    for analysis, metric in METRICS.items():
        wrong = metric[:-2] + metric[-1]
        for label, name in (
            ("misspelled", wrong),
            ("of another", "nobody.error"),
            ("upper case", metric.upper()),
        ):
            words = (*words_of(analysis), "--require", f"{name} <= 2%")
            yield one(AREA, f"{analysis}, a metric {label}", words, refused())
        words = (*words_of(analysis), "--require", f"{metric}[split=nowhere] <= 2%")
        rule = Rule(frozenset({2, 4}))
        yield one(AREA, f"{analysis}, a coordinate of nowhere", words, rule)
        members = {
            "trajectory": "run-b/net-step1.safetensors",
            "instability": "fork-40/b.safetensors",
            "el2n": A,
        }
        prepare = partial(nan, members.get(analysis, B))
        words = (*words_of(analysis), "--require", f"{metric} <= 99%")
        yield one(AREA, f"{analysis}, NaN in a weight", words, Rule(frozenset({2, 4})), prepare)
    for label, text in POLICIES.items():
        policy = partial(Path("p.toml").write_text, text)
        yield one(
            AREA,
            f"policy: {label}",
            ("audit", "--policy", "p.toml", RESULT),
            refused("", 4),
            policy,
        )


POLICIES = {
    "nothing": "",
    "no gate": "[gates]\n",
    "an unknown key": '[[gate]]\nrequire = "barrier.error <= 2%"\nignore = true\n',
    "both ways": '[[gate]]\nrequire = "barrier.error <= 90%"\nfail-if = "barrier.error > 90%"\n',
    "neither": '[[gate]]\nname = "x"\n',
    "a misspelled severity": '[[gate]]\nrequire = "barrier.error <= 90%"\nseverity = "warn"\n',
    "another analysis": '[[gate]]\nrequire = "distance.relative <= 90%"\n',
    "an unknown analysis": '[[gate]]\nrequire = "barrier.error <= 90%"\nanalysis = "barier"\n',
    "a list": '[[gate]]\nrequire = ["barrier.error <= 90%"]\n',
    "a table": '[gate]\nrequire = "barrier.error <= 90%"\n',
    "a key twice": '[[gate]]\nrequire = "barrier.error <= 2%"\nrequire = "barrier.error <= 90%"\n',
    "a baseline without one": '[[gate]]\nrequire = "barrier.error <= baseline"\n',
    "a variant that is not there": '[[gate]]\nrequire = "barrier.error[variant=align] <= 90%"\n',
}
