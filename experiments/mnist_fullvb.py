"""Full variational Bayes: a normal distribution of each of the decoder's weights, on 1,000 images of MNIST.

make train EXP=mnist_fullvb

58 s of training on one of two CPU cores and 75 s of evaluation; L_100 = -143.28 nats, ELBO -146.62 nats, active units
10 of 10.
"""

from vaex.config import MODELS, NETWORKS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.data.num_train = 1000
    network = section(NETWORKS, "mlp", encoder_hidden=(100,), decoder_hidden=(100,), activation="tanh")
    config.model = section(MODELS, "vae", latent_dim=10, network=network)
    config.train.weights = "variational"
    config.optimizer.learning_rate = 5e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.batch_size = 100
    config.train.num_epochs = 300
    config.train.eval_every = 30
    return config
