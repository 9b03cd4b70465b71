"""Inference beside the encoder: (key, model, x) -> draws of z, or of what is missing of x."""
