"""The usual way to sweep: Hydra's joblib launcher around a plain JAX training script.

python sweep_joblib.py --multirun 'seed=range(0,8)' process=own
"""

import subprocess
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

SCRIPT = Path(__file__).with_name("train_mlp.py")


@hydra.main(version_base="1.3", config_path=".", config_name="sweep_joblib")
def main(config: DictConfig) -> None:
    """One job: a run in a process of its own, or in the launcher's worker."""
    if config.process == "own":
        words = [sys.executable, str(SCRIPT), str(config.seed), str(config.epochs)]
        subprocess.run(words, check=True, capture_output=True)
        return
    sys.path.insert(0, str(SCRIPT.parent))
    from train_mlp import train  # type: ignore[import-not-found]

    train(config.seed, config.epochs)


if __name__ == "__main__":
    main()
