"""The simplest directed model with a neural conditional, against scikit-learn."""

import numpy as np

from experiments.studies.classifier import logistic_regression, train_classifier


def test_softmax_regression_is_logistic_regression():
    """The same MAP objective within 1e-4 nats, never below its minimum, and the same log-losses within 1e-3."""
    found, best = train_classifier(num_updates=1000), logistic_regression()
    assert (found.objective > best.objective - 1e-5).all()
    np.testing.assert_allclose(found.objective[-1], best.objective, atol=1e-4)
    np.testing.assert_allclose(found.train_loss[-1], best.train_loss, atol=1e-3)
    np.testing.assert_allclose(found.test_loss[-1], best.test_loss, atol=1e-3)
    assert abs(found.accuracy[-1] - best.accuracy) <= 1 / 179 + 1e-6
