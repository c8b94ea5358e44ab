"""One process at a time in a folder: a lock that names its owner, and falls with it."""

from __future__ import annotations

import json
import logging
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from jaxsym._files import try_lock

logger = logging.getLogger(__name__)

LOCK = "jaxsym.lock"
_BEAT = 10.0  # seconds between two signs of life
_SILENCE = 60.0  # seconds without one after which an owner on another host is taken for dead


class FolderLockedError(ValueError):
    """Another process works in the folder."""


class FolderLock:
    """The right to write in a folder, held while this context is open.

    The kernel's lock on the file `LOCK` decides on one host, and between hosts where the file
    system carries it. It falls when the owner dies, however it dies. For file systems that do not
    carry it, the file's time is renewed every 10 seconds, and an owner on another host that was
    silent for 60 seconds is taken for dead.

    Args:
      folder: exists.

    Raises:
      FolderLockedError: (on entering) another process, or another part of this one, works there.

    >>> folder = Path(tempfile.mkdtemp())
    >>> with FolderLock(folder), FolderLock(folder):
    ...     pass
    Traceback (most recent call last):
        ...
    jaxsym.training.lock.FolderLockedError: ... is in use by process ... on ...; ...
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._stop = threading.Event()
        self._file = -1

    def __enter__(self) -> FolderLock:
        self._file, locked = self._open()
        owner = self._owner()
        if locked is False or (owner and self._lives(owner, locked)):
            os.close(self._file)
            raise FolderLockedError(
                f"{self._path.parent} is in use by {_in_words(owner)}; choose another folder or "
                f"wait for its end (one that died on another host is forgotten after "
                f"{_SILENCE:.0f} seconds)"
            )
        if owner:
            logger.warning("took over %s from %s", self._path.parent, _in_words(owner))
        text = json.dumps({"host": socket.gethostname(), "pid": os.getpid()})
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, text.encode(), 0)
        self._stop.clear()
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._stop.set()
        self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _open(self) -> tuple[int, bool | None]:
        """The open file, and whether the kernel gave its lock (`try_lock`)."""
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            locked = try_lock(file)
            if self._is(file):
                return file, locked
            os.close(file)  # its owner has removed it in between

    def _is(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _owner(self) -> dict[str, Any]:
        """What the file says of its owner; nothing if that cannot be read."""
        try:
            owner = json.loads(os.pread(self._file, 4096, 0))
            return {"host": str(owner["host"]), "pid": int(owner["pid"])}
        except (ValueError, KeyError, TypeError, RecursionError):
            return {}

    def _lives(self, owner: dict[str, Any], locked: bool | None) -> bool:
        """Whether an owner whose lock the kernel does not know of may be alive."""
        if owner["host"] != socket.gethostname():
            with tempfile.TemporaryFile(dir=self._path.parent) as now:  # by the folder's own clock
                silence = os.fstat(now.fileno()).st_mtime - os.fstat(self._file).st_mtime
            return silence < _SILENCE
        return locked is None and _runs(owner["pid"])

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT):
            try:
                os.utime(self._path)
            except OSError:
                return  # the folder is gone


def _in_words(owner: dict[str, Any]) -> str:
    return f"process {owner['pid']} on {owner['host']}" if owner else "another process"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
