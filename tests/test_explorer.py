"""The latent space in a page: what a browser shows is what the model says."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from tests import browser
from tests.one_step import QUICK
from tests.test_javascript import trial_of
from vaex import Model, data
from vaex.evaluate.trial import Trial
from vaex.runs.page import live
from vaex.runs.page.explorer import explorer

PIXELS = """
const canvas = document.getElementById("explorer-image");
return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
"""
FRAME = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));"
STROKE = """
const paper = document.getElementById("explorer-paper"), box = paper.getBoundingClientRect();
paper.setPointerCapture = () => {};
for (let k = 0; k <= 10; k++) paper.dispatchEvent(new PointerEvent(k ? "pointermove" : "pointerdown",
  {clientX: box.left + box.width / 2, clientY: box.top + box.height * (0.2 + 0.06 * k), buttons: 1, pointerId: 1}));
"""


def shown(driver):
    """The first channel of the image, in [0, 1]."""
    driver.execute_async_script(FRAME)
    return np.array(driver.execute_script(PIXELS))[::4] / 255


def press(driver, name):
    driver.execute_script(f"document.getElementById('explorer-{name}').click();")


def slid(driver, place, value):
    driver.execute_script(
        "const one = document.querySelector(`input[data-place='${arguments[0]}']`);"
        "one.value = arguments[1]; one.dispatchEvent(new Event('input'));",
        place,
        value,
    )


def test_what_is_set_is_decoded_as_by_jax(chromium, tmp_path):
    trial = trial_of()
    browser.opened(chromium, tmp_path / "page.html", explorer(trial))
    decode = jax.jit(lambda z: trial.model.decode(z).mean.reshape(-1), compiler_options=QUICK)
    encode = jax.jit(lambda x: trial.model.encode(x).mean, compiler_options=QUICK)
    press(chromium, "middle")
    np.testing.assert_allclose(shown(chromium), decode(jnp.zeros(8)), atol=1e-2)
    slid(chromium, "0,3", 1.5)
    np.testing.assert_allclose(shown(chromium), decode(1.5 * jnp.eye(8)[3]), atol=1e-2)
    before = shown(chromium)
    press(chromium, "draw")
    assert np.abs(shown(chromium) - before).max() > 1e-2
    chromium.execute_script(STROKE)
    paper = chromium.execute_script(PIXELS.replace("explorer-image", "explorer-paper"))
    x = (np.array(paper)[::4] > 127).astype(np.float32).reshape(8, 8, 1)  # the model is of binary images
    assert 4 <= x.sum() <= 32
    np.testing.assert_allclose(shown(chromium), decode(encode(x)), atol=1e-2)
    assert "q(z|x)" in chromium.find_element("id", "explorer-where").text
    chromium.execute_script(
        "const share = document.getElementById('explorer-share');"
        "share.value = 1; share.dispatchEvent(new Event('input'));"
    )
    np.testing.assert_allclose(shown(chromium), decode(encode(trial.x[1])), atol=1e-2)
    assert browser.complaints(chromium) == []
    assert browser.requests(chromium) == [(tmp_path / "page.html").as_uri()]


def test_a_layer_moves_what_is_drawn_after_it(chromium, tmp_path):
    flags = ("--config.model.name=hierarchy", "--config.model.latent_dims=3,2", "--config.model.between_hidden=((4,),)")
    trial = trial_of(*flags)
    browser.opened(chromium, tmp_path / "page.html", explorer(trial))
    assert len(chromium.find_elements("css selector", ".explorer-layer")) == 2
    press(chromium, "middle")
    first = chromium.find_element("css selector", "input[data-place^='1,']").get_attribute("data-place")
    slid(chromium, first, 2.0)

    def decoded(z2):
        conditionals, _ = trial.model.prior.walk(lambda i, p: z2 if i == 0 else p.mean)
        return trial.model.decode((conditionals[0].mean, z2)).mean.ravel()

    z2 = jnp.eye(2)[int(first.split(",")[1])] * 2
    np.testing.assert_allclose(shown(chromium), jax.jit(decoded, compiler_options=QUICK)(z2), atol=1e-2)
    assert browser.complaints(chromium) == []


def test_a_condition_is_chosen(chromium, tmp_path):
    trial = trial_of("--config.data.condition=label")
    browser.opened(chromium, tmp_path / "page.html", explorer(trial))
    press(chromium, "middle")
    chromium.execute_script(
        "const one = document.getElementById('explorer-condition');"
        "one.value = 7; one.dispatchEvent(new Event('change'));"
    )
    decoded = jax.jit(lambda c: trial.model.given(c).decode(jnp.zeros(8)).mean.ravel(), compiler_options=QUICK)
    np.testing.assert_allclose(shown(chromium), decoded(jnp.eye(10)[7]), atol=1e-2)
    assert np.abs(shown(chromium) - decoded(jnp.eye(10)[0])).max() > 1e-2
    assert browser.complaints(chromium) == []


def of_weights(sizes, seed):
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(a, b), scale=a**-0.5).astype(np.float32) for a, b in itertools.pairwise(sizes)]


def plain(decode=None, sizes=(784, 500, 500, 64)):
    """A VAE of images of MNIST's size, untrained, of three lambdas."""
    up, down = of_weights(sizes, 0), of_weights((sizes[-1] // 2, *sizes[-2::-1]), 1)

    def through(layers, h):
        for weight in layers[:-1]:
            h = jax.nn.relu(h @ weight)
        return h @ layers[-1]

    def encode(x):
        mean, log_var = jnp.split(through(up, x.reshape(-1)), 2)
        return dist.Normal(mean, jnp.exp(log_var / 2)).to_event(1)

    model = Model(
        dist.Normal(jnp.zeros(sizes[-1] // 2), 1.0).to_event(1),
        encode,
        decode or (lambda z: dist.Normal(through(down, z).reshape(28, 28, 1), 0.1).to_event(3)),
    )
    images = np.random.default_rng(2).integers(0, 256, (20, 28, 28, 1)).astype(np.uint8)
    split = data.Split(images, np.full(20, -1, np.int32))
    return Trial(
        model, jnp.asarray(images / 255, jnp.float32), data.Dataset("", "", "", split, split, split), lambda k, s: s
    )


def test_networks_of_the_size_of_mnist_gauss_fit_a_page_and_a_frame(chromium, tmp_path):
    page = explorer(plain())
    assert len(page) < 3e6
    browser.opened(chromium, tmp_path / "page.html", page)
    spent = []
    for i in range(30):
        slid(chromium, chromium.find_element("css selector", "input[data-place]").get_attribute("data-place"), i / 10)
        chromium.execute_async_script(FRAME)
        spent.append(chromium.execute_script("return document.getElementById('explorer-image').dataset.milliseconds"))
    assert min(map(float, spent)) < 16
    assert browser.complaints(chromium) == []


@pytest.mark.parametrize(
    ("decode", "said"),
    [
        (
            lambda z: dist.Normal(jnp.sort(jnp.repeat(z, 392)).reshape(28, 28, 1), 1.0).to_event(3),
            "&#39;sort&#39; has no",
        ),
        (lambda z: dist.Normal(jnp.sin(z), 1.0).to_event(1), None),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(decode, said):
    trial = plain(decode, sizes=(784, 4))
    page = explorer(trial if said else trial._replace(x=trial.x.reshape(20, 784)))
    assert (said or "are images [H, W, C]") in page
    assert "<script" not in page
    assert page.count("\n") == 1


def test_networks_too_large_for_a_page_are_a_sentence(monkeypatch):
    trial = plain(sizes=(784, 4))
    assert "<script" in explorer(trial)
    monkeypatch.setattr(live, "_TOO_MANY", 1_000)
    page = explorer(trial)
    assert "No live latent space here: the networks&#39; weights would be 0 MB of the page." in page
    assert "<script" not in page
