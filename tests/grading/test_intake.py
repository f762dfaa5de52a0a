"""Properties of fmlab_grading.intake: every file is taken in, or reported with a reason."""

import os
import time
import unicodedata
import warnings
import zipfile
from datetime import UTC, datetime
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from fmlab_grading import __main__ as command_line
from fmlab_grading import intake
from fmlab_grading.intake import LITTER, take_in

JOSE = "Jose\u0301"  # with the accent as a letter of its own, as macOS writes it
LATER, EARLIER = (2026, 3, 2, 12, 0, 0), (2026, 3, 1, 12, 0, 0)


def zipped(path, files):
    """Write a zip file of names with contents, or with (content, time)."""
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two entries with one name
        for name, content in files if isinstance(files, list) else files.items():
            data, when = content if isinstance(content, tuple) else (content, LATER)
            archive.writestr(zipfile.ZipInfo(name, when), data)
    return path


def unpacked(folder, files):
    """Write a folder of names with contents, or with (content, time)."""
    for name, content in files.items():
        data, when = content if isinstance(content, tuple) else (content, LATER)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data)
        seconds = datetime(*when).astimezone().timestamp()
        os.utime(path, (seconds, seconds))
    return folder


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    """A function that makes a folder or a zip file of submissions."""

    def make(files):
        if request.param == "zip":
            return zipped(tmp_path / "download.zip", files)
        return unpacked(tmp_path / "download", files)

    return make


@pytest.fixture
def taken(tmp_path):
    """A function that takes in submissions, and checks that nothing is lost or half done."""

    def take(source, **options):
        submitted = tmp_path / "submitted"
        result = take_in(source, submitted, "hw", "hw.ipynb", **options)
        for student in result.taken:
            files = sorted(path.name for path in (submitted / student / "hw").iterdir())
            assert files == ["hw.ipynb", "timestamp.txt"]
        assert sorted(path.name for path in submitted.glob("*")) == sorted(result.taken)
        return result

    return take


def text_of(tmp_path, student, name="hw.ipynb"):
    return (tmp_path / "submitted" / student / "hw" / name).read_text()


def test_each_file_is_taken_in_or_reported(source, taken, tmp_path):
    files = {"ada_1_hw.ipynb": "A", "bob.ipynb": "B", "readme.txt": "", "more/eve.zip": ""}
    result = taken(source(files))
    assert result.taken == {"ada": "ada_1_hw.ipynb", "bob": "bob.ipynb"}
    assert result.left_out == {
        "readme.txt": "not a notebook",
        "more/eve.zip": "a zip file in the submissions: unpack it first",
    }
    assert {row[0] for row in result.rows()} == set(files)
    assert text_of(tmp_path, "ada") == "A"
    assert text_of(tmp_path, "bob", "timestamp.txt").endswith(" UTC")


@pytest.mark.parametrize(
    "litter",
    [
        "__MACOSX/._ada_hw.ipynb",
        "__MACOSX/week/._bob_hw.ipynb",
        "._ada_hw.ipynb",
        ".ipynb_checkpoints/ada_hw-checkpoint.ipynb",
        "more/.ipynb_checkpoints/ada_hw-checkpoint.ipynb",
        ".DS_Store",
        ".hidden/ada_hw.ipynb",
    ],
)
def test_files_of_macos_and_jupyter_are_nobodys_submission(source, taken, litter):
    result = taken(source({"ada_hw.ipynb": "A", litter: "x"}))
    assert result.taken == {"ada": "ada_hw.ipynb"}
    assert result.left_out == {litter: LITTER}
    assert not result.needs_attention


