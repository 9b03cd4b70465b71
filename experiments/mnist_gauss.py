from vaex.config import default_config


def get_config():
    config = default_config()
    config.model.likelihood = "gaussian_pixel"
    return config
