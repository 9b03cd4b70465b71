"""A VAE of vectors behind scikit-learn's interface, for a Pipeline or a GridSearchCV."""

from vaex.sklearn.transformer import VAETransformer as VAETransformer

__all__ = ["VAETransformer"]