@pytest.mark.parametrize(
    ("files", "students"),
    [
        (["submissions/ada_hw.ipynb"], ["ada"]),
        (["submissions/ada_hw.ipynb", "submissions/bob_hw.ipynb"], ["ada", "bob"]),
        (["a/b/ada_hw.ipynb", "a/b/bob_hw.ipynb", "__MACOSX/a/._x"], ["ada", "bob"]),
        (["ada_12_assignsubmission_file_/hw.ipynb"], ["ada"]),
        (["all/ada_12_assignsubmission_file_/hw.ipynb"], ["ada"]),
        (["all/ada_1_assignsubmission_file_/x.ipynb", "all/b_2_assignsubmission_file_/x.ipynb"],
         ["ada", "b"]),
        (["ada/hw.ipynb", "bob/hw.ipynb"], ["ada", "bob"]),
    ],
)  # fmt: skip
def test_folders_around_all_notebooks_are_not_students(source, taken, files, students):
    assert sorted(taken(source(dict.fromkeys(files, "x"))).taken) == students


@pytest.mark.parametrize(
    "name",
    ["O'Neil", "Neil, Pat", JOSE, "Ada-Lovelace", "Kim [2]", "Zoë (b)", "Nguyễn Văn", "李雷",
     "-kim", "ada@school.edu", "a+b", "N. N.", "Müller"],
)  # fmt: skip
def test_any_name_that_people_have_is_taken_in(source, taken, name):
    result = taken(source({f"{name}_12_hw.ipynb": "x", "bob_1.ipynb": "x"}))
    assert sorted(result.taken) == sorted(["bob", unicodedata.normalize("NFC", name)])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("__", "does not find"),
        (" _hw", "it is empty"),
        ("=1+1_hw", "spreadsheet"),
        ("@SUM(A1)_hw", "spreadsheet"),
        ("-1+cmd|' C'!A0_hw", "spreadsheet"),
        ("a\x1b[2J_hw", "cannot be seen"),
        ("a\u202eb_hw", "cannot be seen"),
        ("x" * 120 + "_hw", "longer"),
    ],
)
def test_name_that_cannot_be_an_id_stops_nobody_else(source, taken, name, reason):
    result = taken(source({f"{name}.ipynb": "x", "bob_1.ipynb": "x"}))
    assert list(result.taken) == ["bob"]
    ((_, why),) = result.needs_attention.items()
    assert reason in why


@pytest.mark.parametrize(
    "name", ["ada_hw.IPYNB", "ada_hw.Ipynb", "ada.ipynb.json", "ada.ipynb.txt"]
)
def test_endings_that_browsers_and_windows_write(source, taken, name):
    assert taken(source({name: "x"})).taken == {"ada": name}


def test_of_several_attempts_the_latest_counts_and_the_others_are_reported(source, taken, tmp_path):
    files = {"ada_2_hw.ipynb": ("late", LATER), "ada_1_hw.ipynb": ("early", EARLIER)}
    result = taken(source(files | {"bob.ipynb": "B"}))
    assert result.taken == {"ada": "ada_2_hw.ipynb", "bob": "bob.ipynb"}
    assert "earlier attempt of ada" in result.left_out["ada_1_hw.ipynb"]
    assert result.notes["ada_2_hw.ipynb"] == "the latest of 2 attempts"
    assert text_of(tmp_path, "ada") == "late"


SCRATCH = "ada_9_scratch.ipynb"


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("ada/hw.ipynb", "ada/scratch.ipynb"),
        ("ada_1_hw.ipynb", SCRATCH),
        ("ada/hw (2).ipynb", "ada/Untitled.ipynb"),
        ("ada/my_hw_final.IPYNB", "ada/hwx.ipynb"),
        ("Ada_1_assignsubmission_file_/hw.ipynb", "Ada_1_assignsubmission_file_/notes-2.ipynb"),
        ("ada/hw/hw.ipynb", "ada/hw/data/explore.ipynb"),
    ],
)
def test_file_with_the_name_of_the_assignment_counts_before_a_later_one(
    source, taken, tmp_path, own, other
):
    files = {own: ("answer", EARLIER), other: ("no answer", LATER), "bob/hw.ipynb": "B"}
    result = taken(source(files))
    (student,) = set(result.taken) - {"bob"}
    assert result.taken[student] == own
    assert text_of(tmp_path, student) == "answer"
    assert "check that it is right" in result.notes[own]
    assert f"{student} also handed in {own}, which counts" in result.needs_attention[other]


