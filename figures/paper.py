"""`absorb paper [paper=DIR]`: figures, numbers and PDF, from the rows that lie beside the text.

What is in `paper/`: `paper.toml` says which figures are drawn from which rows and where each number
stands, `runs/` has the rows, `tables/` what is drawn, `numbers.json` the numbers, `main.typ` the
text. `build/` holds what a reader wants and nobody commits.
"""

import json
import tomllib
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absorb.errors import AbsorbError
from figures.codes import confessed
from figures.main import FIGURES, PAIRED, read, read_pairs, say
from figures.marks import Mark
from figures.numbers import Numbers, Place, as_latex, cited, numbers_of, wrong_citations
from figures.page import Page
from figures.save import Gallery, as_json
from figures.tables import as_csv, from_csv
from figures.tables import as_latex as table_as_latex

VENUE = "icml"


class Plan(NamedTuple):
    """What `paper.toml` says.

    The figures of experiments whose rows lie in `runs/`, those of experiments of which only the
    tables are kept, the place of each number, and for `absorb reproduce` the words of experiments
    that their name alone does not give, and which ones take minutes.
    """

    figures: Mapping[str, Sequence[str]]
    tables: Mapping[str, Sequence[str]]
    places: Mapping[str, Place]
    words: Mapping[str, Sequence[str]]
    small: Sequence[str]

    def figures_of(self, experiment: str) -> list[str]:
        """All figures of one experiment, whether its rows lie here or not."""
        return [*self.figures.get(experiment, ()), *self.tables.get(experiment, ())]


def main(arguments: Sequence[str]) -> int:
    """Build everything that has changed; the exit code."""
    folder = Path("paper")
    for word in arguments:
        key, _, value = word.partition("=")
        if key != "paper" or not value:
            raise AbsorbError(f"{word}: paper takes paper=DIRECTORY alone")
        folder = Path(value)
    return build(folder)


def build(folder: Path) -> int:
    """Figures, tables, numbers, LaTeX and PDF of the paper in `folder`; the exit code."""
    plan, out = plan_of(folder), folder / "build"
    drawn = draw(folder, plan, Gallery(out / "figures", VENUE, for_print=True))
    numbers = fresh_numbers(folder, plan, drawn | kept_tables(folder, plan, drawn))
    text = text_of(folder)
    wrong = wrong_citations(text, committed_numbers(folder), numbers)
    say(*(f"changed: {line}" for line in wrong))
    if set(cited(text)) - set(numbers):
        return 1
    write_latex(folder, numbers, out / "latex")
    say(set_with(folder, numbers, out))
    return 0


def plan_of(folder: Path) -> Plan:
    """What `paper.toml` says; raises AbsorbError for what it cannot mean."""
    path = folder / "paper.toml"
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AbsorbError(f"{path}: no such file; absorb paper is for a checkout") from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise AbsorbError(f"{path}: {error}") from None
    figures, tables = found.get("figures", {}), found.get("tables", {})
    for name in (name for names in (*figures.values(), *tables.values()) for name in names):
        if name not in FIGURES:
            raise AbsorbError(f"{path}: {name}: no such figure; choose from {', '.join(FIGURES)}")
    places = {key: place_of(path, key, value) for key, value in numbers_in(found)}
    again = found.get("reproduce", {})
    return Plan(figures, tables, places, again.get("words", {}), again.get("small", ()))


