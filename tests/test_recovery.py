"""Training finds the known answers: maximum-likelihood probabilistic PCA, and the principal subspace."""

import numpy as np

from experiments.studies.linear_ae import train_linear_autoencoder
from experiments.studies.ppca import train_ppca


def test_training_reaches_the_closed_form_maximum_likelihood():
    """Log-likelihood within 0.1% and never above, noise within 2%, principal angles below 1 degree."""
    found = train_ppca()
    assert (found.log_likelihood <= found.maximum + 1e-4).all()
    assert abs(found.log_likelihood[-1] / found.maximum - 1) < 1e-3
    np.testing.assert_allclose(found.noise_var[-1], found.best_noise_var, rtol=0.02)
    assert found.angle[-1] < 1


def test_a_linear_autoencoder_without_kl_and_noise_finds_the_principal_subspace():
    """Squared error within 0.1% of the exact minimum and never below, principal angles below 1 degree."""
    found = train_linear_autoencoder()
    assert (found.error >= found.minimum * (1 - 1e-5)).all()
    assert found.error[-1] / found.minimum - 1 < 1e-3
    assert found.angle[-1] < 1
