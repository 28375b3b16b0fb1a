"""The package of a new plugin: a small one that works, to be changed into one's own."""

from __future__ import annotations

import ast
import keyword
import os
import re
from dataclasses import dataclass
from importlib.metadata import metadata, version
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, PluginError, did_you_mean
from lmctool.files.publish import publish_folder
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, KINDS
from lmctool.plugin.source_code import locate

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.plugin.kinds import Kind

WORD = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
LONGEST = 30
"""The most characters of a name, for which the lines of every template are short enough."""


def kind_called(word: str) -> Kind[Any]:
    """Return the kind of plugin of this name, in the singular or in the plural.

    Raises:
        PluginError: there is none.
    """
    for kind in KINDS:
        if word in {kind.word, kind.plural}:
            return kind
    words = [kind.word for kind in KINDS]
    raise PluginError(
        f"no kind of plugin is called {word!r}; {did_you_mean(word, words)}behind NAME"
        f" comes {', '.join(words[:-1])} or {words[-1]}"
    )


@dataclass(frozen=True, slots=True)
class NewPackage:
    """A package with one plugin, written from the templates beside this file.

    Attributes:
        name: the word that the user of the plugin types.
        kind: its kind.
    """

    name: str
    kind: Kind[Any]

    @property
    def distribution(self) -> str:
        """What it is installed as, such as ``lmctool-by-norm``."""
        return f"lmctool-{self.name.replace('_', '-')}"

    @property
    def module(self) -> str:
        """The module of the plugin within its package, such as ``by_norm``."""
        return self.name.replace("-", "_")

    @property
    def package(self) -> str:
        """What is imported, such as ``lmctool_by_norm``."""
        return f"lmctool_{self.module}"

    @property
    def usage(self) -> str:
        """A command that uses the plugin."""
        return self.kind.usage.replace("NAME", self.name)

    def check(self) -> None:
        """Check that the name can be installed beside what is.

        Raises:
            PluginError: it is no word, or a plugin or a package has it already.
        """
        if not WORD.fullmatch(self.name) or len(self.name) > LONGEST:
            raise PluginError(
                f"{self.name!r} cannot be the name of a plugin; use lower-case letters, digits and"
                f" single dashes, a letter first, and {LONGEST} characters at most"
            )
        if keyword.iskeyword(self.module):
            raise PluginError(f"no module can be called {self.module!r}; choose another name")
        for entry in registry.installed(self.kind):
            if entry.name == self.name:
                raise PluginError(
                    f"{self.kind.word} {self.name!r} is installed already, by"
                    f" {registry.owner(entry)}; choose another name"
                )
        if self.kind is ANALYSES and locate(f"lmctool.{self.module}") is not None:
            raise PluginError(
                f"lmctool.{self.module} is a module of lmctool, so that Python cannot call an"
                " analysis by that name; choose another"
            )
        if locate(self.package) is not None:
            raise PluginError(
                f"a package {self.package!r} is installed already; choose another name, or add the"
                f" {self.kind.word} to that package"
            )

    def files(self) -> dict[str, str]:
        """Return the text of each of its files by path within its folder."""
        source = self._rendered(f"{self.kind.word}.py.j2")
        summary = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
        folder = f"src/{self.package}"
        return {
            "pyproject.toml": self._rendered("pyproject.toml.j2", summary=summary),
            "README.md": self._rendered("README.md.j2", summary=summary),
            f"{folder}/__init__.py": self._rendered("package.py.j2"),
            f"{folder}/py.typed": "",
            f"{folder}/{self.module}.py": source,
            f"tests/test_{self.module}.py": self._rendered(f"{self.kind.word}_test.py.j2"),
        }

    def write(self, folder: Path) -> None:
        """Write it into a new folder, the whole of it or nothing.

        Raises:
            LmctoolError: the folder exists or cannot be written.
        """
        if os.path.lexists(folder):
            raise LmctoolError(f"'{folder}' exists; choose another folder with -o")
        with publish_folder(folder, (), force=False) as draft:
            for name, text in self.files().items():
                path = draft / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8", newline="\n")

    def _rendered(self, template: str, **more: str) -> str:
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("lmctool", "plugin/templates"),
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
        )
        return environment.get_template(template).render(
            name=self.name,
            kind=self.kind,
            distribution=self.distribution,
            module=self.module,
            package=self.package,
            usage=self.usage,
            versions=compatible(version("lmctool")),
            python=metadata("lmctool")["Requires-Python"],
            **more,
        )


def compatible(installed: str) -> str:
    """Return the versions that promise what this one has.

    >>> compatible("0.1.2"), compatible("1.4.0")
    ('>=0.1,<0.2', '>=1.4,<2')
    """
    major, minor = map(int, re.findall(r"\d+", installed)[:2])
    return f">={major}.{minor},<" + (f"{major + 1}" if major else f"0.{minor + 1}")
