"""IWAE's one-layer network on dynamically binarized MNIST, 784-200-200-50 tanh and its mirror, trained by stl.

make train EXP=mnist_bernoulli

189 s of training on two CPU cores and 220 s of evaluation; L_5000 = -88.85 nats, ELBO -93.58 nats, active units 21 of
50.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model.latent_dim = 50
    config.model.encoder_hidden = config.model.decoder_hidden = (200, 200)
    config.model.activation = "tanh"
    config.objective.name = "stl"
    config.optimizer.learning_rate = 4e-3
    config.optimizer.final_learning_rate = 1e-5
    config.train.batch_size = 100
    config.train.num_epochs = 100
    config.train.eval_every = 10
    config.evaluate.num_samples = 5000
    return config
