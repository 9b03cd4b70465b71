"""Log p(x) of images by annealed importance sampling, along a schedule found on others that the model draws."""

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from vaex.config.keys import TEST_KEY
from vaex.data.given.as_trained import stored_of
from vaex.data.given.kept import GivenImages, is_masked, part, seeing
from vaex.distributions.abilities import is_discrete
from vaex.distributions.sites import has_sites
from vaex.errors import UsageError
from vaex.evaluate import Estimate
from vaex.evaluate.certificate import drawn
from vaex.inference import ais
from vaex.model import Conditional, Example, Model, at, one_of
from vaex.objectives.encode import encode
from vaex.runs import questions
from vaex.runs.trained import Trained

_DRAWN = 20  # images, on which the schedule is found


def annealed(
    model: Trained, given: GivenImages, *, num_temperatures: int = 200, num_chains: int = 16, seed: int = 0
) -> Estimate:
    """The estimates in nats, [N], and their standard errors.

    On average one lies below log p(x), and far less so than L_K at the same cost.

    Args:
        model: a trained model.
        given: the images or rows.
        num_temperatures: of a chain.
        num_chains: of each image.
        seed: of what is drawn.

    Raises:
        OptionError: a number out of its range.
        UsageError: a model without latents, or whose discrete latents have no list of their values.
    """
    some, now = part(given, np.arange(_DRAWN) % len(given.images)), as_seen(model, given)
    draw_key, tune_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), TEST_KEY + 1))  # which no image's is
    examples = model.preprocess(some, seed=seed)
    check_moves(now, examples, "leave --ais out")

    @jax.jit
    def draw(key: PRNGKeyArray) -> Example:
        keys = jax.random.split(key, len(some.images))
        return jax.vmap(lambda k, x: drawn(k, now, x)[0])(keys, examples)

    schedule = ais.find_schedule(
        tune_key, now, draw(draw_key), num_temperatures=num_temperatures, num_chains=num_chains
    )
    return model.ask(questions.annealed, given, None, seed, 20, schedule, num_chains=num_chains)


def check_moves(model: Model | Conditional, examples: Example, cure: str) -> None:
    """Raise a UsageError for a model whose latents no chain moves, such as a label beside continuous ones."""

    def check(example: Example) -> None:
        now, x = at(model, example)
        encode(now, x)  # which says what is no model with latents
        prior = now.prior
        if is_discrete(prior) and not has_sites(prior):
            raise UsageError(
                "annealed importance sampling moves latents that are all continuous, or discrete with a list of their "
                f"values, and this model's p(z) is a {type(prior).__name__}: {cure}"
            )

    jax.eval_shape(check, one_of(examples))


def as_seen(model: Trained, given: GivenImages) -> Model | Conditional:
    """The model of what there is of them."""
    stored = stored_of(given, model.kept, is_masked=is_masked(given, model.kept))
    return seeing(model.bind(), stored, model.kept)