def test_earlier_file_with_another_name_needs_no_attention(source, taken):
    files = {"ada/hw.ipynb": ("answer", LATER), "ada/scratch.ipynb": ("", EARLIER)}
    result = taken(source(files | {"bob/hw.ipynb": "B"}))
    assert not result.needs_attention
    assert "an earlier attempt of ada" in result.left_out["ada/scratch.ipynb"]


def test_of_files_with_other_names_the_latest_counts_and_the_instructor_is_asked(source, taken):
    files = {"ada/draft.ipynb": ("a", LATER), "ada/answer.ipynb": ("b", EARLIER)}
    result = taken(source(files | {"bob/hw.ipynb": "B"}))
    assert result.taken["ada"] == "ada/draft.ipynb"
    assert list(result.needs_attention) == ["ada/answer.ipynb"]
    assert "2 files with different names" in result.notes["ada/draft.ipynb"]


def test_damaged_file_with_the_name_of_the_assignment_leaves_the_other_one(taken, tmp_path):
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("ada/hw.ipynb", LATER), "marked " * 9)
        archive.writestr(zipfile.ZipInfo("ada/answer.ipynb", EARLIER), "an answer")
        archive.writestr("bob/hw.ipynb", "B")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"marked marked", b"marked Marked", 1))
    result = taken(path)
    assert result.taken["ada"] == "ada/answer.ipynb"
    assert "cannot be read" in result.left_out["ada/hw.ipynb"]


@pytest.mark.parametrize(
    "files",
    [
        ["ada/hw.ipynb"],
        ["ada/hw.ipynb", "ada/scratch.ipynb"],
        ["ada/HW (1).ipynb"],
        ["submissions/ada/hw.ipynb"],
        ["ada/hw/hw.ipynb"],
        ["submitted/ada/hw/hw.ipynb"],
        ["submitted/ada/hw/hw.ipynb", "submitted/ada/hw/more.ipynb"],
        ["course/submitted/ada/hw/hw-2.ipynb"],
    ],
)
def test_folder_of_a_single_student_is_the_student(source, taken, files):
    contents = {file: (file, EARLIER if i else LATER) for i, file in enumerate(files)}
    assert taken(source(contents)).taken == {"ada": files[0]}


@pytest.mark.parametrize("file", ["ada/answer.ipynb", "ada/my_answer.ipynb", "x/ada/answer.ipynb"])
def test_student_of_a_single_file_is_asked_about_if_it_could_be_two(source, taken, file):
    found = "my" if "my" in file else "answer"
    result = taken(source({file: "x"}))
    assert not result.taken
    reason = result.needs_attention[file]
    assert f"it could be of {found!r} or of 'ada': say which with --who" in reason
    assert taken(source({file: "x"}), who={found: "ada"}).taken == {"ada": file}


def test_with_a_roster_a_folder_or_a_name_of_it_is_the_student(source, taken):
    archive = source({"ada/answer.ipynb": "x"})
    assert taken(archive, roster=["ada", "bob"]).taken == {"ada": "ada/answer.ipynb"}


@pytest.mark.parametrize("file", ["hw.ipynb", "submissions/hw.ipynb", "hw (3).ipynb"])
def test_path_that_names_the_assignment_only_is_nobodys(source, taken, file):
    result = taken(source({file: "x"}))
    assert not result.taken
    assert "does not name a student" in result.needs_attention[file]


