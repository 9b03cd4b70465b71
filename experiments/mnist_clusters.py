"""Clusters without labels: a mixture prior of ten components, fitted by EM to the latents of a short warm-up.

make train EXP=mnist_clusters

187 s of training on one of two CPU cores; 67.7% of test labels by the best match of clusters and classes, 10 clusters
in use, L_1000 = -93.09 nats, ELBO -96.16 nats, active units 10 of 10.
"""

from vaex.config import default_config


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    config.model.latent_dim = 10
    config.model.prior = "mixture"
    config.model.num_components = 10
    config.model.encoder_hidden = config.model.decoder_hidden = (500, 500)
    config.objective.kl = "sampled"
    config.objective.beta = 1.0
    config.schedule.option = "beta"
    config.schedule.steps = 9000  # 20 epochs; at the fit the KL weighs 0.2, which leaves the clusters apart
    config.optimizer.final_learning_rate = 1e-5
    config.train.num_epochs = 25
    config.train.fit_prior_after = 4
    config.train.eval_every = 5
    config.evaluate.num_samples = 1000
    return config
