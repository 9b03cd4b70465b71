"""From the command to the first step, and the memory of a default MNIST run."""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
_JAX_CACHE = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


def first_step_seconds(cache: str) -> float:
    """Start `train mnist_gauss` on 200 images, one step to an epoch, and wait for the first epoch's metrics."""
    flags = ["--config.data.num_validation=59800", "--config.train.eval_every=1000", "--config.train.num_epochs=1000"]
    env = {name: value for name, value in os.environ.items() if name not in _JAX_CACHE} | {"VAEX_CACHE_DIR": cache}
    with tempfile.TemporaryDirectory() as runs:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "vaex", "train", "mnist_gauss", "--runs", runs, *flags],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        metrics = Path(runs) / "latest" / "metrics.jsonl"
        while not (metrics.is_file() and metrics.read_text()):
            if process.poll() is not None:
                sys.exit("train mnist_gauss ended before its first step: run it by hand to see why")
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        process.kill()
        process.wait()
    return seconds


def main() -> None:
    """Seconds with an empty compilation cache and with a full one, and the peak memory."""
    cold, warm = [], []
    with tempfile.TemporaryDirectory() as cache:
        first_step_seconds(cache)  # decodes the images, which stay decoded
        for _ in range(RUNS):
            shutil.rmtree(Path(cache) / "jax")  # where compiled programs are kept unless JAX is told another place
            cold.append(first_step_seconds(cache))
            warm.append(first_step_seconds(cache))
    seconds = f"{statistics.median(cold):.1f} s cold, {statistics.median(warm):.1f} s with the compilation cache"
    print(f"from the command to the first step: {seconds}")
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "vaex", "train", "mnist_gauss", "--runs", runs, "--config.train.num_epochs=2"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    print(f"peak memory of train mnist_gauss: {peak:.2f} GiB")