def test_people_of_one_name_are_not_taken_for_one(source, taken):
    folders = [f"Ann Lee_{number}_assignsubmission_file_" for number in (111, 222)]
    files = [*(f"{folder}/hw.ipynb" for folder in folders), "Bob_3_assignsubmission_file_/x.ipynb"]
    archive = source(dict.fromkeys(files, "x"))
    result = taken(archive)
    assert list(result.taken) == ["Bob"]
    assert sorted(result.needs_attention) == files[:2]
    assert "several people are called 'Ann Lee'" in result.left_out[files[0]]


def test_people_of_one_name_can_be_told_apart_by_number(source, taken):
    files = [f"Ann Lee_{number}_assignsubmission_file_/hw.ipynb" for number in (111, 222)]
    result = taken(source(dict.fromkeys(files, "x")), pattern=r"_(\d+)_assign")
    assert result.taken == {"111": files[0], "222": files[1]}


def test_attempts_of_one_moment_are_numbered(source, taken, tmp_path):
    files = {f"ada_1_hw{end}.ipynb": end or "first" for end in ("", "-1", "-2", "-10")}
    taken(source(files))
    assert text_of(tmp_path, "ada") == "-10"


def test_two_entries_of_one_name_are_two_attempts(taken, tmp_path):
    files = [("ada.ipynb", ("old", EARLIER)), ("ada.ipynb", ("new", LATER))]
    result = taken(zipped(tmp_path / "download.zip", files))
    assert text_of(tmp_path, "ada") == "new"
    assert list(result.rows()) == [
        ("ada.ipynb (2 of 2 of this name)", "ada", "the latest of 2 attempts"),
        (
            "ada.ipynb (1 of 2 of this name)",
            "",
            "left out: an earlier attempt of ada: ada.ipynb (2 of 2 of this name) counts",
        ),
    ]


REPEATED = {
    "three notebooks": ["ada.ipynb"] * 3,
    "what is no notebook": ["notes.txt", "notes.txt", "ada.ipynb"],
    "what is nobody's": ["__.ipynb", "__.ipynb", "ada.ipynb"],
    "litter": ["__MACOSX/._x", "__MACOSX/._x", "ada.ipynb"],
    "slashes of both kinds": ["x/ada.ipynb", "x\\ada.ipynb", "x/bob.ipynb"],
    "spellings of a letter": [f"{JOSE}.ipynb", f"{unicodedata.normalize('NFC', JOSE)}.ipynb"],
    "several times": ["a.ipynb", "b.ipynb", "a.ipynb", "b.ipynb", "b.ipynb"],
}


@pytest.mark.parametrize("name", REPEATED)
def test_each_of_several_entries_of_one_name_has_a_line_of_its_own(taken, tmp_path, name):
    contents = [
        (file, (str(i), (2026, 3, 1 + i, 12, 0, 0))) for i, file in enumerate(REPEATED[name])
    ]
    result = taken(zipped(tmp_path / "download.zip", contents))
    lines = [file for file, _, _ in result.rows()]
    assert len(lines) == len(set(lines)) == len(contents)
    assert len(result.taken) + len(result.left_out) == len(contents)


def test_damaged_entries_of_one_name_are_each_reported(taken, tmp_path):
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for day in (1, 2, 3):
            text = "the last" if day == 1 else f"marked {day} " * 9
            archive.writestr(zipfile.ZipInfo("ada.ipynb", (2026, 3, day, 12, 0, 0)), text)
    data = path.read_bytes()
    for day in (2, 3):
        data = data.replace(f"marked {day} marked".encode(), f"marked {day} Marked".encode(), 1)
    path.write_bytes(data)
    result = taken(path)
    assert text_of(tmp_path, "ada") == "the last"
    assert result.taken == {"ada": "ada.ipynb (1 of 3 of this name)"}
    for number in (2, 3):
        assert "cannot be read" in result.left_out[f"ada.ipynb ({number} of 3 of this name)"]


