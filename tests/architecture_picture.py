"""Draws the picture in docs/architecture.md from the code: packages, modules beside them, and their arrows.

python -m tests.architecture_picture     # writes the page anew
"""

from collections.abc import Iterator

from .architecture import FOLDERS, ROOT, Code, without_shortcuts

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- drawn by tests/architecture_picture.py -->", "<!-- end of what is drawn -->"


def picture(code: Code) -> str:
    """A Mermaid flowchart. An arrow that follows from others is left out."""
    lines = ["```mermaid", "flowchart TD"]
    for folder in reversed(FOLDERS):
        lines.append(f"  subgraph {folder}")
        for name, is_package in code.children(folder).items():
            lines.append(f"    {folder}_{name}{_box(name, is_package)}")
        for name, others in without_shortcuts(code.siblings(folder)).items():
            lines += [f"    {folder}_{name} --> {folder}_{other}" for other in sorted(others)]
        lines.append("  end")
    lines += [f"  {above} ==> {below}" for above, below in _between_folders(code)]
    return "\n".join([*lines, "```"])


def _box(name: str, is_package: bool) -> str:
    return f'["{name}/"]' if is_package else f'(["{name}"])'


def _between_folders(code: Code) -> list[tuple[str, str]]:
    """The arrows between the three, as few as say all."""
    arrows: dict[str, set[str]] = {folder: set() for folder in FOLDERS}
    for found in code.imports:
        above, below = found.importer.split(".")[0], found.imported.split(".")[0]
        if above != below:
            arrows[above].add(below)
    return [(above, below) for above, others in without_shortcuts(arrows).items() for below in sorted(others)]


def table(code: Code) -> str:
    """Every package: how many modules it has, and the first sentence of its docstring."""
    lines = ["| package | modules | what it is |", "|---|---:|---|"]
    for package in _in_order(code):
        modules = [name for name, is_package in code.children(package).items() if not is_package]
        first = " ".join(code.docstring(package).split("\n\n")[0].split())
        lines.append(f"| `{package.replace('.', '/')}/` | {len(modules)} | {first.replace('|', ' ')} |")
    return "\n".join(lines)


def _in_order(code: Code) -> Iterator[str]:
    for folder in reversed(FOLDERS):
        yield from sorted(p for p in code.packages if p == folder or p.startswith(f"{folder}."))


def drawn(page: str, code: Code) -> str:
    """The page with what is between the two marks drawn anew."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{picture(code)}\n\n{table(code)}\n\n{END}{after}"


if __name__ == "__main__":
    text = drawn(PAGE.read_text("utf-8"), Code.read())
    PAGE.write_text(text, "utf-8")
