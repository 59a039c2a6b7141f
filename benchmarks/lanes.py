"""Small networks: the engine against PyTorch and against the machine's ceiling."""

import numpy as np

from benchmarks.effort import Effort
from benchmarks.report import Figure, Report, at_least, at_most
from benchmarks.timing import Contender, Taken, interleaved

MEMBERS = (8, 32, 64, 128)
COMPILED = 64
NONE, SITES = "routing=none", "routing.sites=[encode0,latent,decode0]"
SETTINGS = ["model=autoencoder", "measure=quick"]  # 64-128-32-128-64 on digits, batch 64, Adam
PLAIN, ROUTED, THREE = "engine, no routing at all", "engine, activation routing", ", three sites"
OURS = {
    PLAIN: [NONE],
    "engine, all weights one": ["routing.arm=capacity"],
    ROUTED: [],
    "engine, parameter routing": ["routing.mechanism=parameter"],
    f"{PLAIN}{THREE}": [NONE, SITES],
    f"engine, parameter routing{THREE}": [SITES, "routing.mechanism=parameter"],
}


def lanes(effort: Effort) -> Report:
    """Microseconds per run-step of every contender, in one run, and their ratios."""
    from absorb.lanes.width import rule
    from absorb.worlds import load_world
    from benchmarks.problem import problem_of
    from sweeps.app import compose

    config = compose(SETTINGS)
    problem = problem_of(config, load_world(config.world))
    contenders, skipped = peers(problem, effort)
    runs = effort.pick(64, 8)
    contenders |= ours(runs, effort.pick(10, 1))
    tops = ceilings_of(effort)
    taken = interleaved(contenders | tops, effort.rounds)
    notes = [
        f"{runs} runs, {rule(config)} lanes on each device at a time; {problem.batch} pictures a "
        f"step; {problem.step_flops / 1e6:.1f} million operations a run-step, 6 B sum(in x out)",
        "ratios are taken round by round; each round times every contender in turn",
        *skipped,
    ]
    figures = [*steps(taken, contenders), *ceiling(taken, tops), *ratios(taken, problem)]
    figures += ratios(best_rounds(taken), problem, " (best rounds)")
    return Report(figures, [*notes, cpu_note(taken, contenders)])


