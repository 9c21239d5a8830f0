"""A comparison as one HTML page that needs nothing else: no script, no network."""

from pathlib import Path
from typing import Any

from numpot.ir.errors import MissingExtraError
from numpot.ir.formats.common.atomic_files import check_folder, replacing

from ..errors import CompareError
from .differences import Difference
from .results import Comparison, LayerComparison

TEMPLATE = "report.html.j2"
SILENT_DB = 60.0  # a bar of noise is empty at this SQNR, and full at 0 dB


def check_report(path: Path) -> None:
    """Raises MissingExtraError or CompareError if no report can be written there: for the start
    of long work.
    """
    _jinja()
    try:
        check_folder(path)
    except OSError as error:
        raise CompareError(f"{path}: cannot be written ({error.strerror})") from error


def write_report(comparison: Comparison, path: Path) -> None:
    """The page, whole or not at all. Raises MissingExtraError, CompareError."""
    page = render_report(comparison)
    try:
        with replacing([path]) as (file,):
            file.write(page.encode())
    except OSError as error:
        raise CompareError(f"{path}: cannot be written ({error.strerror})") from error


def render_report(comparison: Comparison) -> str:
    template = (
        _jinja()
        .Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(Path(__file__).with_name(TEMPLATE).read_text(encoding="utf-8"))
    )
    rows = [_row(layer, comparison) for layer in [*comparison.layers, *comparison.outputs]]
    causes: dict[str, int] = {}
    for row in rows:
        if row["cause"]:
            causes[row["cause"]] = causes.get(row["cause"], 0) + 1
    return str(
        template.render(
            c=comparison, title=Path(comparison.model).name, rows=rows, causes=causes, silent=SILENT_DB
        )
    )


def _row(layer: LayerComparison, comparison: Comparison) -> dict[str, Any]:
    return {
        "name": f"output {layer.point.tensor}" if layer.point.is_output else layer.name,
        "tensor": layer.point.tensor,
        "type": layer.point.type,
        "cumulative": _side(layer.cumulative, comparison.same_model),
        "isolated": _side(layer.isolated, comparison.same_model),
        "cause": layer.cause.label if layer.cause else "",
        "detail": layer.cause.detail if layer.cause else "",
        "is_first": layer is comparison.first_difference,
        "is_worst": layer is comparison.worst and not comparison.same_model,
    }


def _side(d: Difference, same_model: bool) -> dict[str, Any]:
    """bar: 0 .. 100, the share of elements that differ between runtimes, the noise between models; label: the
    same in numbers.
    """
    share = 100 * d.mismatches / d.elements if d.elements else 0.0
    noise = 0.0 if d.sqnr_db is None else 100 * min(1.0, max(0.0, 1 - d.sqnr_db / SILENT_DB))
    sqnr = "no noise" if d.sqnr_db is None else f"{d.sqnr_db:.1f} dB"
    return {
        "mismatches": d.mismatches,
        "elements": d.elements,
        "largest": d.largest if d.mismatches else "",
        "bar": share if same_model else noise,
        "label": (f"{share:.3g} %, {sqnr}" if d.mismatches else "none") if same_model else sqnr,
    }


def _jinja() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise MissingExtraError("jinja2", "report", "an HTML report") from error
    return jinja2
