"""The record of a checkpoint: whatever is not what was written is one ValueError."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsym.training.record import RECORD, Record, differences, read_record, write_record

RECORD_HERE = Record(
    {"model": {"hidden": 8}, "rate": float("nan"), "limit": float("inf")},
    {".params['w']": "float32[3,4]"},
    {"default/manifest.ocdbt": "ab" * 32},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoint")


def read(folder, text):
    content = text if isinstance(text, bytes) else text.encode()
    (folder / RECORD).write_bytes(content)
    return read_record(folder)


def test_round_trip(folder):
    write_record(folder, RECORD_HERE)
    back = read_record(folder)
    assert back._replace(config={}) == RECORD_HERE._replace(config={})
    assert differences(back.config, RECORD_HERE.config) == []


def test_every_changed_byte_is_noticed(folder):
    write_record(folder, RECORD_HERE)
    whole = (folder / RECORD).read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        try:
            back = read(folder, bytes(changed))
        except ValueError:
            continue
        assert differences(back._asdict(), RECORD_HERE._asdict()) == []  # white space


def test_a_record_from_before_digests_is_read(folder):
    content = RECORD_HERE._asdict()
    assert read(folder, json.dumps(content)).files == RECORD_HERE.files


@pytest.mark.parametrize("field", Record._fields)
@pytest.mark.parametrize("value", [None, 7, [], {}, "text", {"a": 1}, {"a": None}, [["a", "b"]]])
def test_entries_of_other_types_are_refused(field, value, folder):
    if field == "config" and isinstance(value, dict):
        value = [value]
    with pytest.raises(ValueError, match=f"jaxsym.json has no (object|table).*{field}"):
        read(folder, json.dumps(RECORD_HERE._asdict() | {field: value}))


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "[" * 100_000, '{"config":' * 50_000, "\ufeff{}", b"\xff\xfe"]
)
def test_other_texts_are_refused(text, folder):
    with pytest.raises(ValueError):
        read(folder, text)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from([*Record._fields, "digest", "more"]), JSON))
def test_any_json_is_a_record_or_a_value_error(folder, content):
    try:
        record = read(folder, json.dumps(content))
    except ValueError as error:
        assert "\n" not in str(error).split(": ")[0]
        return
    assert isinstance(record.config, dict)
    for table in (record.arrays, record.files):
        assert table and all(isinstance(value, str) for value in table.values())
