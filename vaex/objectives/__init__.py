"""What training maximises: (key, model, x) -> Terms, for one example; some take the whole batch and say so."""

from vaex.bounds import with_value
from vaex.choices import Choices
from vaex.distributions.abilities import sample_and_log_prob
from vaex.distributions.divergences import closed_form_kl, kl_per_dimension
from vaex.objectives.aggregate import info, squared_mmd, total_correlation
from vaex.objectives.batch import BatchLoss, Context, batch_loss
from vaex.objectives.discrete import enumerate, reinforce, vimco
from vaex.objectives.draws import sample_weights
from vaex.objectives.elbo import elbo, stl
from vaex.objectives.groups import ciwae, miwae, piwae
from vaex.objectives.importance import dreg, iwae, renyi, vr_max
from vaex.objectives.labels import labelled_bound, unlabelled_bound
from vaex.objectives.observed import log_joint
from vaex.objectives.prior_on_weights import weight_penalty
from vaex.objectives.quantized import vq
from vaex.objectives.reconstruction import reconstruction
from vaex.objectives.relaxed import gumbel
from vaex.objectives.semi_supervised import semi_supervised, stacked_semi_supervised
from vaex.objectives.shaped import capacity, free_bits
from vaex.objectives.terms import Objective, Terms, Weights, log_weights
from vaex.objectives.thermodynamic import tvo
from vaex.objectives.wake_sleep import reweighted_wake_sleep, wake_sleep

OBJECTIVES = Choices(
    {
        "elbo": elbo,
        "stl": stl,
        "iwae": iwae,
        "dreg": dreg,
        "miwae": miwae,
        "piwae": piwae,
        "ciwae": ciwae,
        "renyi": renyi,
        "vr_max": vr_max,
        "reinforce": reinforce,
        "vimco": vimco,
        "tvo": tvo,
        "wake_sleep": wake_sleep,
        "reweighted_wake_sleep": reweighted_wake_sleep,
        "gumbel": gumbel,
        "enumerate": enumerate,
        "free_bits": free_bits,
        "capacity": capacity,
        "total_correlation": total_correlation,
        "info": info,
        "vq": vq,
        "reconstruction": reconstruction,
        "semi_supervised": semi_supervised,
        "stacked_semi_supervised": stacked_semi_supervised,
    },
    what="objective",
    context=("num_train", "num_labels", "average"),
)
OF_BATCHES = (total_correlation, info)  # they take the whole batch
# Tighter ones than the ELBO, by which their models are selected.
BOUNDS = (iwae, dreg, miwae, piwae, ciwae, vimco, tvo, reweighted_wake_sleep)

__all__ = [
    "BOUNDS",
    "OBJECTIVES",
    "OF_BATCHES",
    "BatchLoss",
    "Context",
    "Objective",
    "Terms",
    "Weights",
    "batch_loss",
    "capacity",
    "ciwae",
    "closed_form_kl",
    "dreg",
    "elbo",
    "enumerate",
    "free_bits",
    "gumbel",
    "info",
    "iwae",
    "kl_per_dimension",
    "labelled_bound",
    "log_joint",
    "log_weights",
    "miwae",
    "piwae",
    "reconstruction",
    "reinforce",
    "renyi",
    "reweighted_wake_sleep",
    "sample_and_log_prob",
    "sample_weights",
    "semi_supervised",
    "squared_mmd",
    "stacked_semi_supervised",
    "stl",
    "total_correlation",
    "tvo",
    "unlabelled_bound",
    "vimco",
    "vq",
    "vr_max",
    "wake_sleep",
    "weight_penalty",
    "with_value",
]