def peers(problem, effort: Effort) -> tuple[dict[str, Contender], list[str]]:
    """PyTorch's contenders, and why one was left out."""
    from benchmarks.torch_ensemble import Ensemble
    from benchmarks.torch_solo import solo

    epochs, calls = effort.pick(20, 1), effort.pick(2048, 32)
    found = {
        "PyTorch, one at a time": solo(problem, epochs),
        "PyTorch, one at a time, routed": solo(problem, epochs, routed=True),
        "PyTorch, one at a time, fused Adam": solo(problem, epochs, fused=True),
        "PyTorch, one at a time, routed, fused Adam":
            solo(problem, epochs, routed=True, fused=True),
        "PyTorch, one at a time, one thread": solo(problem, epochs, threads=1),
        "PyTorch, one at a time, routed, one thread":
            solo(problem, epochs, routed=True, threads=1),
    }  # fmt: skip
    for members in effort.pick(MEMBERS, MEMBERS[:1]):
        for routed in (False, True):
            name = f"PyTorch, {members} by hand{', routed' * routed}"
            made = Ensemble(problem, members, routed=routed)
            found[name] = made.contender(max(2, calls // members))
    if effort.small:
        return found, []
    compiled, reason = try_compiled(problem, calls)
    return found | compiled, [reason] if reason else []


def try_compiled(problem, calls: int) -> tuple[dict[str, Contender], str]:
    """The compiled ensemble, or nothing and the reason."""
    from benchmarks.torch_ensemble import CompiledEnsemble

    made = CompiledEnsemble(problem, COMPILED)
    try:
        made.contender(2).run()
    except Exception as error:  # torch.compile raises whatever the compiler below it raised
        reason = (str(error).splitlines() or [""])[0]
        return {}, f"torch.compile was left out: {type(error).__name__}: {reason:.120}"
    name = f"PyTorch, {COMPILED} by hand, torch.compile"
    return {name: made.contender(max(2, calls // COMPILED))}, ""


def ours(runs: int, epochs: int) -> dict[str, Contender]:
    """The engine's contenders."""
    from absorb.worlds import load_world
    from benchmarks.engine import engine, seeded
    from sweeps.app import compose

    made = {}
    for name, words in OURS.items():
        config = compose([*SETTINGS, *words])
        configs, data = seeded(config, runs), load_world(config.world)
        made[name] = engine(configs, data, epochs)
    return made


def ceilings_of(effort: Effort) -> dict[str, Contender]:
    """Large matrix products, named apart from those that train."""
    from benchmarks.ceiling import ceilings

    found = ceilings(effort.pick(2048, 256), effort.pick(4, 1))
    return {f"matrix product, {name}": contender for name, contender in found.items()}


def steps(taken: dict[str, Taken], contenders: dict[str, Contender]) -> list[Figure]:
    """Time per run-step of everything that trains."""
    return [Figure(name, "µs per run-step", taken[name].wall_R * 1e6) for name in contenders]


def ceiling(taken: dict[str, Taken], tops: dict[str, Contender]) -> list[Figure]:
    """Operations per second of the large matrix products."""
    return [Figure(name, "GFLOP/s", 1e-9 / taken[name].wall_R) for name in tops]


def ratios(taken: dict[str, Taken], problem, suffix: str = "") -> list[Figure]:
    """What the goals are about: routed against routed and plain against plain."""
    wall = {name: t.wall_R for name, t in taken.items()}
    solo, hands = "PyTorch, one at a time", [name for name in wall if "by hand" in name]
    hand = fastest(wall, [n for n in hands if "routed" not in n and "compile" not in n])
    top = fastest(wall, [name for name in wall if name.startswith("matrix product")])
    pairs = [
        (solo, PLAIN, at_least(15)),
        (f"{solo}, routed", ROUTED, at_least(15)),
        *((f"{solo}, {way}", PLAIN, None) for way in ("one thread", "fused Adam")),
        (hand, PLAIN, at_least(1.5)),
        (fastest(wall, [name for name in hands if "routed" in name]), ROUTED, at_least(1.5)),
        *((name, PLAIN, None) for name in hands if "compile" in name),
    ]
    found = [Figure(f"{a} / {b}{suffix}", "x", wall[a] / wall[b], goal) for a, b, goal in pairs]
    for name in (PLAIN, ROUTED):
        share = 100 * wall[top] * problem.step_flops / wall[name]
        found.append(Figure(f"{name}: share of {top}{suffix}", "%", share, at_least(40)))
    for sites in ("", THREE):
        cost = 100 * (wall[f"engine, parameter routing{sites}"] / wall[f"{PLAIN}{sites}"] - 1)
        what = f"parameter routing{sites}: cost over none{suffix}"
        found.append(Figure(what, "%", cost, at_most(15)))
    return found


def best_rounds(taken: dict[str, Taken]) -> dict[str, Taken]:
    """Each contender's least time, which a busy machine changes least."""
    return {name: Taken(t.wall_R.min(keepdims=True), t.cpu_R) for name, t in taken.items()}


def fastest(wall: dict[str, np.ndarray], names: list[str]) -> str:
    """The name with the least median."""
    return min(names, key=lambda name: float(np.median(wall[name])))


def cpu_note(taken: dict[str, Taken], contenders: dict[str, Contender]) -> str:
    """Time that the cores worked, and the least by the clock."""
    each = (
        f"{name} {np.median(taken[name].cpu_R) * 1e6:.0f} and {taken[name].wall_R.min() * 1e6:.0f}"
        for name in contenders
    )
    return f"cores' time / cores, and best round, µs per run-step: {'; '.join(each)}"
