"""Properties of fmlab_grading.roster: ids are found in tables from Excel, Canvas, and Moodle."""

import pytest

from fmlab_grading.roster import id_problem, match, read_roster


def table(tmp_path, content):
    path = tmp_path / "students.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,hw1 (12)\n"
    "    Points Possible,,,,,12\n"
    '"Neil, Pat",17,900017,pneil,A,\n"Ada, B",18,900018,abda,A,\n"Student, Test",,,,A,\n'
)
MOODLE = "First name,Surname,ID number,Email address\nPat,Neil,s017,p@x.edu\nAda,B,s018,a@x.edu\n"


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        ("ada\nbob\n", ["ada", "bob"]),
        ("ada\nbob\nada\n\n", ["ada", "bob"]),
        ("id,name\ns001,Ada\ns002,Bob\n", ["s001", "s002"]),
        ("id;name\ns001;Ada\n", ["s001"]),
        ("id\tname\ns001\tAda\n", ["s001"]),
        ("sep=;\nid;name\ns001;Ada\n", ["s001"]),
        ("name;student id\nAda;s001\n", ["s001"]),
        ("\ufeffStudent ID,Name\r\ns001,Ada\r\n", ["s001"]),
        ("Username,First name\nada,Ada\n", ["ada"]),
        (CANVAS, ["pneil", "abda"]),
        (MOODLE, ["s017", "s018"]),
        ('id,name\nO\'Neil,x\n"Neil, Pat",y\n', ["O'Neil", "Neil, Pat"]),
        ("id\nJose\u0301\n", ["José"]),
        ("id;name\ns1;Zoë\n".encode("cp1252"), ["s1"]),
        ("id\tname\ns1\tZoë\n".encode("utf-16"), ["s1"]),
    ],
)
def test_ids_are_found(tmp_path, content, ids):
    assert read_roster(table(tmp_path, content)) == ids


@pytest.mark.parametrize(
    ("student", "reason"),
    [
        ("../../../x", "dot"),
        ("a/b", "slash"),
        ("a\\b", "slash"),
        ("=1+1", "formula"),
        ("@SUM(1)", "formula"),
        ("x" * 101, "longer"),
        ("a\u200bb", "cannot be seen"),
    ],
)
def test_id_that_cannot_be_a_folder_is_named_with_its_line(tmp_path, student, reason):
    path = table(tmp_path, f"id,name\nada,A\n{student},B\n")
    with pytest.raises(ValueError, match=f"line 3: .* cannot be an id: .*{reason}"):
        read_roster(path)


@pytest.mark.parametrize("content", ["", "\n\n", ",,\n"])
def test_empty_table_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="students must be a table with the ids"):
        read_roster(table(tmp_path, content))


def test_table_without_a_column_of_ids_is_refused(tmp_path):
    with pytest.raises(ValueError, match="none of them is that of an id"):
        read_roster(table(tmp_path, "First name,Surname\nAda,B\n"))


def test_match_ignores_capitals_where_that_is_clear():
    assert match("ada", ["ada", "Ada"]) == "ada"
    assert match("ADA", ["ada", "bob"]) == "ada"
    assert match("ADA", ["ada", "Ada"]) is None
    assert match("eve", ["ada"]) is None


@pytest.mark.parametrize("student", ["ada", "-kim", "+49 17", "O'Neil", "Neil, Pat", "李雷", "a.b"])
def test_ids_that_people_have_are_fine(student):
    assert id_problem(student) == ""


@pytest.mark.parametrize("ids", ["1.23457E+11", "9,87654E+8", "1.0E+5"])
def test_id_that_a_spreadsheet_has_rounded_is_refused(tmp_path, ids):
    path = tmp_path / "class.csv"
    path.write_text(f"id;name\n17;Ada\n{ids};Bob\n")
    with pytest.raises(ValueError, match="a spreadsheet has rounded it"):
        read_roster(path)


def test_point_that_programs_add_to_numbers_is_no_part_of_an_id(tmp_path):
    path = tmp_path / "class.csv"
    path.write_text("id,name\n1001.0,Ada\n1002.0,Bob\n")
    assert read_roster(path) == ["1001", "1002"]
    path.write_text("id,name\n1001.0,Ada\nbob,Bob\n")
    assert read_roster(path) == ["1001.0", "bob"]


@pytest.mark.parametrize("text", ["id,name\n", "id,name\n,Ada\n,Bob\n", "name;id\nAda;  \n"])
def test_table_without_an_id_is_refused(tmp_path, text):
    path = tmp_path / "class.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="at least one id in its column"):
        read_roster(path)
