"""Folders written whole or not at all: kills, writers side by side, and the user's own files."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import writer_check

from jaxsym import _files
from jaxsym._folders import check_folder, write_folder

KILLS = int(os.environ.get("JAXSYM_KILLS", "12"))  # the soak benchmark asks for more


def writers(text: str = "new", names=("a.txt", "b.txt")):
    return {name: lambda path: path.write_text(text) for name in names}


def content(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(params=["one step", "two renames"])
def exchange(request, monkeypatch):
    """Both ways to put a folder in another's place."""
    if request.param == "two renames":
        monkeypatch.setattr(_files, "_rename", lambda made, path, flag: False)


def killed(out: Path, *options: str) -> None:
    """Let a process write reports into ``out`` and kill it, mostly while it writes."""
    command = [sys.executable, writer_check.__file__, str(out), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline()
    time.sleep(random.uniform(0.0, 0.03))
    process.kill()
    process.communicate()


def check_whole(out: Path) -> None:
    files = content(out)
    assert files.pop("notes.txt") == "mine" and files.pop("more/data.txt") == "mine too"
    assert sorted(files) == sorted(writer_check.NAMES)
    (text,) = set(files.values())
    assert text == text[:9] * writer_check.SIZE


@pytest.mark.parametrize("options", [(), ("two",)], ids=["one step", "two renames"])
def test_kills_never_leave_old_and_new_mixed_nor_anything_else(options, tmp_path):
    out = tmp_path / "report"
    (out / "more").mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    (out / "more" / "data.txt").write_text("mine too")
    writer_check.write(out, 0)
    met = 0
    for _ in range(KILLS):
        killed(out, *options)
        if not options:
            check_whole(out)
        met += len(os.listdir(tmp_path)) > 1
        check_folder(out, force=True)
        assert os.listdir(tmp_path) == ["report"]
        check_whole(out)
    assert met > 0, "no kill fell into the writing of a report"


def test_a_killed_exchange_by_two_renames_is_undone(tmp_path):
    """The folder is away for a moment; the next start brings it back, with the user's files."""
    place = tmp_path / ".jaxsym-abc.partial"
    (place / "old").mkdir(parents=True)
    (place / "old" / "notes.txt").write_text("mine")
    (place / "name").write_text("report")
    with pytest.raises(FileExistsError, match="--force replaces"):
        check_folder(tmp_path / "report")
    assert content(tmp_path) == {"report/notes.txt": "mine"}


def test_what_a_living_process_makes_is_left_alone(tmp_path):
    with _files.staging(tmp_path) as place:
        (place / "made").write_text("half")
        check_folder(tmp_path / "report")
        assert (place / "made").read_text() == "half"
    assert os.listdir(tmp_path) == []


def test_a_folder_that_appears_meanwhile_is_not_overwritten(exchange, tmp_path):
    out = tmp_path / "report"

    def appear(path):
        out.mkdir()
        path.write_text("new")

    with pytest.raises(FileExistsError, match="report exists now; it appeared while"):
        write_folder({"a.txt": appear}, out)
    assert content(out) == {} and os.listdir(tmp_path) == ["report"]


def test_of_writers_side_by_side_one_wins(exchange, tmp_path):
    """All have made their files when the first one puts its own in place."""
    out, ready, ends = tmp_path / "report", threading.Barrier(4), []

    def run(name):
        def write(path):
            path.write_text(name)
            ready.wait(timeout=30)

        try:
            write_folder({"a.txt": write}, out)
            ends.append(name)
        except FileExistsError:
            ends.append(None)

    threads = [threading.Thread(target=run, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [name for name in ends if name is not None]
    assert len(ends) == 4 and content(tmp_path) == {"report/a.txt": winner}


def test_force_keeps_all_that_is_the_users_own(exchange, tmp_path):
    out = tmp_path / "report"
    (out / "deep" / "er").mkdir(parents=True)
    (out / "deep" / "er" / "a.txt").write_text("mine")  # the name of a report's file, elsewhere
    (out / "b.txt").write_text("old")
    (out / "dangling").symlink_to("nowhere")
    (out / "large.bin").write_text("0" * 1000)
    same = (out / "large.bin").stat().st_ino
    os.chmod(out, 0o750)

    def write_late(path):
        path.write_text("new")

    write_folder(writers() | {"b.txt": write_late}, out, force=True)
    expected = {"deep/er/a.txt": "mine", "a.txt": "new", "b.txt": "new", "large.bin": "0" * 1000}
    assert content(out) == expected and (out / "dangling").is_symlink()
    assert (out / "large.bin").stat().st_ino == same, "large files are linked and not copied"
    assert out.stat().st_mode & 0o777 == 0o750
    assert os.listdir(tmp_path) == ["report"]


def test_files_that_appear_during_the_exchange_are_kept(tmp_path, monkeypatch):
    out = tmp_path / "report"
    write_folder(writers("old"), out)
    exchange = _files.exchange_folders

    def late(made, path):
        (path / "late.txt").write_text("mine")
        exchange(made, path)

    monkeypatch.setattr("jaxsym._folders.exchange_folders", late)
    write_folder(writers(), out, force=True)
    assert content(out) == {"a.txt": "new", "b.txt": "new", "late.txt": "mine"}


def test_copies_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "report"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    write_folder(writers(), out, force=True)
    assert content(out) == {"a.txt": "new", "b.txt": "new", "notes.txt": "mine"}


@pytest.mark.parametrize("failure", [OSError("No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there(failure, exchange, tmp_path):
    def fail(path):
        path.write_text("half")
        raise failure

    out = tmp_path / "report"
    write_folder(writers("old"), out)
    for there in (out, tmp_path / "new"):
        with pytest.raises(type(failure)):
            write_folder({"a.txt": fail}, there, force=True)
    assert content(tmp_path) == {"report/a.txt": "old", "report/b.txt": "old"}


def test_names_are_checked_before_the_work(tmp_path, monkeypatch):
    long = tmp_path / ("n" * 250)
    write_folder(writers(), check_folder(long))
    assert len(content(long)) == 2
    with pytest.raises(OSError, match="name of 256 bytes; expected at most 255"):
        check_folder(tmp_path / ("ä" * 128))
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError, match="link is a symbolic link to nowhere"):
        check_folder(tmp_path / "link")
    (long / "figure.png").mkdir()
    with pytest.raises(IsADirectoryError, match="figure.png is a folder"):
        check_folder(long, force=True, files=("figure.png",))
    monkeypatch.chdir(long)
    with pytest.raises(OSError, match="holds the working directory"):
        check_folder(".", force=True)


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_folder(writers(), tmp_path / "link", force=True)
    assert (tmp_path / "link").is_symlink()
    assert content(tmp_path / "real") == {"a.txt": "new", "b.txt": "new"}
