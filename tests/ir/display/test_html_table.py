"""Whatever text is put into a table, a browser shows that text and nothing else."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from numpot.ir.display.html_table import MOST_ROWS, html_table
from numpot.ir.errors import one_line

TEXT = st.text(max_size=20)  # control characters, too: a strict parser refuses them as they are


def cells(table: str, tag: str) -> list[list[str]]:
    body = ElementTree.fromstring(f"<div>{table}</div>")
    return [
        [cell.text or "" for cell in row.findall(tag)] for row in body.iter("tr") if row.find(tag) is not None
    ]


@given(
    TEXT, st.lists(TEXT, min_size=2, max_size=2), st.lists(st.lists(TEXT, min_size=2, max_size=2), max_size=5)
)
def test_every_text_is_escaped(title: str, head: list[str], rows: list[list[str]]) -> None:
    table = html_table(title, head, rows)
    assert ElementTree.fromstring(table).findtext("caption") == one_line(title)
    assert cells(table, "th") == [[one_line(cell) for cell in head]]
    assert cells(table, "td") == [[one_line(cell) for cell in row] for row in rows]


def test_markup_in_a_name_stays_text() -> None:
    table = html_table("t", ["layer"], [["<script>alert('&')</script>"]])
    assert "<script" not in table and cells(table, "td") == [["<script>alert('&')</script>"]]


def test_a_long_table_says_how_many_rows_it_leaves_out() -> None:
    rows = [[str(i)] for i in range(MOST_ROWS + 1200)]
    table = html_table("t", ["n"], rows, "see <b>")
    assert cells(table, "td") == rows[:MOST_ROWS] and "<p>1,200 more rows: see &lt;b&gt;</p>" in table
    assert "<p>" not in html_table("t", ["n"], rows[:MOST_ROWS])
