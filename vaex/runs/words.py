"""A run in words: how training goes, and of one that is reported its score, training time and active units."""

from collections.abc import Mapping

from vaex.files import Json

Run = Mapping[str, Json]  # a results.json, with what is written by hand

PROGRESS = {  # of a validation in the progress line, the first two that there are
    "validation_accuracy": "{:.1%} of labels",
    "validation_elbo": "ELBO {:.2f}",
    "validation_log_likelihood": "of the first 500 L_K {:.2f}",  # it takes many draws, and may be below all ones' ELBO
    "validation_log_px_z": "log p(x|z) {:.2f}",
}
_SCORE = ("test_log_likelihood", "test_elbo")
_SHOWN: dict[str, str] = {  # how a field is shown; any other by its name
    "test_elbo": "ELBO {:.2f} nats",
    "validation_elbo": "validation ELBO {:.2f} nats",
    "bits_per_dim": "{:.4g} bits per dimension by the ELBO",
    "test_accuracy": "{:.1%} of test labels",
    "test_accuracy_standard_error": "standard error {:.1%}",
    "clustering_accuracy": "{:.1%} of test labels by the best match of clusters and classes",
    "clusters_used": "{:.0f} clusters in use",
    "codebook_use": "{:.0%} of the codes in use",
    "code_perplexity": "with a perplexity of {:.1f}",
    "imputation_rmse": "RMSE of imputation {:.3f}",
    "imputation_rmse_nearest_neighbours": "of nearest neighbours' {:.3f}",
    "imputation_rmse_training_mean": "of the mean's {:.3f}",
    "log_likelihood_of_the_density": "of the density itself {:.2f} nats",
    "log_likelihood_of_bicubic": "of a Gaussian around bicubic interpolation {:.2f} nats",
    "psnr_of_the_mean_completion": "PSNR of the mean of 50 completions {:.2f} dB",
    "psnr_of_a_completion": "of one {:.2f} dB",
    "psnr_of_bicubic": "of bicubic interpolation {:.2f} dB",
    "ssim_of_the_mean_completion": "SSIM of the mean {:.3f}",
    "ssim_of_a_completion": "of one {:.3f}",
    "ssim_of_bicubic": "of bicubic interpolation {:.3f}",
    "mig": "MIG {:.3f}",
    "factor_vae_score": "FactorVAE's score {:.3f}",
    "dci_disentanglement": "DCI {:.3f}",
    "test_log_px_z": "log p(x|z) = {:.2f} nats at z = encode(x)",
    "test_squared_error": "squared error {:.2f}",
}


def score_line(run: Run) -> str:
    """One sentence: training time, scores, and active units."""
    units = f", active units {active(run)}" if active(run) else ""
    found = f"{score(run)}{units}."
    if "train_seconds" not in run:
        return f"Measured: {found}"
    evaluation = f" and {run['evaluate_seconds']:.0f} s of evaluation" if "evaluate_seconds" in run else ""
    return f"{run['train_seconds']:,.0f} s of training{_machine(run)}{evaluation}; {found}"


def score(run: Run) -> str:
    """The scores of a run, in words."""
    return ", ".join(_shown(run, field) for field in run.get("score", _SCORE) if run.get(field) is not None)


def _shown(run: Run, field: str) -> str:
    """A field's value in words."""
    if field == "test_log_likelihood":
        return f"L_{run['num_samples']} = {run[field]:.2f} nats"
    if field == "bits_per_dim_log_likelihood":
        return f"{run[field]:.4g} by L_{run['num_samples']}"
    return _SHOWN.get(field, field.replace("_", " ") + " {:.4g}").format(run[field])


def active(run: Run) -> str:
    """The active units of each layer."""
    return " + ".join(run.get("active_units_per_layer", ()))


def training(run: Run) -> str:
    """The time of training, and its epochs."""
    core = " on one core" if run.get("cores") == 1 else ""
    parts = [f"{run['train_seconds']:,.0f} s{core}"] if "train_seconds" in run else []
    parts += [f"{run['num_epochs']:,} epochs"] if "num_epochs" in run else []
    return ", ".join(parts)


def _machine(run: Run) -> str:
    """What a run was trained on, where that is known."""
    cores = {1: " on one of two CPU cores", 2: " on two CPU cores"}
    return cores[run["cores"]] if run.get("cores") in cores else f" on {run['device']}" if "device" in run else ""


def short(field: str) -> str:
    """The last word of a field of a config; of a name that of what it names."""
    return field.removesuffix(".name").rpartition(".")[2]
