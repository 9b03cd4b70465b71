"""A deep top-down model of dynamically binarized MNIST: layers of latent maps at 7x7 and at 14x14.

make train EXP=mnist_deep

264 s of training on one of two CPU cores and 531 s of evaluation; L_10 = -90.06 nats, ELBO -92.72 nats, active units
135 of 784 + 44 of 196 + 41 of 196 + 45 of 196.
"""

from vaex.config import MODELS, default_config, section

from ._muon import by_muon


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model = section(
        MODELS, "deep", channels=(16, 32), num_blocks=(1, 3), latent_dim=4, activation="elu", head_activation="elu"
    )
    config.train.clip_norm = 200.0
    config.train.max_skipped = 10
    config.evaluate.num_samples = 10
    config.evaluate.chunk_size = 50
    return by_muon(config, num_epochs=2, eval_every=2, batch_size=100, learning_rate=2e-2, preconditioning="aol")
