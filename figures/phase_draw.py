"""The drawing of a phase diagram: colours mixed of length and superposition, with boundaries."""

from typing import TYPE_CHECKING, Any

import numpy as np

from absorb.stats.two_features import textbook_boundary
from absorb.stats.two_features_best import antipodal_boundary
from figures.marks import Mark, without_zero
from figures.style import BLACK, BLUE, VERMILLION, new_figure, settle

if TYPE_CHECKING:
    from figures.phase_diagram import Diagram

ABSENT = (0.6, 0.6, 0.6)
KEY_CELLS = 24
CURVE_POINTS = 41
NAMES = {  # the words, their colour, and how far up in the phase they stand
    "antipodal": ("superposition", "white", 0.5),
    "second only": ("dedicated\ndimension", "white", 0.65),
    "first only": ("not\nrepresented", BLACK, 0.35),
}


def draw(diagram: "Diagram", caption: str) -> Any:
    """Trained beside exact, what part of the seeds found the exact phase, and the colour key."""
    figure = new_figure(2.55, caption)
    axes = figure.subplots(1, 4, width_ratios=(1, 1, 1, 0.42))
    trained = mixed(diagram.best_w)
    exact = mixed(diagram.exact.w)
    seeds = diagram.phase_RPS.shape[2]
    for ax, rgb, title in (
        (axes[0], trained, f"trained, best of {seeds}"),
        (axes[1], exact, "exact"),
    ):
        mesh(ax, diagram, rgb)
        ax.set_title(title)
    share_RP = share_alike(diagram)
    image = mesh(axes[2], diagram, share_RP, cmap="Blues_r", vmin=0, vmax=1)
    axes[2].set_title("seeds in the exact phase")
    lines = boundaries(diagram)
    for letter, ax in zip("abc", axes, strict=False):
        ax.set_title(letter, loc="left", fontweight="bold")
        for p, r, style in lines:
            ax.plot(p, r, color=BLACK, lw=0.9, ls=style)
        frame(ax, diagram)
    names(axes[1], diagram)
    for ax in axes[1:3]:
        ax.tick_params(labelleft=False)
    axes[0].set_ylabel("relative importance of the extra feature, r")
    key(figure, axes[3], image)
    return settle(figure)


def mixed(w: np.ndarray) -> np.ndarray:
    """Colours (R, P, 3) of weights (R, P, 2): paper where the extra feature is not represented."""
    length = np.clip(np.abs(w[..., 1]), 0, 1)
    shared = np.where(w[..., 1] == 0, 0, np.clip(w[..., 0] ** 2, 0, 1))
    return np.where(np.isfinite(length)[..., None], colours(length, shared), ABSENT)


def colours(length: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """From white to blue with the length, to vermillion where the dimension is shared."""
    from matplotlib.colors import to_rgb

    own, both = np.array(to_rgb(BLUE)), np.array(to_rgb(VERMILLION))
    hue = own + shared[..., None] * (both - own)
    return 1 + np.nan_to_num(length)[..., None] * (np.nan_to_num(hue) - 1)


def share_alike(diagram: "Diagram") -> np.ndarray:
    """The share of seeds in the exact phase; NaN where none ended well."""
    ended = np.isfinite(diagram.alike_RPS)
    none_RP = np.full(ended.shape[:2], np.nan)
    alike_RP = np.where(ended, diagram.alike_RPS, 0).sum(axis=2)
    return np.divide(alike_RP, ended.sum(axis=2), out=none_RP, where=ended.any(axis=2))


def mesh(ax: Any, diagram: "Diagram", values: np.ndarray, **look: Any) -> Any:
    """One value or colour per point, as a cell around it."""
    ax.set_facecolor(ABSENT)
    return ax.pcolormesh(
        edges(diagram.active_P), edges(diagram.importance_R), values, rasterized=True, **look
    )


def edges(value_N: np.ndarray) -> np.ndarray:
    """The ends of the cells around increasing values, halfway between them in the logarithm."""
    log_N = np.log(value_N)
    middle = (log_N[1:] + log_N[:-1]) / 2
    first, last = 2 * log_N[0] - middle[0], 2 * log_N[-1] - middle[-1]
    return np.exp(np.concatenate([[first], middle, [last]]))


def boundaries(diagram: "Diagram") -> list[tuple[np.ndarray, np.ndarray, Any]]:
    """Where antipodal weights become the best, and r = 1 beyond: p, r and the style of the line."""
    low, high = edges(diagram.importance_R)[[0, -1]]
    r, dashed = np.geomspace(low, high, CURVE_POINTS), (0, (3, 2))
    apex = float(textbook_boundary(np.array(1.0)))
    return [
        (antipodal_boundary(r), r, "-"),
        (textbook_boundary(r), r, dashed),
        (np.array([apex, 1.0]), np.ones(2), dashed),
    ]


def boundary_marks(diagram: "Diagram") -> list[Mark]:
    """The points of all boundaries."""
    return [
        Mark("boundaries", f"line {i}", at, value, value, value, 0)
        for i, (p, r, _) in enumerate(boundaries(diagram))
        for at, value in zip(p.tolist(), r.tolist(), strict=True)
    ]


def names(ax: Any, diagram: "Diagram") -> None:
    """Each phase by its name, where it is wide."""
    for phase, (words, colour, up) in NAMES.items():
        if len(places := np.argwhere(diagram.exact.family == phase)):
            row = round(float(np.quantile(places[:, 0], up)))
            column = round(float(places[places[:, 0] == row, 1].mean()))
            at = diagram.active_P[column], diagram.importance_R[row]
            ax.text(*at, words, color=colour, fontsize=5.5, ha="center", va="center")


def frame(ax: Any, diagram: "Diagram") -> None:
    """Logarithmic axes, sparser to the right."""
    from matplotlib.ticker import FuncFormatter

    plain = FuncFormatter(lambda x, _: without_zero(f"{x:g}"))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(plain)
    ax.yaxis.set_major_formatter(plain)
    low, high = edges(diagram.active_P)[[0, -1]]
    ax.set_xlim(high, low)
    ax.set_ylim(*edges(diagram.importance_R)[[0, -1]])
    ax.set_xlabel("probability of being active, p\n(sparser →)")
    ax.spines[:].set_visible(True)


def key(figure: Any, ax: Any, image: Any) -> None:
    """What the mixed colours mean, and below it the scale of the third panel."""
    value = (np.arange(KEY_CELLS) + 0.5) / KEY_CELLS
    rgb = colours(*np.meshgrid(value, value))
    ax.set_axis_off()
    mix = ax.inset_axes((0.42, 0.6, 0.58, 0.34))
    mix.imshow(rgb, origin="lower", extent=(0, 1, 0, 1), aspect="auto", interpolation="none")
    mix.set_xticks([0, 1])
    mix.set_yticks([0, 1])
    mix.tick_params(length=1.5, labelsize=6)
    mix.set_xlabel("length", labelpad=-5, fontsize=6)
    mix.set_ylabel("superposition", labelpad=1, fontsize=6)
    scale = ax.inset_axes((0.42, 0.02, 0.14, 0.36))
    figure.colorbar(image, cax=scale, ticks=[0, 0.5, 1])
    scale.set_title("share", fontsize=6, loc="left")
