"""The reader of tables: how people write them, and what is refused with its place."""

from __future__ import annotations

import io
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pytest

from jaxsym.datasets import load, load_mechanical, parquet, read_columns

X, Y = [0.5, -1.25, 3e-7], [2.0, 4.0, 8.0]


def written(tmp_path, text, name="table.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


COMMA = "x,y\n0.5,2\n-1.25,4\n3e-7,8\n"
LAYOUTS = {
    "commas": COMMA,
    "spaces after commas": COMMA.replace(",", " ,  "),
    "semicolons": COMMA.replace(",", ";"),
    "tabs": COMMA.replace(",", "\t"),
    "bars": COMMA.replace(",", " | "),
    "white space": COMMA.replace(",", "   "),
    "decimal commas": COMMA.replace(",", ";").replace(".", ","),
    "decimal commas and tabs": COMMA.replace(",", "\t").replace(".", ","),
    "comments": "# made by hand\n\n" + COMMA.replace("-1.25", "# a note, with commas\n-1.25"),
    "names in a comment": "# about\n# " + COMMA,
    "quotes": '"x","y"\n"0.5","2"\n-1.25,"4"\n3e-7,8\n',
    "Windows' line ends": COMMA.replace("\n", "\r\n"),
    "old line ends": COMMA.replace("\n", "\r"),
    "no line end at the end": COMMA.rstrip(),
    "empty lines": COMMA.replace("\n", "\n\n"),
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_layouts(text, encoding, tmp_path):
    table = read_columns(written(tmp_path, text, encoding=encoding))
    assert table.frame.to_dict("list") == {"x": X, "y": Y}
    assert table.faults == {} and (len(table.notes) == 1) == ("decimal" in (table.notes or [""])[0])


def test_decimal_commas_are_told(tmp_path):
    table = read_columns(written(tmp_path, LAYOUTS["decimal commas"]))
    assert table.notes == ("commas are read as decimal signs in x",)


def test_latin_1_and_units_in_the_header(tmp_path):
    text = "Höhe (m);Kraft [N];Dämpfung\n1,5;2;3\n"
    for encoding in ("latin-1", "utf-8"):
        table = read_columns(written(tmp_path, text, encoding=encoding))
        assert list(table.frame) == ["Höhe", "Kraft", "Dämpfung"]
        assert table.units == {"Höhe": "m", "Kraft": "N"}
    assert table.find("Kraft [N]") == table.find("Kraft") == "Kraft"


def test_numbers_are_read_to_the_last_bit(tmp_path):
    powers = 10.0 ** np.arange(-250, 250)[:, None]
    values = np.random.default_rng(0).normal(size=(500, 2)) * powers
    pd.DataFrame(values, columns=["a", "b"]).to_csv(tmp_path / "t.csv", index=False)
    np.testing.assert_array_equal(read_columns(tmp_path / "t.csv").frame, values)


def test_columns_of_text_are_left_out_and_faults_are_told_where_they_matter(tmp_path):
    rows = [f"{i},run {i},{i if i != 30_000 else 'far'},{i}" for i in range(60_000)]
    table = read_columns(written(tmp_path, "\n".join(["a,note,b,c", *rows])))
    assert table.texts == ("note",) and list(table.frame) == ["a", "c"]
    assert table.numbers(["a", "c"]).shape == (60_000, 2)
    fault = r"column 'b' holds far in row 30001 \(line 30002\); expected a number"
    for names in (None, ["a", "b"]):
        with pytest.raises(ValueError, match=fault):
            table.numbers(names)
    with pytest.raises(ValueError, match="column 'note' holds run 0 in row 1"):
        table.numbers(["note"])


def test_columns_without_a_name_are_left_out_with_a_note(tmp_path):
    frame = pd.DataFrame({"x": X, "y": Y})
    frame.to_csv(tmp_path / "index.csv")
    table = read_columns(tmp_path / "index.csv")
    assert table.frame.to_dict("list") == {"x": X, "y": Y}
    assert table.notes == ("1 columns without a name are left out",)


def test_missing_entries(tmp_path):
    table = read_columns(written(tmp_path, "x;y\n1,5;NA\n;2\nnan;3\n"))
    np.testing.assert_array_equal(table.frame["x"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(table.frame["y"], [np.nan, 2, 3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "m,a,F\n1,2,2,\n2,3,6,\n",
            "line 2 has 4 fields; the header has 3 names: .* no ',' at the",
        ),
        ("m,a,F\n1,2,2\n2,3,6,9\n", "line 3 has 4 fields; the header has 3 names$"),
        ("m,a,F\n1,2,2\n# 1\n\n2,3\n", "line 5 has 2 fields"),
        ("m,F,m\n1,2,3\n", "two columns have the name 'm': 1 and 3"),
        ("m (kg),m [kg]\n1,2\n" * 2, "column 'm .kg.' holds m"),
        ("m,m \n1,2\n", "two columns have the name 'm': 1 and 2"),
        ("1,2\n3,4\n", r"line 1 holds numbers \(1,2\); expected a line above it with the names"),
        (f"{'n' * 201},y\n1,2\n", "the name of column 1, 'n+...', is longer than 200"),
        ("x,y\n1,2\n1_0,3\n", "column 'x' holds 1_0 in row 2"),
        ("x;y\n0.5;1\n1,5;2\n", "column 'x' holds 1,5 in row 2"),
        ('x,y\n1,"2\n3,4\n', "not a table in text"),
        ("x,y\n1,2\x00\n", "not a table in text: it holds characters"),
        ("x,y\n", "no rows"),
        ("# nothing\n", "not a table in text: it is empty"),
        (b"\xff\xfex\x00,\x00y\x00\n", "not a table in text"),
    ],
)
def test_refusals_name_the_place(text, message, tmp_path):
    with pytest.raises(ValueError, match=f"table.csv: .*{message}|{message}") as caught:
        read_columns(written(tmp_path, text)).numbers()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def npz(tmp_path, members: dict[str, bytes], compress=zipfile.ZIP_DEFLATED, name="a.npz"):
    with zipfile.ZipFile(tmp_path / name, "w", compress) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return tmp_path / name


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **options)
    return file.getvalue()


def claims(shape, content=b""):
    """An array that claims to be larger than it is."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"x": b"text"}, "its member 'x' is no array"),
        ({"x.npy": b"text"}, "not an .npz archive of arrays, or cut short or damaged"),
        ({"x.npy": claims((10**12,))}, "declares the shape .* and holds 0 bytes"),
        ({"x.npy": claims((-1,), bytes(8))}, "declares the shape"),
        ({"x.npy": npy([None], allow_pickle=True)}, "holds Python objects"),
        ({"x.npy": npy([1j])}, "of type complex128; expected numbers or text"),
        ({"x.npy": npy(np.zeros(3, "V0"))}, "of type .*; expected numbers or text"),
        ({"x.npy": npy(np.zeros(3, [("a", "f8")]))}, "of type .*; expected numbers or text"),
        ({"x.npy": npy(np.zeros((2, 2)))}, "arrays are of shapes"),
        ({f"{'n' * 300}.npy": npy([1.0])}, "longer than 200 characters"),
        ({}, "arrays are of shapes"),
    ],
)
def test_archives_that_are_not_arrays(members, message, tmp_path):
    with pytest.raises(ValueError, match=f"a.npz: .*{message}") as caught:
        read_columns(npz(tmp_path, members))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_an_array_that_is_there_twice(tmp_path):
    path = npz(tmp_path, {"x.npy": npy([1.0])})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x.npy", npy([2.0]))
    with pytest.raises(ValueError, match="the array 'x' is there twice, at 1 and 2"):
        read_columns(path)


def peak(action) -> int:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_small_files_do_not_take_much_memory(tmp_path):
    zeros = npz(tmp_path, {"x.npy": claims((10**7,), bytes(8 * 10**7))})
    assert zeros.stat().st_size < 10**5
    wide = written(tmp_path, "q1,qd1,q999999999\n1,2,3\n", "wide.csv")
    late = written(tmp_path, f"time,body,x,y\n0,a,1,{'9' * 10**6}\n", "late.csv")
    assert peak(lambda: read_columns(zeros)) < 10**7
    for load_one in (read_columns, load):
        assert peak(lambda load_one=load_one: load_one(zeros)) < 10**7
    assert peak(lambda: load_mechanical(wide)) < 10**7
    assert peak(lambda: load(late)) < 5 * 10**7
    with pytest.raises(ValueError, match="declares 80 MB of arrays in a file of 0.1 MB"):
        read_columns(zeros)
    with pytest.raises(ValueError, match="unknown column 'q999999999'"):
        load_mechanical(wide)


def test_parquet_types(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "half": np.array([0.5, 1.5], np.float16),
            "whole": np.array([1, 2], np.int8),
            "truth": [True, False],
            "words": ["1.5", "2.5"],
            "kind": pd.Categorical(["3", "4"]),
            "day": pd.to_datetime(["2020-01-01", "2020-01-02"]),
            "note": ["a", "b"],
        },
        index=pd.Index([7, 8]),
    )
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_columns(tmp_path / "t.parquet")
    assert table.texts == ("day", "note") and "timestamp" in table.faults["day"]
    assert set(table.frame.dtypes.astype(str)) == {"float64"}
    expected = {"half": [0.5, 1.5], "whole": [1, 2], "truth": [1, 0], "words": [1.5, 2.5]}
    assert table.frame.to_dict("list") == expected | {"kind": [3, 4]}
    assert table.notes == ("the index is left out",)


def test_parquet_that_declares_too_much(tmp_path, monkeypatch):
    arrow, lib = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet, "_LARGEST", 2**22)
    column = arrow.DictionaryArray.from_arrays(arrow.array(np.zeros(10**6, np.int32)), [1.0])
    lib.write_table(arrow.table({"x": column}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 10**4
    with pytest.raises(ValueError, match="declares 1000000 rows of 1 columns, 8 MB; expected at"):
        read_columns(tmp_path / "t.parquet")
