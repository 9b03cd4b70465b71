"""From 7 x 7 to 28 x 28: MNIST given the averages of its blocks of 4 x 4 pixels, beside bicubic interpolation.

make train EXP=mnist_superres

776 s of training on one of two CPU cores and 487 s of evaluation; L_500 = 1567.15 nats, of a Gaussian around bicubic
interpolation 933.26 nats, ELBO 1557.64 nats, 5.134 bits per dimension by the ELBO, PSNR of the mean of 50 completions
18.98 dB, of one 17.51 dB, of bicubic interpolation 14.67 dB, SSIM of the mean 0.763, of bicubic interpolation 0.447,
active units 32 of 32.

Pixels are dequantized and Gaussian with one learned sigma for each, so that both PSNR and log p(x|c) mean something;
bicubic interpolation's log p(x|c) is that of a Gaussian around it, whose offset and deviation of each pixel are fitted
to 10,000 training images.
"""

from vaex.config import LIKELIHOODS, MODELS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.condition = "low_resolution"
    config.model = section(MODELS, "vae", latent_dim=32, likelihood=section(LIKELIHOODS, "gaussian_pixel"))
    config.train.learning_rate = section(RATES, "cosine", final=1e-5)
    config.train.num_epochs = 25
    config.train.eval_every = 5
    config.evaluate.num_samples = 500
    return config
