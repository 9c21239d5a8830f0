"""The pages are true as far as a machine can tell: links lead somewhere, and the commands of the guide are
commands.
"""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from numpot.quant.cli import app

ROOT = Path(__file__).parent.parent
PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "ir" / "formats" / "native" / "FORMAT.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted(ROOT.glob("examples/notebooks/*.ipynb")),
]
GUIDE = [ROOT / "docs" / f"{name}.md" for name in ("best-practices", "saturation", "faq")]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def text_of(page: Path) -> str:
    """What a reader sees: of a notebook its prose."""
    text = page.read_text("utf-8")
    if page.suffix == ".ipynb":
        return "\n".join(
            "".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"
        )
    return text


def anchors(page: Path) -> set[str]:
    """The names that its headings have in links."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def block_commands(page: Path) -> list[list[str]]:
    """Of every `numpot ...` line in a code block, the words after `numpot`, in order."""
    return [
        shlex.split(line, comments=True)[1:]
        for line in text_of(page).splitlines()
        if line.startswith("    numpot ")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if not re.match(r"https?:", link):
            file, _, heading = link.partition("#")
            target = page.parent / file if file else page
            assert target.exists(), f"{page.name}: {link}"
            assert not heading or heading in anchors(target), f"{page.name}: {link}"


def test_the_readme_leads_to_every_page() -> None:
    linked = {
        (ROOT / link.partition("#")[0]).resolve()
        for link in re.findall(r"\]\(([^)\s]+)\)", text_of(ROOT / "README.md"))
    }
    missing = [page.name for page in PAGES if page.name != "README.md" and page.resolve() not in linked]
    assert not missing, f"README.md, 'Find your way', has no link to {', '.join(missing)}"


def test_modules_that_pages_run_exist() -> None:
    """`python -m tests.api_page` and the like, in every page."""
    named = {
        name
        for page in PAGES
        for name in re.findall(r"python -m ((?:tests|benchmarks)[\w.]*)", text_of(page))
    }
    assert named and all(importlib.util.find_spec(name) for name in named), named


def test_paths_that_contributors_are_told_exist() -> None:
    told = set(
        re.findall(r"`((?:tests|docs|ir|kernels|quant|\.ci)/[\w./-]*)`", text_of(ROOT / "CONTRIBUTING.md"))
    )
    assert len(told) > 10 and not [
        path for path in told if path != "tests/PATH" and not (ROOT / path).exists()
    ]


def test_the_citation_has_what_the_format_wants_and_this_version() -> None:
    yaml = pytest.importorskip("yaml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation.keys() >= {"cff-version", "message", "title", "authors"} and all(
        a["name"] for a in citation["authors"]
    )
    assert (str(citation["version"]), citation["license"]) == (project["version"], project["license"])
    assert citation["cff-version"] == "1.2.0" and citation["keywords"] == project["keywords"]


def test_the_changelog_has_the_sections_of_its_format() -> None:
    text = text_of(ROOT / "CHANGELOG.md")
    versions = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", version) for version in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds


@pytest.mark.parametrize("page", GUIDE, ids=lambda p: p.name)
def test_commands_of_the_guide_parse(page: Path) -> None:
    """Those in code blocks word for word; of the options that the text names, that some command has them."""
    for name, *words in block_commands(page):
        COMMANDS[name].make_context(name, words)  # raises for an unknown option or value
    groups = [*COMMANDS.values(), typer.main.get_command(app)]  # options of one command, and of all
    known = {option for command in groups for p in command.params for option in (*p.opts, *p.secondary_opts)}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text_of(page)))
    assert named <= known, named - known


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDE[:2], ids=lambda p: p.name)
def test_the_guide_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All commands of a page from top to bottom in an empty folder, and then its Python."""
    pytest.importorskip("openvino")
    pytest.importorskip("jinja2")
    monkeypatch.chdir(tmp_path)
    for words in block_commands(page):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"numpot {shlex.join(words)}: {done.output[-2000:]}"
    for script in re.findall(r"^```python\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL):
        subprocess.run([sys.executable, "-c", script], check=True)
