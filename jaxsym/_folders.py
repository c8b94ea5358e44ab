"""Folders that are written whole or not at all, also where they replace what was there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from jaxsym._files import check_place, exchange_folders, rename_new, staging


def write_folder(
    writers: Mapping[str, Callable[[Path], object]],
    out: str | Path,
    *,
    force: bool = False,
    replaced: Iterable[str] = (),
) -> None:
    """Write files into a folder, all of them or none.

    Whoever looks, and whenever the process is killed, sees the old folder or the new one.

    Args:
      writers: what writes each file, by name.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.
      replaced: names of more files that do not stay, though nothing takes their place.

    Raises:
      OSError: see `check_folder`, or whatever the disk says.
    """
    ours = {*writers, *replaced}
    out = check_folder(out, force=force, files=ours)
    out.parent.mkdir(parents=True, exist_ok=True)
    with staging(out.parent) as place:
        made = place / "made"
        made.mkdir()
        for name, write in writers.items():
            write(made / name)
        if not (force and out.exists()):
            rename_new(made, out)
            return
        _keep_others(out, made, ours)
        exchange_folders(made, out)
        _save_latecomers(made, out, ours)


def check_folder(out: str | Path, *, force: bool = False, files: Iterable[str] = ()) -> Path:
    """Where `write_folder` will write, links followed; to be asked before long work.

    Raises:
      FileExistsError: the folder exists and ``force`` is not set.
      NotADirectoryError: there is a file in the folder's place or on the way to it.
      IsADirectoryError: in the folder there is a folder in the place of one of ``files``.
      PermissionError: the folder that it is to be made in cannot be written to.
      OSError: a folder that cannot be exchanged for a new one, or see `check_place`.
    """
    out = check_place(out)
    if not out.exists():
        return out
    if not out.is_dir():
        raise NotADirectoryError(f"{out} is a file; expected a folder or the name of a new one")
    if not force:
        raise FileExistsError(f"{out} exists; --force replaces the report in it")
    if out.is_mount() or Path.cwd().is_relative_to(out):
        raise OSError(
            f"{out} is a mounted disk or holds the working directory, so that it cannot be "
            f"exchanged for a new folder; expected a folder in it, such as {out / 'report'}"
        )
    for name in files:
        if (out / name).is_dir():
            raise IsADirectoryError(f"{out / name} is a folder, in the place of the report's file")
    return out


def _keep_others(out: Path, made: Path, ours: set[str]) -> None:
    """The user's other files in the new folder as well: links to the same ones, or copies."""
    shutil.copytree(
        out,
        made,
        symlinks=True,
        dirs_exist_ok=True,
        copy_function=_link,
        ignore=lambda folder, names: ours & set(names) if Path(folder) == out else set(),
    )


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target, follow_symlinks=False)


def _save_latecomers(old: Path, new: Path, ours: set[str]) -> None:
    """Move what appeared in the old folder while the new one was made."""
    for name in set(os.listdir(old)) - set(os.listdir(new)) - ours:
        (old / name).rename(new / name)
