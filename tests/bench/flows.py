"""What a flow costs: a training step of mnist_iaf against its own matrix products, and against mnist_elbo's step."""

from flax import linen as nn

from tests.bench.estimators import DECODER, ENCODER, HIDDEN, IMAGES, LATENT, products, training
from tests.bench.timing import rates, table
from vaex import objectives
from vaex.distributions import flows
from vaex.models.posteriors import flow
from vaex.runs.experiments import load_experiment


def main() -> None:
    """Examples a second of training with each posterior."""
    config = load_experiment("mnist_iaf")
    c, batch_size = config.model.posterior, config.train.batch_size
    (width,) = c.hidden
    steps = [
        flows.inverse_autoregressive(LATENT, (width,), nn.tanh, context_dim=LATENT, reverse=i % 2 == 1)
        for i in range(c.num_flows)
    ]
    inner = [(LATENT, width), (LATENT, width), (width, 2 * LATENT)]  # z, the context, and the output
    shapes = [*ENCODER[:-1], (HIDDEN, 3 * LATENT), *inner * c.num_flows, *DECODER]
    sampled = objectives.batch_loss(objectives.elbo, kl="sampled")
    iaf = training(sampled, batch_size=batch_size, posterior=flow(LATENT, flows.chain(steps)), raw_dim=3 * LATENT)
    systems = {
        "matrix products alone": products([(shape, batch_size) for shape in shapes], batch_size=batch_size),
        "iaf": iaf,
        "diagonal": training(objectives.batch_loss(objectives.elbo), batch_size=batch_size),
    }
    title = f"mnist_iaf's network, {c.num_flows} steps of {width}, batch {batch_size}"
    table(title, rates(systems, len(IMAGES) // batch_size * batch_size), "matrix products alone", "examples/s")
