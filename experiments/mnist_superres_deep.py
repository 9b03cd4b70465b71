"""From 7 x 7 to 28 x 28 by a deep top-down model, whose latents are maps: to be compared with mnist_superres.

make train EXP=mnist_superres_deep

974 s of training on one of two CPU cores and 478 s of evaluation; L_10 = 1918.13 nats, of a Gaussian around bicubic
interpolation 933.26 nats, ELBO 1904.57 nats, 4.495 bits per dimension by the ELBO, PSNR of the mean of 50 completions
18.23 dB, of one 15.92 dB, of bicubic interpolation 14.67 dB, SSIM of the mean 0.791, of bicubic interpolation 0.447,
active units 158 of 392 + 75 of 98 + 82 of 98.

From 14 x 14 with ARGS=--config.data.condition=half_resolution, of Fashion-MNIST with
ARGS=--config.data.name=fashion_mnist; in the manner of Chira et al. 2022, VDVAE-SR, whose networks start from
those of a model without a condition, and which is of colour images.
"""

from vaex.config import LIKELIHOODS, MODELS, section

from . import mnist_superres


def get_config():
    config = mnist_superres.get_config()
    likelihood = section(LIKELIHOODS, "gaussian_pixel")
    deep = {"channels": (16, 24), "num_blocks": (1, 2), "latent_dim": 2, "activation": "elu", "head_activation": "elu"}
    config.model = section(MODELS, "deep", likelihood=likelihood, **deep)
    config.optimizer.learning_rate = 3e-3
    config.train.clip_norm = 2000.0
    config.train.max_skipped = 10
    config.train.num_epochs = 7
    config.train.eval_every = 7
    config.evaluate.num_samples = 10
    config.evaluate.chunk_size = 10
    return config
