"""Figures as files, with their tables beside them; what has not changed is not drawn again."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from absorb.errors import AbsorbError
from figures.page import Page
from figures.style import FORMATS, METADATA, styled
from figures.tables import as_csv, as_markdown

PRINT = "pdf"  # what a paper takes
DRAWN_WITH = ("matplotlib", "tueplots")
INDEX = "figures.json"  # which content each figure in a directory was drawn from


class Gallery(NamedTuple):
    """A directory of figures in the style of one venue; `for_print`: PDF alone."""

    out: Path
    venue: str
    for_print: bool = False

    @property
    def formats(self) -> tuple[str, ...]:
        """The endings of a figure's files."""
        return tuple(ending for ending in FORMATS if ending == PRINT or not self.for_print)

    def hang(self, page: Page) -> list[str]:
        """Write one figure in every format, with its tables; a line for each file, or one in all.

        A figure whose marks, caption, style and code are those of the files there is left as it is.
        Raises AbsorbError where two marks stand at one place.
        """
        refuse_twice(page)
        content, known = content_of(page, self.venue, self.formats), self.index()
        paths = [self.out / f"{page.name}.{ending}" for ending in (*self.formats, "csv", "md")]
        if known.get(page.name) == content and all(path.is_file() for path in paths):
            return [f"{os.fspath(self.out / page.name)}: unchanged"]
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            if known.pop(page.name, None):  # what is half drawn when this ends is not known
                self.note(known)
            self.draw(page)
            self.note(known | {page.name: content})
        except OSError as error:
            where = error.filename or self.out
            raise AbsorbError(f"cannot write {where}: {error.strerror}") from error
        return [os.fspath(path) for path in paths]

    def draw(self, page: Page) -> None:
        """The figure in every format, and its tables."""
        if self.formats:
            self.picture(page)
        for ending, text in (
            ("csv", as_csv(page.marks)),
            ("md", as_markdown(page.marks, page.caption)),
        ):
            (self.out / f"{page.name}.{ending}").write_text(text, encoding="utf-8")

    def picture(self, page: Page) -> None:
        """The figure in every format."""
        with styled(self.venue):
            figure = page.draw()
            for ending in self.formats:
                figure.savefig(self.out / f"{page.name}.{ending}", metadata=METADATA[ending])

    def note(self, known: dict[str, str]) -> None:
        """Write which content each figure was drawn from."""
        (self.out / INDEX).write_text(as_json(known), encoding="utf-8")

    def index(self) -> dict[str, str]:
        """What is known of the figures in the directory; nothing where that cannot be read."""
        try:
            found = json.loads((self.out / INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def refuse_twice(page: Page) -> None:
    """Raise AbsorbError where two marks stand at one place, one drawn over the other."""
    counts = Counter((m.panel, m.series, m.at) for m in page.marks if m.panel not in page.dots)
    if several := [place for place, n in counts.items() if n > 1]:
        panel, series, at = several[0]
        raise AbsorbError(f"{page.name}: {series} at {at:g} of {panel!r} is there twice")


def as_json(value: object) -> str:
    """JSON that a reader can compare line by line."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def content_of(page: Page, venue: str, formats: Sequence[str]) -> str:
    """A hash of all that decides how a figure looks."""
    parts = [as_csv(page.marks), page.caption, venue, ",".join(formats), code_of_figures()]
    parts += [as_csv(page.lines)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def version_of(package: str) -> str:
    """The version of a package, or "" where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@lru_cache(maxsize=1)
def code_of_figures() -> str:
    """A hash of the modules that draw, and of the versions of what they draw with."""
    digest = hashlib.sha256(" ".join(map(version_of, DRAWN_WITH)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
