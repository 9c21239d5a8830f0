"""What the code says of its own structure: packages, modules, and who imports whom, read from the source
alone.

    python -m tests.architecture [ROOT]      # counts of a checkout, this one by default

An import counts wherever it stands: at the top of a module, inside a function, or under TYPE_CHECKING,
because a reader has to follow all of them. Two things are said apart:

- The *siblings* of a package are its modules and its sub-packages, each sub-package as one. A module of a
  package may be read before or after a sub-package beside it (`errors.py` before, `direct.py` after); what
  must not be is that two siblings need each other.
- An `__init__` stands for its package. What it takes from its own modules, to make their names public, is no
  arrow between siblings.
"""

import ast
import functools
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("kernels", "ir", "quant")
LARGEST = 12  # modules of a package, without `__init__`
#: Packages of many files that are alike, one for each entry of a list; nobody reads them from end to end.
CATALOGUES = frozenset(
    {
        "ir.ops",
        "ir.formats.onnx.operators",
        "ir.formats.openvino.operators",
        "quant.finetuning.gradients",
        "quant.cli",
    }
)
#: Folders of tests that stand for no package: what they do takes all of numpot.
HARNESSES = frozenset({"corpus", "corpus_openvino", "faults", "fuzz", "processors", "ir/memory"})

Layers = Sequence[Collection[str]]  # names of siblings, highest first
Arrows = Mapping[str, set[str]]  # name -> the names that it imports


@dataclass(frozen=True)
class Import:
    importer: str
    imported: str


@dataclass(frozen=True)
class Code:
    """modules: name -> source text; a package has the name of its folder, and the text of its `__init__`."""

    modules: Mapping[str, str]
    packages: frozenset[str]

    @classmethod
    def read(cls, root: Path = ROOT) -> "Code":
        """The three folders of a checkout. A folder with modules is a package, with or without `__init__`."""
        modules: dict[str, str] = {}
        packages: set[str] = set()
        for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            packages.add(".".join(parts[:-1]))
            modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
        return cls(modules, frozenset(packages))

    @functools.cached_property
    def imports(self) -> list[Import]:
        """All of them between modules of numpot; the name of a package stands for its `__init__`."""
        found: list[Import] = []
        for name, text in self.modules.items():
            package = name if name in self.packages else name.rpartition(".")[0]
            targets = (target for full in _imported(text, package) for target in self._known(full))
            found += [Import(name, target) for target in targets if target != name]
        return found

    def _known(self, full: str) -> Iterator[str]:
        """The module that a full name is, or that defines it; nothing for one outside of numpot."""
        name = full.removeprefix("numpot.")
        owner = name.rpartition(".")[0]
        if name in self.modules:
            yield name
        elif owner in self.modules:
            yield owner

    def children(self, package: str) -> dict[str, bool]:
        """The modules and sub-packages of a package, by their names -> whether it is a package."""
        inside = f"{package}."
        names = sorted(
            name.removeprefix(inside).split(".")[0]
            for name in (*self.modules, *self.packages)
            if name.startswith(inside)
        )
        return {name: inside + name in self.packages for name in names}

    def siblings(self, package: str) -> Arrows:
        """Which child of a package imports which other one."""
        inside = f"{package}."
        arrows: dict[str, set[str]] = {name: set() for name in self.children(package)}
        for found in self.imports:
            if found.importer.startswith(inside) and found.imported.startswith(inside):
                above = found.importer.removeprefix(inside).split(".")[0]
                below = found.imported.removeprefix(inside).split(".")[0]
                if above != below:
                    arrows[above].add(below)
        return arrows

    def between_modules(self) -> Arrows:
        arrows: dict[str, set[str]] = {name: set() for name in self.modules}
        for found in self.imports:
            arrows[found.importer].add(found.imported)
        return arrows

    def docstring(self, package: str) -> str:
        return ast.get_docstring(ast.parse(self.modules.get(package, ""))) or ""


