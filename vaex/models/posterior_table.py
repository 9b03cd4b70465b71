"""Posteriors by their names: functions of the number of latents."""

from vaex.choices import Choices
from vaex.errors import OptionError, check_positive, check_whole
from vaex.models.flow_posteriors import affine_coupling, iaf, planar, spline_coupling
from vaex.models.posteriors import (
    Posterior,
    diagonal_normal,
    full_normal,
    normal_mixture,
    one_hot_categorical,
    power_spherical,
    starting_at,
)
from vaex.models.priors import uniform_on_sphere, uniform_one_hot


def diagonal(latent_dim: int, *, sigma: float = 1.0) -> Posterior:
    """Independent Gaussians.

    Args:
        latent_dim: d.
        sigma: their standard deviation when training starts; 0.1 keeps relu from collapsing where latents are many.
    """
    family = starting_at(sigma, diagonal_normal(), slice(latent_dim, 2 * latent_dim))
    return Posterior(*family, raw_shape=(2 * latent_dim,))


def full(latent_dim: int, *, sigma: float = 1.0) -> Posterior:
    """A Gaussian with full covariance, by a Cholesky factor.

    Args:
        latent_dim: d.
        sigma: the standard deviation when training starts, as of diagonal.
    """
    family = starting_at(sigma, full_normal(latent_dim), slice(latent_dim, 2 * latent_dim))
    return Posterior(*family, raw_shape=(latent_dim * (latent_dim + 3) // 2,))


def mixture(latent_dim: int, *, num_components: int = 4, sigma: float = 1.0) -> Posterior:
    """A mixture of diagonal Gaussians.

    Args:
        latent_dim: d.
        num_components: J; elbo, stl and iwae draw their num_samples from each.
        sigma: each one's standard deviation when training starts, as of diagonal.
    """
    check_whole(num_components=num_components)
    family = starting_at(sigma, normal_mixture(), slice(latent_dim + 1, None))
    return Posterior(*family, raw_shape=(num_components, 2 * latent_dim + 1))


def one_hot(latent_dim: int, *, num_classes: int = 10) -> Posterior:
    """Independent one-hot vectors.

    Args:
        latent_dim: how many there are.
        num_classes: of each.
    """
    check_whole(2, num_classes=num_classes)
    shape = (latent_dim, num_classes)
    given = one_hot_categorical(), shape
    return Posterior(*given[0], shape, given, uniform_one_hot(*shape))


def spherical(latent_dim: int, *, concentration: float = 10.0) -> Posterior:
    """On the unit sphere, about a direction.

    Args:
        latent_dim: how many numbers a point of it has, at least 2: 3 are those of an ordinary sphere.
        concentration: about the direction when training starts; uniform at 0.
    """
    if latent_dim < 2:
        raise OptionError("latent_dim", latent_dim, "2 or more numbers of a point on a sphere", path="model")
    check_positive(concentration=concentration)
    given = power_spherical(concentration), (latent_dim + 1,)
    return Posterior(*given[0], given[1], given, uniform_on_sphere(latent_dim))


POSTERIORS = Choices(
    {
        "diagonal": diagonal,
        "full": full,
        "mixture": mixture,
        "planar": planar,
        "iaf": iaf,
        "affine_coupling": affine_coupling,
        "spline_coupling": spline_coupling,
        "one_hot": one_hot,
        "spherical": spherical,
    },
    what="posterior",
)
