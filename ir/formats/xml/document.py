"""From the bytes of a .xml to elements that are safe to walk: no DTD, small enough, as format.xsd says,
unchanged since written.
"""

import copy
import functools
import hashlib
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from lxml import etree

from ...errors import (
    AnyPath,
    ChecksumError,
    FileMissingError,
    ForbiddenDtdError,
    ForbiddenInstructionError,
    LimitError,
    SchemaError,
    VersionError,
    XmlSyntaxError,
)
from ...ops.common.operator import nearest
from ..common.regular_file import open_regular

FORMAT = "1"
SCHEMA = "native/format.xsd"

# What no real model exceeds. A rank is at most 8 (shapes.MAX_RANK); format.xsd says so too.
MAX_XML_BYTES = 64 * 2**20
MAX_LAYERS = 100_000
MAX_DEPTH = 64
MAX_ATTRIBUTE_LENGTH = 2**20

LAST_KNOWN_LINE = 65_534  # libxml2 keeps an element's line in 16 bits; a line it does not know is not shown

DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s[^>]*?\?>")
ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)")


def parse_document(data: bytes, path: AnyPath) -> etree._Element:
    """The root element of a model of ours. Raises the subclass of IRError for the first promise that the text
    breaks.
    """
    root = parse_xml(data, path)
    if root.tag != "numpot":
        raise SchemaError(f"the root element must be <numpot>, found <{root.tag}>", path, line_of(root))
    if root.get("format") != FORMAT:
        found = (
            f"format {root.get('format')!r} cannot be read; this version of numpot reads format {FORMAT!r}"
        )
        raise VersionError(found, path, line_of(root))
    check_schema(root, path, SCHEMA)
    _check_digest(root, path)
    return root


def read_document(path: Path) -> bytes:
    """The bytes of a .xml; of one that is too long, enough to see that it is. Raises FileMissingError."""
    try:
        with open_regular(path) as file:
            return file.read(MAX_XML_BYTES + 1)
    except OSError as error:
        raise FileMissingError(f"cannot be read ({error.strerror})", path) from error


def parse_xml(data: bytes, path: AnyPath) -> etree._Element:
    """The root element of any model in XML, safe to walk. Raises the subclass of IRError for what is refused;
    `path` is for messages.
    """
    if len(data) > MAX_XML_BYTES:
        raise LimitError(f"the file has more than {MAX_XML_BYTES} bytes", path)
    _refuse_before_parsing(data, path)
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the declaration says
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise XmlSyntaxError(
            f"not well-formed XML: {error.msg.rsplit(', line', 1)[0]}", path, error.lineno
        ) from None
    _check_limits(root, path)
    return root


def check_schema(root: etree._Element, path: AnyPath, name: str) -> None:
    """Raises SchemaError for the first element or attribute that the schema, a file of this package, does not
    allow.
    """
    schema = _schema(name)
    if not schema.validate(root):
        errors: Any = schema.error_log
        error = errors[0]
        raise SchemaError(
            error.message.rstrip(".") + _suggestion(error.message, name), path, _known(error.line)
        )


def digest(root: etree._Element) -> str:
    """SHA-256 of all that the document says, in canonical XML without blanks, comments and the attribute that
    holds it.
    """
    bare = copy.copy(root)
    bare.attrib.pop("sha256", "")
    return hashlib.sha256(etree.tostring(bare, method="c14n")).hexdigest()


def attributes(element: etree._Element) -> dict[str, str]:
    """The attributes of an element, as plain strings."""
    return {str(name): str(value) for name, value in element.items()}


def line_of(element: etree._Element) -> int | None:
    """The line that an element starts on, if the parser knows it."""
    return _known(element.sourceline)


def _known(line: Any) -> int | None:
    return line if isinstance(line, int) and 0 < line <= LAST_KNOWN_LINE else None


def _refuse_before_parsing(data: bytes, path: AnyPath) -> None:
    """Refuse, without handing it to a parser, what a parser might act upon: other encodings, document types,
    instructions.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise XmlSyntaxError(
            f"the file must be UTF-8, found byte 0x{data[error.start]:02x}", path, line
        ) from None
    declaration = DECLARATION.match(data)
    start = declaration.end() if declaration else 0
    encoding = ENCODING.search(data, 0, start)
    if encoding and encoding[1].lower() not in (b"utf-8", b"utf8"):
        raise XmlSyntaxError(f"the encoding must be UTF-8, found {encoding[1].decode()!r}", path, 1)
    if found := re.search(rb"<!(DOCTYPE|ENTITY)\s*([^\s>\[]{0,80})", data):
        kind, name = found[1].decode(), found[2].decode(errors="replace")
        line = data.count(b"\n", 0, found.start()) + 1
        raise ForbiddenDtdError(
            f"<!{kind} {name}> is refused: a model needs no document type and no entities. Delete it",
            path,
            line,
        )
    if found := re.compile(rb"<\?([^\s>?]{0,80})").search(data, start):
        line = data.count(b"\n", 0, found.start()) + 1
        name = found[1].decode(errors="replace")
        raise ForbiddenInstructionError(
            f"processing instruction <?{name}?> is refused: a model is data. Delete it", path, line
        )


def _check_limits(root: etree._Element, path: AnyPath) -> None:
    depth = layers = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            depth -= 1
            continue
        depth += 1
        layers += element.tag == "layer"
        if depth > MAX_DEPTH:
            raise LimitError(
                f"<{element.tag}> is nested {depth} deep; at most {MAX_DEPTH} are allowed",
                path,
                line_of(element),
            )
        if layers > MAX_LAYERS:
            raise LimitError(f"the model has more than {MAX_LAYERS} layers", path, line_of(element))
        for name, value in element.items():
            if len(value) > MAX_ATTRIBUTE_LENGTH:
                found = (
                    f"attribute {name!r} has {len(value)} characters; at most "
                    f"{MAX_ATTRIBUTE_LENGTH} are allowed"
                )
                raise LimitError(found, path, line_of(element))


def _suggestion(message: str, schema: str) -> str:
    """The nearest allowed name, for libxml2's message about an attribute or element that the format has
    nowhere.
    """
    unknown = re.search(
        r"The attribute '(.*)' is not allowed|Element '(.*)': This element is not expected", message
    )
    names = re.findall(r"<xs:(?:element|attribute) name=\"([\w-]+)\"", _schema_text(schema))
    word = unknown and (unknown[1] or unknown[2])
    return nearest(word, names) if word and word not in names else ""


@functools.cache
def _schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(_schema_text(name).encode()))


@functools.cache
def _schema_text(name: str) -> str:
    return files("numpot.ir.formats").joinpath(name).read_text("utf-8")


def _check_digest(root: etree._Element, path: AnyPath) -> None:
    try:
        found = digest(root)
    except etree.C14NError:  # the schema lets an unused xmlns:... through
        raise SchemaError(
            "XML namespaces are not part of the format. Delete the xmlns attributes", path
        ) from None
    stored = root.get("sha256")
    if stored not in (None, found):
        message = f"the file was changed: it should have SHA-256 {stored}, and has {found}. "
        raise ChecksumError(
            message + "If you edited it by hand, delete the attribute 'sha256' of <numpot>", path
        )
