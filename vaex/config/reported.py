"""What is reported and drawn of a run: what the kind of model has, and what its data ask for."""

from vaex.data import Dataset
from vaex.data.examples import Making
from vaex.errors import OptionError
from vaex.models import Description


def reported(
    examples: str, by: Making, description: Description, dataset: Dataset, *, num_clusters: int | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names in evaluate.REPORTS and in figures.FIGURES, new ones behind those whose keys must not move.

    Args:
        examples: of what form they are.
        by: how they are made.
        description: of the model.
        dataset: which may know the factors of its images.
        num_clusters: what a mixture prior's components are merged into.

    Raises:
        OptionError: more clusters than the prior has components, or a prior whose clusters are not reported.
    """
    reports, figures = description.reports, description.figures
    if num_clusters is not None and num_clusters > (most := description.num_components or 0):
        expected = f"at most {most}, the prior's num_components" if most else "none where no clusters are reported"
        cure = "" if most else "set --config.model.prior.name=mixture in a vae, or unset it"
        raise OptionError("num_clusters", num_clusters, expected, cure, path="evaluate")
    if by.num_labels is not None and examples == "images":
        reports = (*reports, "latent_classifier")
    if by.condition is not None:
        reports, figures = (*reports, *by.condition.reports), (*figures, *by.condition.figures)
    if dataset.factors:
        reports = (*reports, "disentanglement")
    if "scores" in reports:
        reports = (*reports, "surgery")
    if "interpolations" in figures:
        figures = (*figures, "round_trips")
    return reports, figures
