"""A convolutional encoder and decoder on dynamically binarized MNIST, 50 latents.

make train EXP=mnist_conv

120 s of training on one of two CPU cores and 78 s of evaluation; L_100 = -90.38 nats, ELBO -95.70 nats, active units 32
of 50.
"""

from vaex.config import MODELS, NETWORKS, default_config, section

from ._muon import by_muon


def get_config():
    config = default_config()
    config.data.binarize = "dynamic"
    network = section(
        NETWORKS,
        "conv",
        channels=(16, 32),
        encoder_hidden=(200,),
        decoder_hidden=(200,),
        activation="elu",  # relu collapses from the start, unless the posterior starts narrow
    )
    config.model = section(MODELS, "vae", latent_dim=50, network=network)
    config.train.clip_norm = 100.0
    config.train.max_skipped = 10
    return by_muon(config, num_epochs=4, eval_every=1, batch_size=300, ns_steps=2, preconditioning="aol")
