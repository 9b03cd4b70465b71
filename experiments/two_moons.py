"""Points of the plane in two half circles, drawn by the package: the smoke test, and p(x) as a figure.

make train EXP=two_moons

24 s of training on one of two CPU cores and 19 s of evaluation; L_500 = -1.20 nats, of the density itself -1.01 nats,
ELBO -1.36 nats, active units 2 of 2.
"""

from vaex.config import LIKELIHOODS, MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.name = "toy:two_moons"
    config.model = section(
        MODELS,
        "vae",
        latent_dim=2,
        network=section(NETWORKS, "mlp", encoder_hidden=(64, 64), decoder_hidden=(64, 64)),
        likelihood=section(LIKELIHOODS, "gaussian_scalar"),
    )
    config.optimizer.learning_rate = 3e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.batch_size = 100
    config.train.num_epochs = 60
    config.train.eval_every = 20
    config.evaluate.num_samples = 500
    return config
