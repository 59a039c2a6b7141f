"""A heat map of values between 0 and 1, each with its number. Draws on the axes given."""

from typing import Any

import numpy as np

from figures.marks import without_zero


def heat(ax: Any, value_RC: np.ndarray, letters: float = 5) -> Any:
    """Cells with their numbers; what has no value stays grey. Returns the image.

    letters: their size in points.
    """
    ax.set_facecolor("#DDDDDD")
    image = ax.imshow(value_RC, cmap="cividis", vmin=0, vmax=1)
    for (row, column), x in np.ndenumerate(value_RC):
        if np.isfinite(x):
            colour = "white" if x < 0.5 else "black"
            text = without_zero(f"{round(x, 2) + 0.0:.2f}")
            ax.text(column, row, text, ha="center", va="center", fontsize=letters, color=colour)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return image