@pytest.mark.parametrize("later", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["José", "Nguyễn Văn", "김철수", "Åsa Öberg"])
@pytest.mark.parametrize(
    "form", ["{}_1_hw.ipynb", "{}/hw.ipynb", "{}_12_assignsubmission_file_/hw.ipynb"]
)
def test_two_spellings_of_a_name_are_one_student(source, taken, tmp_path, form, name, later):
    """macOS writes an accent as a letter of its own (NFD), others do not (NFC)."""
    spellings = {
        form.format(unicodedata.normalize(spelling, name)): (
            spelling,
            LATER if spelling == later else EARLIER,
        )
        for spelling in ("NFC", "NFD")
    }
    assert len(spellings) == 2
    result = taken(source(spellings | {form.format("bob"): "x"}))
    assert sorted(result.taken) == sorted(["bob", name])
    assert text_of(tmp_path, name) == later
    assert len(list(result.rows())) == 3
    (reason,) = result.left_out.values()
    assert reason.startswith(f"an earlier attempt of {name}: ")


def test_spellings_in_the_roster_and_the_options_do_not_matter(source, taken):
    files = source({f"{JOSE}_1_hw.ipynb": "x", "Zoe\u0308_1_hw.ipynb": "y"})
    roster = ["José", "zoe"]
    result = taken(files, roster=roster, who={"Zoë": "zoe"})
    assert sorted(result.taken) == roster


def test_with_a_roster_nobody_else_is_taken_in(source, taken):
    files = ["ada_1.ipynb", "Bob_1.ipynb", "lovelaceada_12_34_quiz.ipynb", "nobody.ipynb"]
    result = taken(
        source(dict.fromkeys(files, "x")),
        roster=["ada", "bob", "eve"],
        who={"lovelaceada": "eve"},
    )
    assert result.taken == {"ada": files[0], "bob": files[1], "eve": files[2]}
    assert "no student 'nobody' in the roster; use --who" in result.left_out["nobody.ipynb"]


def test_ids_that_differ_in_capitals_only_are_not_guessed(source, taken):
    result = taken(source({"ADA_1.ipynb": "x", "ada_1.ipynb": "x"}), roster=["ada", "Ada"])
    assert result.taken == {"ada": "ada_1.ipynb"}
    assert "no student 'ADA'" in result.left_out["ADA_1.ipynb"]


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 12), ("Asia/Tokyo", 3), ("America/Lima", 17)])
def test_times_in_a_zip_file_are_local(taken, tmp_path, zone, hour):
    taken(zipped(tmp_path / "download.zip", {"ada.ipynb": "x"}), timezone=ZoneInfo(zone))
    assert text_of(tmp_path, "ada", "timestamp.txt") == f"2026-03-02 {hour:02}:00:00 UTC"


@pytest.fixture
def command(tmp_path):
    """A function that takes in a zip file made at a local time, by command; returns its time."""
    course = tmp_path / "course"
    for folder in ("source", "release"):
        (course / folder / "hw").mkdir(parents=True)
        (course / folder / "hw" / "hw.ipynb").write_text("{}")

    def run(when, *options):
        archive = zipped(tmp_path / "download.zip", {"ada.ipynb": ("x", when)})
        command_line.main(["take-in", str(archive), "--course", str(course), *options])
        return (course / "submitted" / "ada" / "hw" / "timestamp.txt").read_text()

    return run


