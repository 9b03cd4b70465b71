"""What each study shows, by its name: beside them, so that the command line lists them before anything heavy loads."""

STUDY_NAMES = {
    "gmm": "a Gaussian mixture trained by enumerating z, against EM",
    "snr": "the gradients' signal-to-noise ratio against K",
    "ppca": "training against the closed-form maximum likelihood of probabilistic PCA",
    "linear_ae": "a linear autoencoder against the principal subspace",
    "classifier": "p(y|x) on digits against scikit-learn's logistic regression",
    "labels": "accuracy of M1, M2 and M1+M2 against the number of labels, 36 training runs",
}
