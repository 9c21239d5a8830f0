"""Tables of results, as Markdown."""

from collections.abc import Sequence


def markdown(title: str, rows: Sequence[Sequence[str]]) -> str:
    header, *lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"\n## {title}\n", header, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *lines])
