"""What a kind of model adds to the results of a run."""

import json

from matplotlib.figure import Figure

from vaex.__main__ import main
from vaex.assess import Report
from vaex.experiment.reports import REPORTERS

QUICK = ["--config.train.num_epochs=1", "--config.evaluate.num_samples=2", "--config.model.latent_dim=2"]


def test_scores_and_figures_of_ones_own_are_written_and_printed(monkeypatch, tmp_path, capsys):
    def report(key, model, dataset, x):
        assert len(x) == len(dataset.test.images)
        return Report({"pixels_on": float(model.decode(model.prior.sample(key)).mean.sum())}, {"empty": Figure()})

    monkeypatch.setitem(REPORTERS, "vae", report)
    assert main(["train", "digits", "--runs", str(tmp_path), *QUICK]) == 0
    on = json.loads((tmp_path / "latest/results.json").read_text())["pixels_on"]
    assert 0 < on < 64
    assert f"{on:.4g}" in next(line for line in capsys.readouterr().out.splitlines() if "pixels on" in line)
    assert (tmp_path / "latest/figures/empty.png").is_file()


def test_clusters_and_codebooks_are_reported(tmp_path):
    """A run of each kind, of one epoch: accuracy as a fraction, and no more codes used than there are."""
    mixture = ["--config.model.prior=mixture", "--config.model.num_components=10", "--config.objective.kl=sampled"]
    assert main(["train", "digits", "--runs", str(tmp_path), *QUICK, *mixture]) == 0
    results = json.loads((tmp_path / "latest/results.json").read_text())
    assert 0.1 <= results["clustering_accuracy"] <= 1
    assert (tmp_path / "latest/figures/components.png").is_file()
    codes = [f"--config.model.{flag}" for flag in ("kind=vqvae", "patch=4", "num_codes=8", "prior_width=8")]
    assert main(["train", "digits", "--runs", str(tmp_path), *QUICK, *codes, "--config.objective.name=vq"]) == 0
    results = json.loads((tmp_path / "latest/results.json").read_text())
    assert 1 <= results["code_perplexity"] <= 8 * results["codebook_use"] + 1e-3