@pytest.mark.parametrize(
    ("zone", "when", "utc"),
    [
        ("UTC", (2026, 7, 1, 12, 0, 0), "2026-07-01 12:00:00"),
        ("Europe/Berlin", (2026, 7, 1, 12, 0, 0), "2026-07-01 10:00:00"),
        ("Europe/Berlin", (2026, 1, 1, 0, 30, 0), "2025-12-31 23:30:00"),
        ("America/Los_Angeles", (2026, 7, 1, 23, 58, 0), "2026-07-02 06:58:00"),
        ("Asia/Kolkata", (2026, 3, 2, 12, 0, 0), "2026-03-02 06:30:00"),
        ("Europe/Berlin", (2026, 3, 29, 1, 58, 0), "2026-03-29 00:58:00"),
        ("Europe/Berlin", (2026, 3, 29, 3, 0, 0), "2026-03-29 01:00:00"),
        ("Europe/Berlin", (2026, 3, 29, 2, 30, 0), "2026-03-29 01:30:00"),  # does not exist
        ("Europe/Berlin", (2026, 10, 25, 2, 30, 0), "2026-10-25 00:30:00"),  # twice: the earlier
        ("Europe/Berlin", (2026, 10, 25, 3, 0, 0), "2026-10-25 02:00:00"),
    ],
)
def test_the_time_zone_of_a_zip_file_can_be_given(command, zone, when, utc):
    assert command(when, "--timezone", zone) == f"{utc} UTC"


@pytest.mark.parametrize(
    ("zone", "utc"),
    [("UTC0", "12:00"), ("Asia/Tokyo", "03:00"), ("Europe/Berlin", "10:00"), ("XYZ+3:30", "15:30")],
)
def test_without_a_time_zone_it_is_that_of_this_machine(command, monkeypatch, zone, utc):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert command((2026, 7, 1, 12, 0, 0)) == f"2026-07-01 {utc}:00 UTC"
        assert command((2026, 7, 1, 12, 0, 0), "--timezone", "Asia/Tokyo").endswith("03:00:00 UTC")
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("name", ["take-in", "grade"])
@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "Europe", "+01:00", "../../etc/passwd", "/etc/localtime", "x" * 999]
)
def test_time_zone_that_is_none_is_refused_before_anything_is_read(capsys, tmp_path, name, zone):
    with pytest.raises(SystemExit) as error:
        command_line.main([name, "in.zip", "--course", str(tmp_path), "--timezone", zone])
    assert error.value.code == 2
    assert "write a name such as Europe/Berlin or UTC; got" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seconds", [10**13, -(10**12)])
def test_time_that_is_no_date_stops_nobody(taken, tmp_path, seconds):
    """Some file systems keep such times; where this one does not, the test sees the nearest."""
    folder = unpacked(tmp_path / "in", {"ada.ipynb": "x", "bob.ipynb": "y"})
    os.utime(folder / "ada.ipynb", (seconds, seconds))
    assert sorted(taken(folder).taken) == ["ada", "bob"]


def test_times_of_files_are_this_machines(taken, tmp_path):
    taken(unpacked(tmp_path / "in", {"ada.ipynb": "x"}))
    when = datetime(*LATER).astimezone(UTC)
    assert text_of(tmp_path, "ada", "timestamp.txt") == f"{when:%Y-%m-%d %H:%M:%S} UTC"


# --- damaged and hostile zip files ----------------------------------------------------------------


def with_flag(path, flag):
    """Set a flag of all entries of a zip file, in both places where it is stored."""
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= flag
            at = data.find(mark, at + 4)
    path.write_bytes(data)
    return path


def test_encrypted_entries_are_reported(taken, tmp_path):
    path = with_flag(zipped(tmp_path / "download.zip", {"ada.ipynb": "x"}), 1)
    result = taken(path)
    assert result.left_out == {"ada.ipynb": "it cannot be read (it is encrypted)"}


def test_damaged_entry_leaves_an_earlier_attempt_and_everybody_else(taken, tmp_path):
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("ada_2.ipynb", LATER), "marked " * 9)
        archive.writestr(zipfile.ZipInfo("ada_1.ipynb", EARLIER), "early")
        archive.writestr("bob.ipynb", "B")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"marked marked", b"marked Marked", 1))
    result = taken(path)
    assert result.taken == {"ada": "ada_1.ipynb", "bob": "bob.ipynb"}
    assert "cannot be read" in result.left_out["ada_2.ipynb"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip file", b"\x1f\x8b\x08" * 99])
def test_file_that_is_no_zip_file_is_named(tmp_path, content):
    path = tmp_path / "download.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not a zip file that can be read"):
        take_in(path, tmp_path / "submitted", "hw", "hw.ipynb")


