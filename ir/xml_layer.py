"""A <layer> element, as the file has it: id, name, type, attributes and the ports that it declares."""

from dataclasses import dataclass

from lxml import etree

from .dtypes import NAMES, DType
from .errors import AnyPath, IRError, SchemaError
from .ops.registry import Ints, from_text
from .xml_document import attributes, line_of


@dataclass(frozen=True, kw_only=True)
class Port:
    """An input or output as declared; ids count from 0 on each side."""

    id: int
    element_type: DType
    shape: Ints

    def __str__(self) -> str:
        return describe(self.element_type, self.shape)


class Layer:
    """Reads one element; its errors name file, line and layer."""

    def __init__(self, element: etree._Element, path: AnyPath) -> None:
        self.path = path
        self.line = line_of(element)
        self.id = int(element.attrib["id"])
        self.name = str(element.attrib["name"])
        self.type = str(element.attrib["type"])
        data = element.find("data")
        self.attributes = {} if data is None else attributes(data)
        self.inputs = self._ports(element, "input")
        self.outputs = self._ports(element, "output")

    def error(self, kind: type[IRError], message: str) -> IRError:
        return kind(f"layer {self.name!r} ({self.type}): {message}", self.path, self.line)

    def _ports(self, element: etree._Element, side: str) -> list[Port]:
        ports = [from_text(Port, attributes(p)) for p in element.iterfind(f"{side}/port")]
        if [p.id for p in ports] != list(range(len(ports))):
            found = ", ".join(str(p.id) for p in ports)
            raise self.error(SchemaError, f"{side} ports must be numbered 0, 1, 2, ... in order, found {found}")
        return ports


def describe(element_type: DType, shape: Ints) -> str:
    """A port in messages, `f32 [1,3,224,224]` say."""
    return f"{NAMES[element_type]} [{','.join(str(d) for d in shape)}]"
