"""Pictures that move: arrays -> GIF files."""

import io
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image, ImageDraw

from vaex.evaluate.trial import Trial
from vaex.figures.grids import tile
from vaex.figures.plots import latent_scatter
from vaex.figures.vectors import decoded, vectors

_SIDE, _LINE = 240, 14  # pixels: of a picture at least, and of the line above it
_WALKS, _STOPS, _STEPS = 16, 3, 10  # at once, the images that each passes by, and the frames from one to the next
_FRAMES = 20  # of a scatter, which take longer to draw


def gif(frames: Sequence[np.ndarray], *, seconds: float) -> bytes:
    """Frames [H, W] or [H, W, 3], uint8, for so many seconds each, again and again."""
    images, file = [Image.fromarray(frame) for frame in frames], io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=round(1000 * seconds), loop=0)
    return file.getvalue()


def forming(images: np.ndarray, epochs: Sequence[int]) -> bytes:
    """What the same latents become after each of some epochs.

    Args:
        images: uint8 [T, N, H, W, C].
        epochs: [T].
    """
    frames = [_with_line(f"epoch {epoch}", _tiled(some)) for some, epoch in zip(images, epochs, strict=True)]
    return gif([*frames, *frames[-1:] * 4], seconds=0.3)


def scatter_forming(means: Float[np.ndarray, "t n 2"], labels: Int[np.ndarray, " n"], epochs: Sequence[int]) -> bytes:
    """Posterior means of two latents after each of some epochs, coloured by label."""
    figure = latent_scatter(means[-1], labels)
    figure.set_dpi(60)
    axes, canvas = figure.axes[0], FigureCanvasAgg(figure)
    parts = [labels < 0] * bool((labels < 0).any()) + [labels >= 0] * bool((labels >= 0).any())
    low, high = means.min(axis=(0, 1)), means.max(axis=(0, 1))
    edge = 0.05 * (high - low).max() + 1e-6
    axes.set(xlim=(low[0] - edge, high[0] + edge), ylim=(low[1] - edge, high[1] + edge))
    moving = [*axes.collections, axes.title]  # all else is laid out and drawn once
    for artist in moving:
        artist.set_animated(True)
    canvas.draw()
    still, frames = canvas.copy_from_bbox(figure.bbox), []
    for i in np.unique(np.linspace(0, len(means) - 1, _FRAMES).astype(int)):
        for dots, which in zip(axes.collections, parts, strict=True):
            dots.set_offsets(means[i][which])
        axes.set_title(f"posterior means of validation examples, epoch {epochs[i]}", fontsize=10)
        canvas.restore_region(still)
        for artist in moving:
            axes.draw_artist(artist)
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return gif([*frames, *frames[-1:] * 4], seconds=0.3)


def walk(key: PRNGKeyArray, trial: Trial) -> bytes | None:
    """E[p(x|z)] while z goes round by some test images' posterior means, several walks at once; None of other latents.

    From a to b in an angle w with each other z = (sin((1 - t) w) a + sin(t w) b) / sin w.
    """
    means = vectors(key, trial)
    if means is None or len(means) < 2:
        return None
    num = min(_WALKS, len(means) // 2)
    stops = means[np.arange(num * _STOPS) % len(means)].reshape(_STOPS, num, -1)
    z = spherical(jnp.asarray(stops), jnp.asarray(np.roll(stops, -1, axis=0)), _STEPS)  # [stop, step, walk, d]
    images = decoded(trial, z.reshape(-1, z.shape[-1]))
    images = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    return gif([_tiled(some) for some in images.reshape(_STOPS * _STEPS, num, *images.shape[1:])], seconds=0.1)


def spherical(a: Float[Array, "*batch d"], b: Float[Array, "*batch d"], steps: int) -> Array:
    """The way from a to b, without b, along which directions turn and lengths change evenly: [batch, steps, ..., d].

    Source: slerp of Shoemake 1985, of directions; what points opposite ways, or nowhere, goes straight.
    """
    t = jnp.arange(steps) / steps
    t = t.reshape(steps, *[1] * (a.ndim - 1))
    length = lambda v: jnp.linalg.norm(v, axis=-1, keepdims=True)
    safe = lambda v: v / jnp.maximum(length(v), 1e-12)
    angle = jnp.arccos(jnp.clip(jnp.sum(safe(a) * safe(b), axis=-1, keepdims=True), -1, 1))
    is_plain = (jnp.sin(angle) > 1e-4) & (length(a) > 1e-12) & (length(b) > 1e-12)
    sine = jnp.where(is_plain, jnp.sin(angle), 1.0)
    a, b, angle, sine, is_plain = (v[:, None] for v in (a, b, angle, sine, is_plain))
    turned = (jnp.sin((1 - t) * angle) * safe(a) + jnp.sin(t * angle) * safe(b)) / sine
    return jnp.where(is_plain, ((1 - t) * length(a) + t * length(b)) * turned, (1 - t) * a + t * b)


def _tiled(images: np.ndarray) -> np.ndarray:
    """Images side by side, uint8 [H, W] or [H, W, 3], enlarged by a whole number."""
    canvas = tile(images / np.float32(255), columns=max(1, round(len(images) ** 0.5)))
    canvas = np.round(255 * (canvas[..., 0] if canvas.shape[-1] == 1 else canvas[..., :3])).astype(np.uint8)
    times = max(1, -(-_SIDE // canvas.shape[1]))
    return canvas.repeat(times, axis=0).repeat(times, axis=1)


def _with_line(text: str, canvas: np.ndarray) -> np.ndarray:
    line = Image.new("L", (canvas.shape[1], _LINE), 255)
    ImageDraw.Draw(line).text((4, 1), text, fill=0)
    strip = np.asarray(line)
    return np.concatenate([strip if canvas.ndim == 2 else np.repeat(strip[..., None], 3, axis=-1), canvas])