@pytest.mark.parametrize(
    "name", ["../evil.ipynb", "..\\evil.ipynb", "/etc/evil.ipynb", "a\nb.ipynb"]
)
def test_no_path_in_a_zip_file_escapes_the_course(name, tmp_path):
    archive = zipped(tmp_path / "download.zip", {name: "x"})
    result = take_in(archive, tmp_path / "deep" / "submitted", "hw", "hw.ipynb", r"^(.*)$")
    assert len(result.left_out) == 1
    assert not result.taken
    assert not list(tmp_path.rglob("*.ipynb"))


@pytest.mark.parametrize("path", ["C:\\ada_1_hw.ipynb", "d:\\ada\\hw.ipynb", "C:/ada/hw.ipynb"])
def test_drive_of_windows_is_not_a_student(taken, tmp_path, path):
    files = {path: "x", "bob_hw.ipynb": "x"}
    assert sorted(taken(zipped(tmp_path / "download.zip", files)).taken) == ["ada", "bob"]


def test_links_are_not_followed(taken, tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "ada.ipynb").symlink_to(tmp_path / "secret")
    link = zipfile.ZipInfo("eve.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(link, str(tmp_path / "secret"))
    assert "a link" in taken(tmp_path / "in").left_out["ada.ipynb"]
    assert "a link" in taken(tmp_path / "in.zip").left_out["eve.ipynb"]


def test_file_that_is_too_large_is_reported(source, taken, monkeypatch):
    monkeypatch.setattr(intake, "MAX_BYTES", 1 << 20)
    result = taken(source({"ada.ipynb": "x" * ((1 << 20) + 1), "bob.ipynb": "x"}))
    assert result.left_out == {"ada.ipynb": "it has more than 1 MB"}


def test_too_many_files_are_refused_before_any_is_read(source, taken, monkeypatch):
    monkeypatch.setattr(intake, "MAX_FILES", 3)
    with pytest.raises(ValueError, match="submissions must be at most 3 files; got 4"):
        taken(source({f"{name}.ipynb": "x" for name in "abcd"}))


def test_names_of_old_zip_files_are_read_as_utf8_or_noted(taken, tmp_path):
    """Without the flag for UTF-8, Python reads names in the code page of old PCs."""
    path = tmp_path / "download.zip"
    data = zipped(path, {"Mueller_1.ipynb": "x", "Zoe__1.ipynb": "x"}).read_bytes()
    data = data.replace(b"Mueller", "Mülle_".encode())  # UTF-8: ü takes two bytes
    path.write_bytes(data.replace(b"Zoe_", b"Zo\x89_"))
    result = taken(path)
    assert "Mülle" in result.taken
    assert result.notes[result.taken["Zoë"]].startswith("the zip file does not say")


def test_nothing_to_take_in_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match="a folder or zip file with notebooks"):
        take_in(tmp_path / "in", tmp_path / "submitted", "hw", "hw.ipynb")
    with pytest.raises(FileNotFoundError, match="neither a folder nor a zip file"):
        take_in(tmp_path / "nowhere", tmp_path / "submitted", "hw", "hw.ipynb")
    with pytest.raises(ValueError, match="student_id must be a pattern with a group"):
        take_in(tmp_path / "in", tmp_path / "submitted", "hw", "hw.ipynb", "ada")


def test_single_notebook_may_be_taken_in(taken, tmp_path):
    path = tmp_path / "ada_hw.ipynb"
    path.write_text("x")
    assert list(taken(path).taken) == ["ada"]
    assert PurePosixPath(taken(path).taken["ada"]).name == path.name
