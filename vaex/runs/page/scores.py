"""The scores of a run with their errors, and a sentence on what each means."""

import re
from collections.abc import Mapping

from markupsafe import Markup

from vaex.files import Json
from vaex.runs.page.html import tag

_MEANINGS = {
    "test_log_likelihood": "A lower bound on log p(x) by K importance samples, near it for large K; higher is better.",
    "test_elbo": "The evidence lower bound on log p(x): below it by KL(q(z|x) || p(z|x)), most of which L_K mends.",
    "bits_per_dim": "The same by the ELBO, in bits for each number of x: what a code of it needs; lower is better.",
    "bits_per_dim_log_likelihood": "The same by L_K.",
    "active_units": "Latents whose posterior mean moves with x: its variance over test examples is above 0.01.",
    "kl_per_layer": "What each layer adds to KL(q(z|x) || p(z)), in nats.",
    "test_log_px_z": "log p(x|z) at z = encode(x): how near a reconstruction is; bounds nothing.",
    "test_squared_error": "The squared distance of a test example and its reconstruction, summed over pixels.",
    "bound_on_log_px": "Whether there is one.",
    "test_accuracy": "The fraction of test labels that are found.",
    "num_test_labels": "How many test examples have a label.",
    "clustering_accuracy": "The fraction of test labels by the best match of clusters and classes.",
    "clusters_used": "Clusters that some test example belongs to: components of the prior, alone or merged.",
    "codebook_use": "The fraction of the codes that some test example uses.",
    "code_perplexity": "How many codes would be as spread out, were all used alike.",
    "imputation_rmse": "The error of what is filled in where nothing was seen; lower is better.",
    "mutual_information": "I(x; z): what z tells of which of the first 2,000 test examples x is: at most log 2,000.",
    "marginal_kl": "KL(q(z) || p(z)), q(z) the average posterior of these: the rest of their KL, for a prior to mend.",
    "total_correlation": "KL(q(z) || prod_j q(z_j)): of the marginal KL what the latents' dependence makes.",
    "dimension_kl": "sum_j KL(q(z_j) || p(z_j)): the rest of the marginal KL.",
    "mig": "How much more the best latent tells of a known factor than the next best, in shares of its entropy.",
    "factor_vae_score": "How often the latent that varies least tells which factor was held; by chance 1 / F.",
    "dci_disentanglement": "1 where each latent tells of one factor alone, by random forests.",
    "dci_completeness": "1 where each factor is told of by one latent alone.",
    "dci_error": "Of predicting factors from latents: 0 is exact, 1 what predicting the mean is off by.",
    "log_likelihood_of_the_density": "What the density that the data are from has: no model has more on average.",
}
_SURGERY = ("mutual_information", "marginal_kl", "total_correlation", "dimension_kl")
_NATS = ("test_log_likelihood", "test_elbo", "test_log_px_z", "log_likelihood_of_the_density", *_SURGERY)
_FIRST = ("test_log_likelihood", "test_elbo", "bits_per_dim", "bits_per_dim_log_likelihood", "active_units")
_NO_SCORES = re.findall(
    r"\w+",
    "experiment dataset num_train num_steps num_classes source x_shape crc32 checksum columns label_column meaning "
    "origin scored_on num_scored num_samples latent_dim active_units_per_layer kl_per_dimension is_likelihood "
    "test_checksum train_seconds examples_per_second evaluate_seconds num_epochs best_epoch seed versions device",
)


def score_rows(results: Mapping[str, Json]) -> list[tuple[str, Markup, str]]:
    """(name, value with its standard error, what it means) of each score in results.json."""
    names = [name for name in results if name not in _NO_SCORES and not name.endswith("_standard_error")]
    order = [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]
    return [
        (label(name, results.get("num_samples")), tag("span", value, class_="number"), _MEANINGS.get(name, ""))
        for name in order
        if (value := score_value(results, name))
    ]


def label(name: str, num_samples: int | None) -> str:
    """What a score is called."""
    known = {
        "test_log_likelihood": f"log-likelihood, L_{num_samples}",
        "test_elbo": "ELBO",
        "bits_per_dim": "bits per dimension",
        "bits_per_dim_log_likelihood": f"bits per dimension, L_{num_samples}",
        "marginal_kl": "marginal KL",
        "dimension_kl": "dimension-wise KL",
        "mig": "MIG",
        "factor_vae_score": "FactorVAE's score",
        "dci_disentanglement": "DCI, disentanglement",
        "dci_completeness": "DCI, completeness",
        "dci_error": "DCI, error",
    }
    return known.get(name, name.removeprefix("test_").replace("_", " "))


def score_value(results: Mapping[str, Json], name: str) -> str:
    """A score in words; "" of none."""
    value, error = results.get(name), results.get(f"{name}_standard_error")
    unit = " nats" if name in _NATS else ""
    if name == "active_units":
        return " + ".join(results.get("active_units_per_layer") or [str(value)])
    match value:
        case bool() | None:
            return "" if value is None else str(value)
        case int() | float():
            digits = ".2f" if unit else ".4g"
            return f"{value:{digits}}" + (f" ± {error:{'.2f' if unit else '.2g'}}" if error is not None else "") + unit
        case list():
            return " + ".join(f"{v:.2f}" if type(v) is float else str(v) for v in value)
    return str(value)
