"""A plain autoencoder, 784-500-32-500-784, for comparison with a VAE: no KL, no prior, and no bound on log p(x).

make train EXP=mnist_autoencoder

89 s of training on one of two CPU cores; log p(x|z) = -48.13 nats at z = encode(x), squared error 14.57.

Denoising, a quarter of the encoder's pixels set to zero:

make train EXP=mnist_autoencoder ARGS="--config.model.noise.name=masking --config.model.noise.level=0.25"
"""

from vaex.config import MODELS, OBJECTIVES, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model = section(MODELS, "autoencoder", latent_dim=32)
    config.objective = section(OBJECTIVES, "reconstruction")
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 20
    config.train.eval_every = 2
    return config
