"""A store in a notebook: `marimo edit docs/notebook.py -- --store=paper/runs/leakage`."""

import marimo

app = marimo.App(width="medium", app_title="absorb")


@app.cell
def opened():
    import marimo as mo

    from figures.main import FIGURES, PAIRED, read, read_pairs
    from figures.style import styled

    return FIGURES, PAIRED, mo, read, read_pairs, styled


@app.cell
def loaded(FIGURES, PAIRED, mo, read, read_pairs):
    from pathlib import Path

    store = Path(mo.cli_args().get("store") or "results")
    runs, pairs = read(store), read_pairs(store)
    pages = {
        page.name: page
        for name, pages_of in FIGURES.items()
        for page in pages_of(pairs if name in PAIRED else runs, False).pages
    }
    mo.md(f"**{store}**: {len(runs['run_id']):,} runs, {len(pages)} figures")
    return (pages,)


@app.cell
def chosen(mo, pages):
    mo.stop(not pages, mo.md("No finished sweep is here that a figure could be drawn from."))
    choice = mo.ui.dropdown(sorted(pages), value=min(pages), label="figure")
    choice
    return (choice,)


@app.cell
def drawn(choice, mo, pages, styled):
    import io

    picture = io.BytesIO()
    with styled():
        pages[choice.value].draw().savefig(picture, format="png", dpi=150)
    mo.image(picture.getvalue())
    return


if __name__ == "__main__":
    app.run()
