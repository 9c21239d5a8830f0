"""Progress: on stderr only, as lines or as bars."""

import io
import re

import pytest

from numpot.quant.parallel import progress
from numpot.quant.parallel.progress import track


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """Called in the test, not as a fixture: pytest sets its own stderr between the two."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    for variable in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(variable, raising=False)
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    return screen


def work(total, step=1, **options):
    with track(total, "calibrating", **options) as advance:
        for first in range(0, total, step):
            advance(min(step, total - first))


def percents(text):
    return [int(p) for p in re.findall(r"(\d+) %", text)]


def test_a_line_per_ten_percent(capsys):
    work(300)
    out, err = capsys.readouterr()
    assert out == ""
    assert percents(err) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert re.fullmatch(r"calibrating: 10 % \(30 of 300\), \d+ s, \d+ s left", err.splitlines()[0])
    assert err.splitlines()[-1].startswith("calibrating: 100 % (300 of 300)")


@pytest.mark.parametrize(
    ("total", "step", "expected"),
    [(1, 1, [100]), (3, 1, [33, 66, 100]), (300, 128, [42, 85, 100]), (0, 1, [])],
)
def test_lines_for_few_items_and_large_steps(capsys, total, step, expected):
    work(total, step)
    assert percents(capsys.readouterr().err) == expected


def test_the_time_left_follows_the_pace_behind_the_first_items(capsys, monkeypatch):
    clock = iter([0.0, 8.0, 10.0, 11.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with track(100, "calibrating") as advance:
        for count in (40, 40, 20):
            advance(count)
    lines = [
        "40 % (40 of 100), 8 s, 12 s left",
        "80 % (80 of 100), 10 s, 1 s left",
        "100 % (100 of 100), 11 s, 0 s left",
    ]
    assert capsys.readouterr().err.splitlines() == [f"calibrating: {line}" for line in lines]


def test_quiet_says_nothing(capsys, monkeypatch):
    terminal = on_terminal(monkeypatch)
    work(300, quiet=True)
    assert terminal.getvalue() == "" and capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    terminal = on_terminal(monkeypatch)
    with track(40, "calibrating") as advance:
        advance(40)
        print("an answer")
    assert capsys.readouterr().out == "an answer\n", (
        "what others print to stdout must arrive there, and nothing else"
    )
    assert "calibrating" in terminal.getvalue() and "40/40" in terminal.getvalue()


def test_bars_may_be_nested_and_used_again(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with track(2, "layers") as outer:
        for layer in range(2):
            with track(3, f"samples of {layer}") as inner:
                inner(3)
            assert len(progress._screen.tasks) == 1, "the inner bar goes away when it is done"
            outer(1)
    assert progress._screen is None
    work(5)
    assert "2/2" in terminal.getvalue() and "5/5" in terminal.getvalue()


def test_an_error_inside_puts_the_terminal_right(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with pytest.raises(ZeroDivisionError), track(2, "outer"), track(2, "inner"):
        1 / 0  # noqa: B018
    assert progress._screen is None
    assert terminal.getvalue().count("\x1b[?25h") == terminal.getvalue().count("\x1b[?25l") == 1, (
        "the cursor is hidden, then shown"
    )
