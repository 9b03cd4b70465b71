"""What a flow costs: a training step of an IAF, 128 wide, against its own matrix products, and mnist_elbo's step."""

from flax import linen as nn

from tests.bench.estimators import DECODER, ENCODER, HIDDEN, IMAGES, LATENT, products, training
from tests.bench.timing import rates, table
from vaex import objectives
from vaex.distributions import flows
from vaex.models.posteriors import flow

NUM_FLOWS, WIDTH, BATCH = 2, 128, 100


def main() -> None:
    """Examples a second of training with each posterior."""
    steps = [
        flows.inverse_autoregressive(LATENT, (WIDTH,), nn.tanh, context_dim=LATENT, reverse=i % 2 == 1)
        for i in range(NUM_FLOWS)
    ]
    inner = [(LATENT, WIDTH), (LATENT, WIDTH), (WIDTH, 2 * LATENT)]  # z, the context, and the output
    shapes = [*ENCODER[:-1], (HIDDEN, 3 * LATENT), *inner * NUM_FLOWS, *DECODER]
    sampled = objectives.batch_loss(objectives.elbo, kl="sampled")
    iaf = training(sampled, batch_size=BATCH, posterior=flow(LATENT, flows.chain(steps)), raw_dim=3 * LATENT)
    systems = {
        "matrix products alone": products([(shape, BATCH) for shape in shapes], batch_size=BATCH),
        "iaf": iaf,
        "diagonal": training(objectives.batch_loss(objectives.elbo), batch_size=BATCH),
    }
    title = f"an IAF of {NUM_FLOWS} steps, {WIDTH} wide, batch {BATCH}"
    table(title, rates(systems, len(IMAGES) // BATCH * BATCH), "matrix products alone", "examples/s")
