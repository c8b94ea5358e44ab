"""One file written whole or not at all."""

from __future__ import annotations

import os

import pytest

from jaxsym import _files
from jaxsym._files import check_file, write_file


def full_disk(path):
    path.write_text("half of")
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("replace", [False, True])
def test_a_full_disk_leaves_what_was_there_and_the_retry_works(replace, tmp_path):
    path = tmp_path / "run.csv"
    if replace:
        path.write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_file(path, full_disk, replace=replace)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"] * replace
    write_file(path, lambda made: made.write_text("new"), replace=replace)
    assert [p.name for p in tmp_path.iterdir()] == ["run.csv"] and path.read_text() == "new"


@pytest.mark.parametrize("kernel", [True, False])
def test_a_file_that_appears_meanwhile_is_kept(kernel, tmp_path, monkeypatch):
    if not kernel:
        monkeypatch.setattr(_files, "_rename", lambda made, path, flag: False)
    path = tmp_path / "run.csv"

    def late(made):
        made.write_text("new")
        path.write_text("mine")

    with pytest.raises(FileExistsError, match="appeared while this was written"):
        write_file(path, late)
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["run.csv"]


def test_what_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "there").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name, error in {
        "there": FileExistsError,
        "there/file": NotADirectoryError,
        "folder": IsADirectoryError,
        "link": FileNotFoundError,
        "n" * 256: OSError,
    }.items():
        with pytest.raises(error):
            check_file(tmp_path / name)
    assert check_file(tmp_path / "there", replace=True) == tmp_path / "there"
    (tmp_path / "real").symlink_to("there")
    assert check_file(tmp_path / "real", replace=True) == tmp_path / "there"


def test_leftovers_that_are_no_folders_or_links_elsewhere_are_not_touched(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / ".jaxsym-a.partial").symlink_to("mine")
    (tmp_path / ".jaxsym-b.partial").write_text("a file")
    check_file(tmp_path / "new")
    assert len(os.listdir(tmp_path)) == 3


def test_without_locks_of_the_kernel_nothing_is_taken_for_left_over(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "fcntl", None)
    (tmp_path / ".jaxsym-a.partial").mkdir()
    write_file(tmp_path / "new", lambda made: made.write_text("1"))
    assert sorted(os.listdir(tmp_path)) == [".jaxsym-a.partial", "new"]
