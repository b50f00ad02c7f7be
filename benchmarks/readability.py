"""`python3 dev measure [NAME=FOLDER...]`: how dense the code is, beside other code bases.

Figures for a reader, not limits: CI does not run this. Without arguments, dreaming's own packages
stand beside libraries of its environment that are known for their code; with `NAME=FOLDER`, beside
those folders (say, a checkout of an earlier state).
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

OWN = ("dreaming", "assets", "resources", "dagster_project")
PEERS = ("httpx", "structlog", "stamina", "genai_prices", "llm", "datasette", "alembic")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
NESTING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)
LONG_FUNCTION = 50
"""Lines over which a function no longer fits on a screen."""


@dataclass(slots=True)
class Shape:
    """What is counted of a code base; each list has one figure a module, function or line."""

    module_lines: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    function_nodes: list[int] = field(default_factory=list)
    nodes_a_line: list[float] = field(default_factory=list)
    """AST nodes of each function for each of its lines that hold code."""
    nesting: list[int] = field(default_factory=list)
    comprehensions: int = 0
    line_lengths: list[int] = field(default_factory=list)
    comment_lines: int = 0
    code_lines: int = 0
    public: int = 0
    documented: int = 0

    def rows(self) -> dict[str, str]:
        """The figures by their names, as they are printed."""
        functions = max(len(self.function_lines), 1)
        return {
            "modules": f"{len(self.module_lines):,}",
            "module lines, median / p90": _median_and_p90(self.module_lines),
            "functions": f"{len(self.function_lines):,}",
            "function lines, median / p90": _median_and_p90(self.function_lines),
            f"functions over {LONG_FUNCTION} lines": f"{_count_long(self.function_lines):,}",
            "nesting, p90": f"{np.percentile(self.nesting, 90):.0f}",
            "AST nodes a line of code, median": f"{np.median(self.nodes_a_line):.1f}",
            "AST nodes a function, median": f"{np.median(self.function_nodes):.0f}",
            "comprehensions a function": f"{self.comprehensions / functions:.2f}",
            "line length, p90": f"{np.percentile(self.line_lengths, 90):.0f}",
            "comment lines per 100 of code": f"{100 * self.comment_lines / self.code_lines:.1f}",
            "public names documented": f"{self.documented / max(self.public, 1):.0%}",
        }


def measure(files: Iterable[Path]) -> Shape:
    """The shape of some modules; those that do not parse are an error."""
    shape = Shape()
    for file in files:
        source = file.read_text(encoding="utf-8")
        _measure_module(shape, ast.parse(source), source)
    return shape


def _measure_module(shape: Shape, tree: ast.Module, source: str) -> None:
    code_lines, comment_lines = _lines_by_kind(source, _docstring_lines(tree))
    shape.module_lines.append(len(source.splitlines()))
    shape.line_lengths += [len(line) for line in source.splitlines() if line.strip()]
    shape.code_lines += len(code_lines)
    shape.comment_lines += len(comment_lines)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _measure_function(shape, node, code_lines)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            is_public = not node.name.startswith("_")
            shape.public += is_public
            shape.documented += is_public and ast.get_docstring(node) is not None


def _measure_function(
    shape: Shape, node: ast.FunctionDef | ast.AsyncFunctionDef, code_lines: set[int]
) -> None:
    end = node.end_lineno or node.lineno
    lines = [number for number in range(node.lineno, end + 1) if number in code_lines]
    nodes = sum(1 for _ in ast.walk(node))
    shape.function_lines.append(end - node.lineno + 1)
    shape.function_nodes.append(nodes)
    shape.nodes_a_line.append(nodes / max(len(lines), 1))
    shape.nesting.append(_depth(node))
    shape.comprehensions += sum(isinstance(each, COMPREHENSIONS) for each in ast.walk(node))


def _depth(node: ast.AST) -> int:
    """How many statements that hold others stand within one another."""
    below = max((_depth(child) for child in ast.iter_child_nodes(node)), default=0)
    return below + isinstance(node, NESTING)


def _docstring_lines(tree: ast.Module) -> set[int]:
    """The lines of docstrings, those of attributes included: neither code nor comments."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def _lines_by_kind(source: str, docstring_lines: set[int]) -> tuple[set[int], set[int]]:
    """The numbers of the lines that hold code, and of those that hold nothing but a comment."""
    code: set[int] = set()
    comments: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.string.strip() and token.type != tokenize.ENDMARKER:
            code.update(range(token.start[0], token.end[0] + 1))
    return code - docstring_lines, comments - code


def _median_and_p90(values: list[int]) -> str:
    return f"{np.median(values):.0f} / {np.percentile(values, 90):.0f}"


def _count_long(lines: list[int]) -> int:
    return sum(each > LONG_FUNCTION for each in lines)


def _modules(folder: Path) -> Iterator[Path]:
    hidden = (".venv", "tests", "test", "migrations", "node_modules")
    return (path for path in sorted(folder.rglob("*.py")) if not set(path.parts) & set(hidden))


def _own_modules(root: Path) -> list[Path]:
    return [module for name in OWN for module in _modules(root / name)]


def _installed(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def main(arguments: list[str]) -> None:
    """Print the figures of dreaming and of its peers side by side."""
    root = Path(__file__).parent.parent
    shapes = {"dreaming": measure(_own_modules(root))}
    for argument in arguments:
        name, _, folder = argument.partition("=")
        place = Path(folder)
        is_ours = (place / "dreaming").is_dir()
        shapes[name] = measure(_own_modules(place) if is_ours else _modules(place))
    if not arguments:
        found = {name: _installed(name) for name in PEERS}
        shapes |= {name: measure(_peer_modules(place)) for name, place in found.items() if place}
    columns = {name: shape.rows() for name, shape in shapes.items()}
    print(" " * 34 + "".join(f"{name:>14}" for name in columns))
    for row in columns["dreaming"]:
        print(f"{row:<34}" + "".join(f"{figures[row]:>14}" for figures in columns.values()))


def _peer_modules(folder: Path) -> Iterator[Path]:
    # An installed package lies within `.venv`, which `_modules` passes over.
    return (path for path in sorted(folder.rglob("*.py")) if "tests" not in path.parts)


if __name__ == "__main__":
    main(sys.argv[1:])
