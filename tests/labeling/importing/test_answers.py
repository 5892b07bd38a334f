"""CSV files of answers, as spreadsheets and people write them."""

import pytest

from labeling.errors import Refused
from labeling.importing.answers import LONGEST_LINE, read_answers

COLUMNS = ("file", "choice")


def read(tmp_path, content, columns=COLUMNS):
    path = tmp_path / "answers.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_answers(path, columns))


@pytest.mark.parametrize(
    "content",
    [
        "file,choice\na.jpg,left\nb.jpg,right\n",
        "a.jpg,left\nb.jpg,right",
        "\ufefffile,choice\r\na.jpg,left\r\n\r\nb.jpg,right\r\n",
        "note;Choice;FILE\nx;left;a.jpg\ny;right;b.jpg\n",
        'file\tchoice\n"a.jpg"\t left \nb.jpg\tright\n',
        "a.jpg,left\n,\nb.jpg,right\n",
    ],
)
def test_headers_delimiters_marks_and_empty_lines_of_every_spreadsheet(tmp_path, content):
    assert read(tmp_path, content) == [("a.jpg", "left"), ("b.jpg", "right")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("file,label\na.jpg,left\n", r"header is \['file', 'label'\]; expected also \['choice'\]"),
        ("a.jpg\n", r"expected also \['file', 'choice'\]"),
        ("file,choice\na.jpg,left\nb.jpg\n", "Row 2: 1 cells came; expected 2"),
        (b"file,choice\na.jpg,links\xfc\n", "Line 2: byte 0xfc is not UTF-8"),
        ("file,choice\na.jpg,left".encode("utf-16"), "Line 1: byte 0xff is not UTF-8"),
        ("file,choice\na\0.jpg,left\n", "Line 2 holds a zero byte"),
        ("a.jpg," + "x" * LONGEST_LINE, f"Line 1 is longer than {LONGEST_LINE}"),
        ('file,choice\n"a.jpg,left\n', "Line 2: unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path, content, words):
    with pytest.raises(Refused, match=words):
        read(tmp_path, content)


def test_an_empty_file_has_no_rows(tmp_path):
    assert read(tmp_path, "") == []


def test_a_reader_hears_how_far_it_is(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text("".join(f"{i}.jpg,left\n" for i in range(5000)))
    heard = []
    assert len(list(read_answers(path, COLUMNS, told=heard.append))) == 5000
    assert heard == sorted(heard)
    assert heard[-1] == 1
