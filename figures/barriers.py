"""Is there a barrier between one run's parameters and another's, before and after matching?"""

from collections.abc import Sequence

from figures.apart import headed
from figures.barrier_pairs import (
    APART,
    CELL,
    CHANCE,
    CONDITION,
    COSINE,
    IN_REGION,
    LOSSES,
    ORDERS,
    SHUFFLED,
    Study,
    columns_of,
    difference,
    over_cells,
    shared_of,
    studies,
)
from figures.barriers_draw import draw
from figures.marks import Mark, mark, spoken
from figures.page import Page, Pages, pages_of
from figures.path_cubes import EPOCHS, ROUTED, UNROUTED
from figures.select import Table
from figures.token_runs import CONCEPT

APART_BY = "routed − not routed"
INIT, RERUN = 3, 7  # what is shared where the initialisation alone differs, and where nothing does
SAID = (ORDERS["as_is"], ORDERS["matched"], IN_REGION)  # what the terminal is told of


def pages(table: Table, partial: bool) -> Pages:
    """One figure for each study whose pairs are all compared."""
    drawn = lambda study: partial or not study.missing  # noqa: E731
    return pages_of("barriers", studies(table), page, in_words, drawn, told=told)


def told(study: Study) -> tuple:
    """What the caption says of a study."""
    return tuple(study.first[name] for name in ("world.kind", "model.kind", CONCEPT, *CONDITION))


def page(name: str, study: Study) -> Page:
    """The figure of one study."""
    marks = [*heights(study), *matchings(study), *differences(study)]
    caption = headed(study.apart, caption_of(study))
    return Page(name, lambda: draw(marks, caption), marks, caption)


def heights(study: Study) -> list[Mark]:
    """Every barrier by what differs; with units as they are, a random order stands beside it."""
    marks = []
    for column in columns_of(study, "barrier."):
        _, order, loss = column.split(".")
        for name, rows in study.pairs.items():
            series = f"{name}, {SHUFFLED}" if order == "shuffled" else name
            panel = f"{ORDERS.get(order, ORDERS['as_is'])}: {LOSSES[loss]}"
            marks += [
                mark(panel, series, shared, over_cells(rows, column, shared), APART[shared])
                for shared in shared_of(rows)
            ]
    return marks


def matchings(study: Study) -> list[Mark]:
    """Which share of the region free matching puts in the region, and how alike weights are."""
    places = [(column, f"{IN_REGION}: {column.split('.', 1)[1].split('/')[-1]}")
              for column in columns_of(study, "in_region.")]  # fmt: skip
    places += [(column, f"{COSINE}: {ORDERS[column.split('.', 1)[1]]}")
               for column in columns_of(study, "cosine.")]  # fmt: skip
    marks = [
        mark(panel, name, shared, over_cells(rows, column, shared), APART[shared])
        for column, panel in places
        for name, rows in study.pairs.items()
        for shared in shared_of(rows)
    ]
    return marks + chances(study, places)


def chances(study: Study, places: Sequence[tuple[str, str]]) -> list[Mark]:
    """The region's share of its units, which matching that knows nothing of it would give."""
    return [
        mark(panel, CHANCE, shared,
             over_cells(study.rows, column.replace("in_region", "by_chance"), shared))
        for column, panel in places if column.startswith("in_region")
        for shared in shared_of(study.rows)
    ]  # fmt: skip


def differences(study: Study) -> list[Mark]:
    """How much higher the barriers of routed runs are, cell by cell."""
    marks = []
    for column in columns_of(study, "barrier."):
        _, order, loss = column.split(".")
        for shared in shared_of(study.rows):
            found = difference(study, column, shared)
            if found is not None and order in ORDERS:
                series = f"{ORDERS[order]}: {LOSSES[loss]}"
                marks.append(mark(APART_BY, series, shared, found, APART[shared]))
    return marks


def caption_of(study: Study) -> str:
    """What a reader has to know."""
    first = study.first
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in study.pairs.items())
    part = f" (PARTIAL: {study.missing})" if study.missing else ""
    nats = "squared error" if first["model.kind"] == "autoencoder" else "nats"
    return (
        f"{len(study.rows)} pairs{part}: {counts}; {first['world.kind']}, {first['model.kind']},"
        f" concept {first['routing.concept']}; routed: {first['routing.mechanism']},"
        f" {first['routing.label_fraction']:g} of it labelled. Barrier: the greatest rise of the"
        f" whole network's test loss ({nats}) above the chord, at 25 points of the straight line"
        f" between two runs' parameters, by the seeds in which the two differ; none: the same run"
        f" again, the floor. × and +: the second network's units in a random order, the null of an"
        f" order that says nothing. Matched: units permuted to bring the weights closest (Git"
        f" Re-Basin, from two starts), R's among R's and the rest's among the rest's, or freely;"
        f" R matched with R: the share of R's units that free matching puts in R, dotted by chance."
        f" Of networks that are not routed R is the same slice of units and means nothing. Not"
        f" trained: random starts. Whiskers: 95 %, t over cells, which share no run. Axes differ."
    )


def in_words(study: Study, marks: Sequence[Mark]) -> str:
    """The finding for the terminal."""
    cells = len({row[CELL] for row in study.rows if row[EPOCHS]})
    lines = [f"barriers, {study.first['model.kind']}, {len(study.rows)} pairs, {cells} cells:"]
    for panel in dict.fromkeys(m.panel for m in marks if m.panel.startswith(SAID)):
        for name in (ROUTED, UNROUTED):
            own = [m for m in marks if (m.panel, m.series, m.at == RERUN) == (panel, name, False)]
            said = "; ".join(f"{m.flag} {spoken(m)}" for m in own)
            lines += [f"  {panel}, {name}, by what differs: {said}"] if own else []
    lines += [f"  {APART_BY}, {m.series}, init alone differs: {spoken(m)}" for m in marks
              if m.panel == APART_BY and m.at == INIT and m.series.startswith(SAID)]  # fmt: skip
    return "\n".join([*lines, rerun_words(marks)])


def rerun_words(marks: Sequence[Mark]) -> str:
    """What the same run again reads, as it is."""
    own = [m for m in marks if m.at == RERUN and m.panel.startswith(ORDERS["as_is"])
           and SHUFFLED not in m.series]  # fmt: skip
    worst = max((m.high for m in own), default=float("nan"))
    return f"  the same run again: at most {worst:g}"
