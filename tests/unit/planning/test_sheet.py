"""The planning sheet: saved and loaded again, and clear about files that it cannot read."""

import json

import pytest

from fmlab.planning import FIELDS, read_sheet, write_sheet


def test_a_sheet_survives_being_saved():
    answers = {name: f'{name}: µ 😀\n"quoted"' for name, *_ in FIELDS}
    assert read_sheet(write_sheet(answers)) == answers
    assert read_sheet(write_sheet({})) == dict.fromkeys(answers, "")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "planning sheet that this page saved"),
        ({"version": 2}, "version must be 1"),
        ({"version": True}, "version must be 1"),
        ({"answers": []}, "answers must be in the file"),
        ({"answers": {"color": "red"}}, "field must be one of"),
        ({"answers": {"role": 3}}, "role must be a text"),
        ({"answers": {"role": "x" * 2001}}, "at most 2000 characters"),
    ],
)
def test_a_bad_file_says_what_is_wrong(changes, message):
    content = json.loads(write_sheet({})) | changes
    with pytest.raises(ValueError, match=message):
        read_sheet(json.dumps(content))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 200_000])
def test_other_files_are_not_sheets(text):
    with pytest.raises(ValueError, match="file must be a planning sheet"):
        read_sheet(text)
