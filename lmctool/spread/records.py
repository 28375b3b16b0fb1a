"""What travels between a run and its workers: plain text, and nothing of the user's pickled."""

from __future__ import annotations

import os
import platform
from typing import TypeVar

import msgspec

from lmctool.plugin.settings import Repetition  # noqa: TC001 - msgspec reads the annotation

Kind = TypeVar("Kind", bound="Message")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent as JSON."""

    def encoded(self) -> str:
        """Return it as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decoded(cls: type[Kind], text: str) -> Kind:
        """Return what a text says."""
        return msgspec.json.decode(text.encode(), type=cls)


class WorkerJob(Message, frozen=True):
    """All that a worker needs to open the run that it works for.

    Attributes:
        words: the command line behind ``lmctool``.
        here: the folder that its paths start from.
        folder: the folder of the run's finished work, to which all that is computed goes.
        identity: what the numbers of the run depend on, by name.
        probe: the losses of the first network on the first examples, to the bit.
        context: the digest under which the run keeps its entries.
        device: the word for the device of a worker.
        threads: of torch, in each worker.
        at_once: how many items the workers compute at once, as the run takes it.
        evaluation: how networks are evaluated; None where none are.
        mixed: whether workers whose machine computes other bits may take part.
        variables: the environment variables that are standing choices of the user; of those that
            may be, others are not set.
    """

    words: list[str]
    here: str
    folder: str
    identity: dict[str, str]
    probe: list[str]
    context: str
    device: str
    threads: int
    at_once: int = 1
    evaluation: Repetition | None = None
    mixed: bool = False
    variables: dict[str, str] = {}


class Worker(Message, frozen=True):
    """Who computes, for the record.

    Attributes:
        host: the name of the machine.
        device: what it computes on, such as ``CPU`` or the name of a GPU.
        process: the number of the process there.
        differs: why that machine may round differently, in words; empty if it does not.
    """

    host: str
    device: str
    process: int
    differs: str = ""

    def __str__(self) -> str:
        """Return the words for a record."""
        return f"{self.host}, {self.device}"


class Report(Message, frozen=True):
    """What became of items that a worker was given.

    Attributes:
        worker: who computed them.
        files: the files that it wrote into the folder of finished work.
        failed: what went wrong, by the number of the item, of which those behind were not begun;
            of all items, where it came to none.  Whoever asked computes it again.
        refused: why this worker can compute nothing for the run; empty if it can.
    """

    worker: Worker
    files: list[str] = []
    failed: dict[int, str] = {}
    refused: str = ""


def host() -> str:
    """Return the name of this machine."""
    return platform.node() or "unnamed"


def this_process() -> Worker:
    """Return who this process is, as long as nobody says what it computes on."""
    return Worker(host=host(), device="", process=os.getpid())
