"""The Sweeper behind `hydra/sweeper=lanes`: overrides to all points of a sweep, unbuilt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from absorb.errors import AbsorbError
from sweeps.overrides import NOT_OF_A_RUN, Setting, parse, texts_of

Settings = dict[str, Setting]


@dataclass
class LanesConfig:
    """`params` are swept by every run of an experiment; `union` lists sub-sweeps to be united."""

    _target_: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    union: list[dict[str, Any]] = field(default_factory=list)


class Lanes(Sweeper):
    """Calls its task once, with a `Request` that streams every point, where others call per point.

    An experiment's `hydra.sweeper.params` hold for all of its runs. `hydra.sweeper.union` is a
    list of further params: the sweep is the union of these sub-sweeps. What the command line says
    of a key wins, with one exception: a key that every sub-sweep sets tells them apart, so there
    the command line picks among the sub-sweeps' own values.
    """

    def __init__(self, params: Mapping[str, Any], union: Sequence[Mapping[str, Any]]) -> None:
        # Hydra hands these over but a swept `experiment` has many: `branches` reads them anew.
        del params, union

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra hands over."""
        self.hydra_context, self.task, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> Any:
        """The task's answer to the request that `arguments`, overrides in Hydra's grammar, make."""
        from sweeps.app import request_of
        from sweeps.compose import compose_config, plain
        from sweeps.points import points_of

        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        command = parse(arguments, loader)
        points = points_of(loader, branches(loader, command))
        said = list(points.shared())
        if not said:  # no sub-sweep has what was picked
            fixed = [setting for setting in command.values() if not setting.swept]
            said = [plain(compose_config(loader, fixed))]
        return self.task(request_of(points, arguments, said))


def branches(loader: ConfigLoader, command: Settings) -> Iterator[Settings]:
    """The sub-sweeps that a command line asks for, each as the settings of a plain product."""
    experiment = command.get("experiment")
    for name in experiment.values if experiment else [None]:
        chosen = dict(command)
        if experiment is not None:
            chosen["experiment"] = experiment._replace(values=[name], swept=False)
            check_measure(loader, chosen)
        yield from _united(loader, chosen)


def check_measure(loader: ConfigLoader, command: Settings) -> None:
    """Refuse a `measure` of the command line that an experiment overrules without a word.

    Errors: AbsorbError naming the settings that the experiment has made itself.
    """
    from sweeps.compose import compose_config, plain

    measure = command.get("measure")
    for value in measure.values if measure else ():
        one = measure._replace(values=[value], swept=False)  # type: ignore[union-attr]
        asked, found = (
            plain(compose_config(loader, settings))["measure"]
            for settings in ([one], [command["experiment"], one])
        )
        said = [f"measure.{name}" for name in asked if asked[name] != found[name]]
        said = [name for name in said if name not in command and name != "measure.parameters"]
        if said:
            raise AbsorbError(
                f"measure={value}: experiment={command['experiment'].values[0]} says itself what "
                f"{', '.join(said)} {'is' if len(said) == 1 else 'are'}; give {said[0]}=... instead"
            )


def _united(loader: ConfigLoader, command: Settings) -> Iterator[Settings]:
    node = _sweeper_node(loader, command)
    params = parse(texts_of(node["params"], "hydra.sweeper.params"), loader)
    union = [parse(texts_of(part, "hydra.sweeper.union"), loader) for part in node["union"] or [{}]]
    for own in (params, *union):
        _refuse_not_swept(own)
    told_apart = set.intersection(*map(set, union)) if len(union) > 1 else set()
    for own in union:
        merged = _later_wins(params, own, command)
        for key in told_apart & set(command):
            merged[key] = _picked(command[key], own[key], [other[key] for other in union])
        if all(setting.values for setting in merged.values()):
            yield merged


def _refuse_not_swept(own: Settings) -> None:
    """Refuse what is no run's own, and would be overruled or passed over without a word."""
    for key in own:
        if key.split(".")[0] in ("experiment", *NOT_OF_A_RUN):
            raise AbsorbError(f"{key}: not for params or union of hydra.sweeper, which vary runs")


def _sweeper_node(loader: ConfigLoader, command: Settings) -> dict[str, Any]:
    from sweeps.compose import compose_config

    groups = [s for s in command.values() if s.structural and not s.swept]
    node = OmegaConf.to_container(compose_config(loader, groups).hydra.sweeper, resolve=False)
    assert isinstance(node, dict)
    if unknown := set(node) - {"_target_", "params", "union"}:
        raise AbsorbError(f"hydra.sweeper.{min(map(str, unknown))}: there are params and union")
    return node  # type: ignore[return-value]


def _later_wins(*layers: Settings) -> Settings:
    merged: Settings = {}
    for layer in layers:
        for key, setting in layer.items():
            merged.pop(key, None)
            merged[key] = setting
    return merged


def _picked(asked: Setting, own: Setting, all_own: Sequence[Setting]) -> Setting:
    """The values asked for that are this sub-sweep's, and those that are nobody's."""
    known = {_value_key(value) for setting in all_own for value in setting.values}
    mine = {_value_key(value) for value in own.values}
    values = [v for v in asked.values if _value_key(v) in mine or _value_key(v) not in known]
    return asked._replace(values=values, swept=len(values) > 1)


def _value_key(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return repr(float(value)) if number else repr(value)
