"""A <layer> element, as the file has it: id, name, type, attributes and the ports that it declares."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from lxml import etree

from ...dtypes import NAMES, DType
from ...errors import AnyPath, IRError, SchemaError
from ...ops.common.operator import Ints, from_text
from .document import attributes, line_of


@dataclass(frozen=True, kw_only=True)
class NumberedPort:
    """An input or output, by the number that edges know it by."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Port(NumberedPort):
    """An input or output as declared; ids count from 0 on each side."""

    element_type: DType
    shape: Ints

    def __str__(self) -> str:
        return describe(self.element_type, self.shape)


P = TypeVar("P", bound=NumberedPort, covariant=True)


class AnyLayer(ABC, Generic[P]):
    """What the layers of all XML formats have. Reads one element; its errors name file, line and layer."""

    def __init__(self, element: etree._Element, path: AnyPath) -> None:
        self.path = path
        self.line = line_of(element)
        self.id = int(element.attrib["id"])
        self.name = str(element.attrib["name"])
        self.type = str(element.attrib["type"])
        data = element.find("data")
        self.attributes = {} if data is None else attributes(data)
        self.inputs = self.read_ports(element, "input")
        self.outputs = self.read_ports(element, "output")

    @abstractmethod
    def read_ports(self, element: etree._Element, side: str) -> list[P]:
        """The ports of a side, in order."""

    def error(self, kind: type[IRError], message: str) -> IRError:
        return kind(f"layer {self.name!r} ({self.type}): {message}", self.path, self.line)


class Layer(AnyLayer[Port]):
    """A layer of numpot's own format."""

    def read_ports(self, element: etree._Element, side: str) -> list[Port]:
        ports = [from_text(Port, attributes(p)) for p in element.iterfind(f"{side}/port")]
        if [p.id for p in ports] != list(range(len(ports))):
            found = ", ".join(str(p.id) for p in ports)
            raise self.error(
                SchemaError, f"{side} ports must be numbered 0, 1, 2, ... in order, found {found}"
            )
        return ports


def describe(element_type: DType, shape: Ints) -> str:
    """A port in messages, `f32 [1,3,224,224]` say."""
    return f"{NAMES[element_type]} [{','.join(str(d) for d in shape)}]"
