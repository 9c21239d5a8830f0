"""A small HTML table, as `_repr_html_` of models and results returns it to a notebook."""

from collections.abc import Sequence
from html import escape
from typing import Final

from ..errors import one_line

MOST_ROWS: Final = 40  # what a cell of a notebook shows without becoming a page of its own


def html_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], more: str = "") -> str:
    """Return a table with a caption; every text is one line, and escaped.

    rows: the first MOST_ROWS are shown. more: where a reader finds the others, said below if there are any.
    """
    shown = rows[:MOST_ROWS]
    left_out = len(rows) - len(shown)
    caption = f"<caption>{_text(title)}</caption>"
    body = "".join(_row("td", row) for row in shown)
    foot = f"<p>{left_out:,} more rows{_text(f': {more}' if more else '')}</p>" if left_out else ""
    return f"<table>{caption}<thead>{_row('th', head)}</thead><tbody>{body}</tbody></table>{foot}"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in cells) + "</tr>"


def _text(text: str) -> str:
    return escape(one_line(text))
