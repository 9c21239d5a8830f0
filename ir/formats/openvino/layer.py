"""A <layer> element of an OpenVINO IR: its opset, and ports that have tensor names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from ...dtypes import BOOL, F16, F32, I8, I32, I64, U8, DType
from ...errors import AnyPath, SchemaError
from ...ops.common.operator import Ints
from ..xml.document import attributes
from ..xml.layer import AnyLayer, NumberedPort

PRECISIONS: dict[str, DType] = {
    "FP32": F32,
    "FP16": F16,
    "I8": I8,
    "U8": U8,
    "I32": I32,
    "I64": I64,
    "BOOL": BOOL,
}


@dataclass(frozen=True, kw_only=True)
class OpenVinoPort(NumberedPort):
    """An input or output as declared. Ids count on from the inputs to the outputs."""

    element_type: DType | None  # None if the file does not say, or names one that is not known here
    shape: Ints  # -1 where a dimension is open; () may also mean that nothing is known
    names: tuple[str, ...]  # what users call the tensor


class OpenVinoLayer(AnyLayer[OpenVinoPort]):
    """Reads one element; its errors name file, line and layer."""

    def __init__(self, element: etree._Element, path: AnyPath) -> None:
        super().__init__(element, path)
        self.version = str(element.attrib["version"])
        self.output_names = split_names(str(element.get("output_names", "")))
        for tag in ("data", "input", "output"):
            if len(element.findall(tag)) > 1:
                raise self.error(SchemaError, f"has more than one <{tag}>")

    @property
    def opset(self) -> int | None:
        """N of version `opsetN`; None for operators of another set."""
        found = re.fullmatch(r"opset([1-9][0-9]?)", self.version)
        return int(found[1]) if found else None

    def read_ports(self, element: etree._Element, side: str) -> list[OpenVinoPort]:
        ports = [_read_port(p) for p in element.iterfind(f"{side}/port")]
        ids = [p.id for p in ports]
        if len(set(ids)) != len(ids):
            raise self.error(
                SchemaError, f"{side} ports must have different ids, found {', '.join(map(str, ids))}"
            )
        return ports


def _read_port(element: etree._Element) -> OpenVinoPort:
    text = attributes(element)
    return OpenVinoPort(
        id=int(text["id"]),
        element_type=PRECISIONS.get(text.get("precision", "")),
        shape=tuple(int(dim.text or "") for dim in element.iterfind("dim")),
        names=split_names(text.get("names", "")),
    )


def split_names(text: str) -> tuple[str, ...]:
    r"""Names separated by commas; a comma inside one is written `\,`."""
    return tuple(name.replace("\\,", ",") for name in re.split(r"(?<!\\),", text) if name)


def join_names(names: Sequence[str]) -> str:
    """The inverse of split_names."""
    return ",".join(name.replace(",", "\\,") for name in names)
