"""Messages are one line that can be read, whatever the names in them hold."""

import pytest

from numpot.ir.errors import LONGEST, IRError, NumpotError


@pytest.mark.parametrize("name", ["a\nb", "a\r\x1b[31m", "\udcff", "x" * 10**6, "\n" * 10**6, "é→模"])
def test_a_message_is_one_line_of_bounded_length(name: str) -> None:
    for error in (NumpotError(f"layer {name!s}: wrong"), IRError(f"layer {name}", f"/tmp/{name}", 3)):
        text = str(error)
        assert text.isprintable() and len(text) <= 6 * LONGEST
        text.encode()


def test_what_is_said_in_front_and_at_the_end_stays() -> None:
    text = str(NumpotError("m.xml: layer '" + "x" * 10**5 + "': attribute 'stride' is not known"))
    assert text.startswith("m.xml: layer 'xxx") and text.endswith("attribute 'stride' is not known")
    assert str(NumpotError("é: 模")) == "é: 模"
