"""Speed, as ratios within one run: python -m tests.bench [SECTION...], of those of SECTIONS below, all without one."""

import shlex
import sys

from tests.bench import estimators, evaluation, flows, inference, networks, start, streaming, sweep, target, training

SECTIONS = {
    "train": training.main,
    "stream": streaming.main,
    "networks": networks.main,
    "estimators": estimators.main,
    "flows": flows.main,
    "evaluate": evaluation.main,
    "inference": inference.main,
    "sweep": sweep.main,
    "target": target.main,
    "start": start.main,
}

if __name__ == "__main__":
    chosen = shlex.split(" ".join(sys.argv[1:])) or list(SECTIONS)
    if unknown := set(chosen) - set(SECTIONS):
        sys.exit(f"unknown section {', '.join(sorted(unknown))}: expected {', '.join(SECTIONS)}")
    for name in chosen:
        SECTIONS[name]()
