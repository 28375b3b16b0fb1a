"""The metrics that ``lmctool layerwise`` gives, of each part and of the full path."""

from __future__ import annotations

from lmctool.api.advanced import DeclaredScores, declared_bounds

_WHOSE = {"": "a part's", "full_": "the full path's"}
_BARRIERS = {
    key: DeclaredScores(f"layerwise.{key}barrier_{{}}", f"barrier of {whose} {{}}", "height")
    for key, whose in _WHOSE.items()
}
METRICS = (
    *declared_bounds([*_BARRIERS.values()]),
    *(
        declared
        for key, whose in _WHOSE.items()
        for declared in (
            _BARRIERS[key],
            DeclaredScores(
                f"layerwise.{key}delta_{{}}",
                f"largest rise of {whose} {{}} from an earlier point",
                "height",
            ),
            DeclaredScores(
                f"layerwise.{key}alpha_{{}}", f"alpha of {whose} {{}} barrier", low=0, high=1
            ),
        )
    ),
    DeclaredScores("layerwise.other_{}", "{} with the part in the other state"),
    DeclaredScores(
        "layerwise.share_{}",
        "share of the full path's {} barrier that a part explains",
        low=-1,
        high=1,
    ),
)
