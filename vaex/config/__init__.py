"""The only folder that reads a config: its fields, and what they mean."""

from vaex.config.fields import Config, default_config, equal, override, read_config, save_config

__all__ = [
    "Config",
    "default_config",
    "equal",
    "override",
    "read_config",
    "save_config",
]