@functools.cache
def _imported(text: str, package: str) -> list[str]:
    """The full names of everything that a module of a package imports."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            found += [f"{base}.{alias.name}" for alias in node.names]
    return found


# ---- what is wrong -----------------------------------------------------------------------------------------


def module_circles(code: Code) -> list[str]:
    """Modules that import each other, directly or by others; each circle is one entry."""
    return [" - ".join(circle) for circle in circles(code.between_modules())]


def sibling_circles(code: Code) -> list[str]:
    """Modules and sub-packages of one package that import each other."""
    return [
        f"{package}: {' - '.join(circle)}"
        for package in sorted(code.packages)
        for circle in circles(code.siblings(package))
    ]


def too_large(code: Code, largest: int = LARGEST) -> list[str]:
    """Packages with more modules than a reader keeps in mind; catalogues may have any number."""
    counts = {package: _modules(code, package) for package in sorted(code.packages - CATALOGUES)}
    return [
        f"{package}: {len(names)} modules, {largest} are allowed"
        for package, names in counts.items()
        if len(names) > largest
    ]


def unnamed(code: Code) -> list[str]:
    """Packages without a docstring, modules and sub-packages that the docstring of their package leaves out.

    A module is named as a word, a sub-package with a slash behind it. A catalogue says that it is one and
    names its sub-packages.
    """
    offenders = []
    for package in sorted(code.packages):
        text = code.docstring(package)
        if not text:
            offenders.append(f"{package}: its __init__ has no docstring")
            continue
        if package in CATALOGUES and "catalogue" not in text:
            offenders.append(f"{package}: its docstring does not say that it is a catalogue")
        words = set(text.replace("/", "/ ").replace(".py", " ").translate(_PUNCTUATION).split())
        for name, is_package in code.children(package).items():
            if is_package and f"{name}/" not in words:
                offenders.append(f"{package}: its docstring does not name {name}/")
            elif not is_package and package not in CATALOGUES and name not in words and name != "__main__":
                offenders.append(f"{package}: its docstring does not name {name}")
    return offenders


_PUNCTUATION = str.maketrans(dict.fromkeys("`.,;:()[]\"'", " "))


def stray_test_folders(code: Code, folders: Iterable[str]) -> list[str]:
    """Of some folders inside tests/, those that are named after no package and are no harness."""
    return [
        folder
        for folder in sorted(folders)
        if folder.replace("/", ".") not in code.packages
        and not any(folder == harness or folder.startswith(f"{harness}/") for harness in HARNESSES)
    ]


def arrows_upwards(code: Code, package: str, layers: Layers) -> list[str]:
    """Imports between the children of a package that do not go down. layers: the children, highest first."""
    height = {name: -i for i, layer in enumerate(layers) for name in layer}
    return [
        f"{package}: {above} imports {below}"
        for above, others in sorted(code.siblings(package).items())
        for below in sorted(others)
        if above in height and below in height and height[above] <= height[below]
    ]


def layers_inside(root: Path = ROOT) -> dict[str, Layers]:
    """Package -> its layers, as the contracts of import-linter in pyproject.toml have them."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return {
        container.removeprefix("numpot."): [
            [name.strip("() ") for name in layer.split("|")] for layer in contract["layers"]
        ]
        for contract in project["tool"]["importlinter"]["contracts"]
        for container in contract.get("containers", [])
    }


# ---- graphs ------------------------------------------------------------------------------------------------


def circles(arrows: Arrows) -> list[list[str]]:
    """The strongly connected components of more than one name, each in the order of names."""
    reach = reachable(arrows)
    found = {
        tuple(sorted({name, *(other for other in reach[name] if name in reach[other])}))
        for name in arrows
        if name in reach[name]
    }
    return [list(circle) for circle in sorted(found) if len(circle) > 1]


def reachable(arrows: Arrows) -> dict[str, set[str]]:
    """Name -> all names that it imports, directly or by others."""
    reach: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        todo = list(arrows[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += arrows[name]
        reach[start] = seen
    return reach


def without_shortcuts(arrows: Arrows) -> Arrows:
    """The arrows that no longer way stands for (the transitive reduction of a graph without circles)."""
    reach = reachable(arrows)
    return {
        name: {other for other in others if not any(other in reach[way] for way in others - {other})}
        for name, others in arrows.items()
    }


def floors(arrows: Arrows) -> int:
    """The number of names in the longest chain of imports; names in a circle stand on one floor."""
    together = {name: tuple(circle) for circle in circles(arrows) for name in circle}
    height: dict[tuple[str, ...], int] = {}

    def climb(circle: tuple[str, ...]) -> int:
        if circle not in height:
            below = {together.get(n, (n,)) for name in circle for n in arrows[name]} - {circle}
            height[circle] = 1 + max(map(climb, below), default=0)
        return height[circle]

    return max((climb(together.get(name, (name,))) for name in arrows), default=0)


def _modules(code: Code, package: str) -> list[str]:
    return [name for name, is_package in code.children(package).items() if not is_package]


# ---- counts ------------------------------------------------------------------------------------------------


def report(code: Code) -> str:
    """Packages, floors, circles and arrows upwards, as text. The layers are those of this checkout."""
    lines = [f"{'':10}{'packages':>10}{'modules':>10}{'largest':>10}{'floors':>10}{'of modules':>12}"]
    for folder in FOLDERS:
        packages = [p for p in code.packages if p == folder or p.startswith(f"{folder}.")]
        own = {name for name in code.modules if name == folder or name.startswith(f"{folder}.")}
        arrows = {name: others & own for name, others in code.between_modules().items() if name in own}
        modules = [_modules(code, package) for package in packages if package not in CATALOGUES]
        lines.append(
            f"{folder:10}{len(packages):>10}{len(own - set(packages)):>10}{max(map(len, modules)):>10}"
            f"{floors(code.siblings(folder)):>10}{floors(arrows):>12}"
        )
    for title, found in (
        ("circles of modules", module_circles(code)),
        ("circles of siblings", sibling_circles(code)),
        (
            "arrows upwards",
            [a for package, layers in layers_inside().items() for a in arrows_upwards(code, package, layers)],
        ),
        ("packages that are too large", too_large(code)),
        ("names that docstrings leave out", unnamed(code)),
    ):
        lines += [f"{title}: {len(found)}", *(f"    {entry}" for entry in found)]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(Code.read(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)))
