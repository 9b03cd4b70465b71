"""The next frame given the three before: two of MNIST's digits that move and bounce off the walls, 32 x 32 pixels.

make train EXP=mnist_frames
"""

from vaex.config import MODELS, RATES, default_config, section


def get_config():
    config = default_config()
    config.data.name = "bouncing:mnist"
    config.data.condition = "previous"
    config.data.binarize = "threshold"
    config.model = section(MODELS, "deep", channels=(16, 32), num_blocks=(1, 2), latent_dim=2, activation="elu")
    config.optimizer.learning_rate = 3e-3
    config.train.learning_rate = section(RATES, "cosine", final=1e-4)
    config.train.clip_norm = 200.0
    config.train.max_skipped = 10
    config.train.batch_size = 50
    config.train.num_epochs = 3
    config.evaluate.num_samples = 10
    config.evaluate.chunk_size = 10
    return config
