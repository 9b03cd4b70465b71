"""Models: descriptions with init(key) -> params and bind(params) -> Model, and what they are made of."""
