"""Every module with the first paragraph of what it says of itself: what docs/files.md holds."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("absorb", "sweeps", "hydra_plugins", "figures", "benchmarks")


def page() -> str:
    """The page: one table for each directory."""
    folders = sorted({path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")})
    return "\n".join(["# Files", *(line for folder in folders for line in table(folder))]) + "\n"


def table(folder: Path) -> Iterator[str]:
    """A heading and a line for each module that says something."""
    lines = [line for path in sorted(folder.glob("*.py")) if (line := row(path))]
    if lines:
        yield from (
            "",
            f"## {folder.relative_to(ROOT)}/",
            "",
            "| file | what it is |",
            "| --- | --- |",
        )
        yield from lines


def row(path: Path) -> str:
    """A module's line, or "" for one without a docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    first = " ".join(text.split("\n\n")[0].split())
    return f"| [{path.name}](../{path.relative_to(ROOT)}) | {first} |" if first else ""


if __name__ == "__main__":
    print(page(), end="")