def numbers_in(found: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entries of [numbers.TABLE], each with its table."""
    for table, entries in found.get("numbers", {}).items():
        for key, entry in entries.items():
            yield key, {"table": table, **entry} if isinstance(entry, dict) else entry


def place_of(path: Path, key: str, entry: Mapping[str, Any]) -> Place:
    """One entry as a place."""
    if not isinstance(entry, dict) or set(entry) != set(Place._fields):
        raise AbsorbError(f"{path}: {key}: needs exactly {', '.join(Place._fields)}")
    if isinstance(entry["at"], bool) or not isinstance(entry["at"], int | float):
        raise AbsorbError(f"{path}: {key}: at={entry['at']!r}: must be a number")
    fields: dict[str, Any] = {**entry, "at": float(entry["at"])}
    return Place(**fields)


def draw(folder: Path, plan: Plan, gallery: Gallery) -> dict[str, str]:
    """Draw what has changed of the plan's figures, write their tables; the experiment of each."""
    drawn: dict[str, str] = {}
    for experiment, names in plan.figures.items():
        for page in pages_of(folder / "runs" / experiment, names):
            if page.name in drawn:
                raise AbsorbError(f"{experiment} and {drawn[page.name]} both have {page.name}")
            drawn[page.name] = experiment
            write_if_new(folder / "tables" / f"{page.name}.csv", as_csv(page.marks))
            lines = gallery.hang(page)
            say(lines[0] if len(lines) == 1 else f"{gallery.out / page.name}: drawn")
    return drawn


def kept_tables(folder: Path, plan: Plan, drawn: Container[str]) -> dict[str, str]:
    """The experiment of each table that is kept without its rows, and not drawn from others."""
    return {
        path.stem: experiment
        for experiment, names in plan.tables.items()
        for name in names
        for path in (folder / "tables").glob(f"{name}*.csv")
        if path.stem not in drawn
    }


def pages_of(store: Path, names: Sequence[str]) -> Iterator[Page]:
    """The pages of these figures from one store; raises AbsorbError for one that is not whole."""
    runs, pairs = read(store), read_pairs(store)
    for name in names:
        table = pairs if name in PAIRED else runs
        found = FIGURES[name](table, False)
        if found.left_out or not found.pages:
            raise AbsorbError(f"{store}: {name} is not drawn: {'; '.join(found.left_out)}")
        yield from (confessed(page, table) for page in found.pages)


def write_if_new(path: Path, text: str) -> None:
    """Write a file unless it says the same already."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def fresh_numbers(folder: Path, plan: Plan, owners: Mapping[str, str]) -> Numbers:
    """Every number, from the tables and the rows as they lie there; `owners` as `draw` gives them.

    Raises AbsorbError for a number of a table that no figure of the plan has drawn.
    """
    names = {place.table for place in plan.places.values()}
    for name in sorted(names - set(owners)):
        raise AbsorbError(f"{folder / 'paper.toml'}: {name}: no figure there draws such a table")
    runs = {name: len(read(folder / "runs" / name)["run_id"]) for name in plan.figures}
    tables = {name: table_of(folder, name) for name in names}
    return numbers_of(plan.places, tables, runs, owners)


def table_of(folder: Path, name: str) -> list[Mark]:
    """The marks of one table."""
    path = folder / "tables" / f"{name}.csv"
    if not path.is_file():
        raise AbsorbError(f"{path}: no such table")
    return from_csv(path.read_text(encoding="utf-8"))


def text_of(folder: Path) -> str:
    """The paper's text."""
    path = folder / "main.typ"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise AbsorbError(f"{path}: {error}") from None


def committed_numbers(folder: Path) -> Numbers:
    """The numbers that the text was last built with."""
    path = folder / "numbers.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise AbsorbError(f"{path}: {error}; absorb paper writes it anew without it") from None


def write_latex(folder: Path, numbers: Numbers, out: Path) -> None:
    """Numbers and tables for those who write in LaTeX."""
    write_if_new(out / "numbers.tex", as_latex(numbers))
    for path in sorted((folder / "tables").glob("*.csv")):
        write_if_new(out / f"{path.stem}.tex", table_as_latex(table_of(folder, path.stem)))


def set_with(folder: Path, numbers: Numbers, out: Path) -> str:
    """Compile the text with new numbers, which stay only if that can be done; the PDF's path."""
    path, committed = folder / "numbers.json", committed_numbers(folder)
    write_if_new(path, as_json(numbers))
    try:
        return set_in_type(folder, out)
    except AbsorbError:
        write_if_new(path, as_json(committed))
        raise


def set_in_type(folder: Path, out: Path) -> str:
    """Compile the text; the path of the PDF."""
    try:
        import typst
    except ModuleNotFoundError:
        raise AbsorbError("the PDF needs typst; pip install 'absorb[paper]'") from None
    target = out / "absorb.pdf"
    try:
        typst.compile(str(folder / "main.typ"), output=str(target), root=str(folder),
                      timestamp=0, ignore_system_fonts=True)  # fmt: skip
    except (RuntimeError, OSError) as error:
        raise AbsorbError(f"{folder / 'main.typ'}: {error}") from None
    return str(target)
