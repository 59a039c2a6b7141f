"""Where Hydra looks for plugins: it finds the sweeper `lanes` and the checked YAML source here."""

from hydra.core.config_store import ConfigStore

from sweeps.checked_yaml import CheckedYaml as CheckedYaml
from sweeps.sweeper import Lanes, LanesConfig


class LanesSweeper(Lanes):
    """`hydra/sweeper=lanes`; defined here, since Hydra takes plugins from nowhere else."""


ConfigStore.instance().store(
    group="hydra/sweeper",
    name="lanes",
    node=LanesConfig(_target_=f"{__name__}.LanesSweeper"),
    provider="absorb",
)
