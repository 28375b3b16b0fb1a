"""A process that does one piece of work after another, and ends with the process that made it."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What multiprocessing starts would run the user's script once more, and share semaphores with it.
START = (
    f"import sys; sys.path[:] = sys.argv[2:]\nfrom {__name__} import serve\nserve(int(sys.argv[1]))"
)
"""What the process runs: it finds modules where this one does, and knows nothing else of it."""
TAKEN = b"taken"
"""What it says before it begins with a piece of work."""
GRACE = 10.0
"""Seconds that a killed process has to be gone."""


class EndedError(Exception):
    """The process ended while it was at work."""


class NotTakenError(Exception):
    """The process ended before it began with the work."""


class Child:
    """The process, from the side of the one that made it; it prints nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            environment: variables that it has beside those of this process.
        """
        ours, theirs = socket.socketpair()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is
        with theirs:
            place = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, str(place), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
                pass_fds=[place],
                env={**os.environ, **environment},
            )
        self._connection = Connection(ours.detach())

    def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Return what a function gives there, or raise what it raises there.

        Raises:
            NotTakenError: the process had ended before.
            EndedError: it ended meanwhile.
        """
        message = pickle.dumps((function, arguments))
        try:
            self._connection.send_bytes(message)
            self._connection.recv_bytes()
        except (EOFError, OSError) as cause:
            raise NotTakenError(self._ending()) from cause
        try:
            value, error = pickle.loads(self._connection.recv_bytes())
        except (EOFError, OSError) as cause:
            raise EndedError(self._ending()) from cause
        if error is not None:
            raise error
        return value

    def kill(self) -> None:
        """End it, whatever it does; who waits for it gets ``EndedError``."""
        self._process.kill()
        self._process.wait(GRACE)

    def close(self) -> None:
        """End it, and let go of the connection; nobody waits for it any more."""
        self.kill()
        self._connection.close()
        self._said.close()

    def _ending(self) -> str:
        """Return how it ended, and the last that it said on stderr; it is closed after this."""
        with suppress(subprocess.TimeoutExpired):  # it closed its side, and may be about to end
            self._process.wait(1.0)
        self.kill()
        code = self._process.returncode
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        self.close()
        how = _signal(-code) if code < 0 else f"exit code {code}"
        return f"a process ended with {how}" + (f": {lines[-1]}" if lines else "")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # of real time
        return f"signal {number}"


def serve(place: int) -> None:
    """Do what comes along a connection, until its other side is closed.

    Args:
        place: the file descriptor of the connection.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that made this one
    connection = Connection(place)
    pieces: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, pieces), daemon=True).start()
    while True:
        piece = pieces.get()
        connection.send_bytes(TAKEN)
        connection.send_bytes(_done(piece))


def _listen(connection: Connection, pieces: SimpleQueue[bytes]) -> None:
    """Take pieces of work while others are done; end the process once there can be no more."""
    try:
        while True:
            pieces.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(1)


def _done(piece: bytes) -> bytes:
    """Return what a piece of work gives or raises, in a form that travels."""
    try:
        function, arguments = pickle.loads(piece)
        return pickle.dumps((function(*arguments), None))
    except Exception as error:
        with suppress(Exception):
            whole = pickle.dumps((None, error))
            pickle.loads(whole)  # what takes more arguments than its text can't be made again
            return whole
        return _in_words(error)
    except BaseException as error:  # which would end whoever waits
        return _in_words(error)


def _in_words(error: BaseException) -> bytes:
    return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
