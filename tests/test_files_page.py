"""docs/files.md says of every module what it says of itself."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
MADE = runpy.run_path(str(ROOT / "docs" / "files.py"))


def test_the_page_of_files_is_fresh():
    """If not: python docs/files.py > docs/files.md"""
    assert (ROOT / "docs" / "files.md").read_text(encoding="utf-8") == MADE["page"]()


def test_it_names_every_module_that_holds_anything():
    page = MADE["page"]()
    for package in MADE["PACKAGES"]:
        for path in (ROOT / package).rglob("*.py"):
            said = f"(../{path.relative_to(ROOT)})" in page
            assert said or (path.name == "__init__.py" and not path.read_text().strip()), path
