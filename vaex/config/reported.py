"""What is reported and drawn of a run: what the kind of model has, and what its data ask for."""

from vaex.data import Dataset
from vaex.data.examples import Making
from vaex.errors import UsageError
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
        UsageError: a number of clusters with a prior that has no components.
    """
    reports, figures = description.reports, description.figures
    if num_clusters is not None and "clusters" not in reports:
        raise UsageError(
            f"evaluate.num_clusters is {num_clusters} with a prior that has no components to merge: set "
            "--config.model.prior.name=mixture, or unset it"
        )
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
