"""What a kind of model adds to the results of a run."""

import json

from matplotlib.figure import Figure

from vaex.__main__ import main
from vaex.experiment.reports import REPORTERS, Report

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
