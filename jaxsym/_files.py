"""Files and folders that are written whole or not at all.

Everything is made in a hidden folder beside its place and put there by one rename. The process that
made this folder holds the kernel's lock on it, which falls when the process ends, however it ends:
so the next writer knows which of these folders are left over, and removes them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_PREFIX, _SUFFIX = ".jaxsym-", ".partial"
_NAME_BYTES = 255  # what Linux and macOS allow in one name, if the file system does not say
_HERE, _NO_REPLACE, _EXCHANGE = -100, 1, 2  # AT_FDCWD and flags of Linux's renameat2
_NOT_OFFERED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def write_file(path: str | Path, write: Callable[[Path], object], *, replace: bool = False) -> None:
    """Write one file.

    Args:
      path: the file; missing folders on the way to it are made.
      write: writes to the path that it is given, which has the same suffix.
      replace: whether a file that exists is replaced.

    Raises:
      OSError: see `check_file`, or whatever the disk says; what was there is there still.

    >>> file = Path(tempfile.mkdtemp()) / "new" / "numbers.txt"
    >>> write_file(file, lambda path: path.write_text("1 2 3"))
    >>> file.read_text(), os.listdir(file.parent)
    ('1 2 3', ['numbers.txt'])
    """
    path = check_file(path, replace=replace)
    path.parent.mkdir(parents=True, exist_ok=True)
    with staging(path.parent) as place:
        made = place / f"made{path.suffix}"
        write(made)
        if replace:
            os.replace(made, path)
        else:
            rename_new(made, path)


def check_file(path: str | Path, *, replace: bool = False) -> Path:
    """Where `write_file` will write, links followed; to be asked before long work.

    Raises:
      FileExistsError: it exists, and ``replace`` is not set.
      IsADirectoryError: there is a folder in its place.
      OSError: see `check_place`.
    """
    path = check_place(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file")
    if path.exists() and not replace:
        raise FileExistsError(f"{path} exists; expected the name of a new file")
    return path


def check_place(path: str | Path) -> Path:
    """The path with links followed, if something can be made there.

    What killed processes left beside it is removed.

    Raises:
      FileNotFoundError: a symbolic link that leads nowhere.
      NotADirectoryError: there is a file on the way to it.
      PermissionError: the folder that it is to be made in cannot be written to.
      OSError: a name that is too long.
    """
    path = Path(path)
    parts = [part for part in path.parts if len(os.fsencode(part)) > _NAME_BYTES]
    if parts:
        raise OSError(
            f"{parts[0][:40]}... is a name of {len(os.fsencode(parts[0]))} bytes; "
            f"expected at most {_NAME_BYTES}"
        )
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(
            f"{path} is a symbolic link to {path.readlink()}, which is not there"
        )
    path = path.resolve()
    made = path.parent
    while not os.path.lexists(made):
        made = made.parent
    if not made.is_dir():
        raise NotADirectoryError(f"{path} cannot be made: {made} is a file")
    if not os.access(made, os.W_OK | os.X_OK):
        raise PermissionError(f"{made} cannot be written to")
    _remove_leftovers(path.parent)
    return path


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A hidden folder in ``folder`` to make things in, which is gone at the end."""
    place, held = _own_folder(folder)
    try:
        yield place
    finally:
        _remove(place)
        os.close(held)


def rename_new(made: Path, path: Path) -> None:
    """Rename ``made`` to ``path``, where nothing is.

    Raises:
      FileExistsError: something is there, even if it appeared this moment.
    """
    there = FileExistsError(f"{path} exists now; it appeared while this was written")
    try:
        if _rename(made, path, _NO_REPLACE):
            return
    except FileExistsError:
        raise there from None
    if os.path.lexists(path):
        raise there
    try:
        made.rename(path)
    except OSError as error:  # a folder that is not empty is never replaced
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise there from None
        raise


def exchange_folders(made: Path, path: Path) -> None:
    """Put the folder ``made``, of `staging`, in the place of ``path``, which is removed with it.

    One step where the kernel exchanges names (Linux), else two renames: if the process is killed
    between them, the next `check_place` of ``path`` puts the old folder back.
    """
    if _rename(made, path, _EXCHANGE):
        return
    old = made.parent / "old"
    (made.parent / "name").write_text(path.name, encoding="utf-8")
    path.rename(old)
    made.rename(path)
    old.rename(made)


def try_lock(descriptor: int) -> bool | None:
    """Whether the kernel gives this process the lock on an open file; None where it has no locks.

    It falls when the file is closed or the process ends.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return None
    return True


def _own_folder(folder: Path) -> tuple[Path, int]:
    """A new folder and the descriptor that holds its lock."""
    while True:
        place = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=folder))
        try:
            held = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            continue  # taken for left over, before its lock was held
        if try_lock(held) is not False and place.exists():
            return place, held
        os.close(held)


def _remove_leftovers(folder: Path) -> None:
    for place in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        try:
            held = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
        except OSError:
            continue  # another has removed it, or it is not ours to open
        try:
            if try_lock(held):
                _remove(place)
        finally:
            os.close(held)


def _remove(place: Path) -> None:
    """Remove a folder of `staging`; a folder that it was to replace and did not is put back."""
    old, name = place / "old", place / "name"
    if old.is_dir() and name.is_file():
        path = place.parent / Path(name.read_text(encoding="utf-8")).name
        if not os.path.lexists(path):
            old.rename(path)
    shutil.rmtree(place, ignore_errors=True)


def _rename(made: Path, path: Path, flag: int) -> bool:
    """Rename in one step as ``flag`` says; False where the kernel or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    names = os.fsencode(made), os.fsencode(path)
    if renameat2(_HERE, names[0], _HERE, names[1], flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NOT_OFFERED:
        return False
    raise OSError(code, os.strerror(code), str(path))
