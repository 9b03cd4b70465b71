"""Whether the training images of a data set stay on disk."""

from vaex.data.blocks import Blocks
from vaex.data.form import Form
from vaex.data.sources.place import Place
from vaex.errors import UsageError

STREAMING = {name: name for name in ("auto", "on", "off")}
_CAN = "folder:PATH, NAME.npz, NAME.npy, huggingface:PATH, or images by their name, such as mnist"


def is_streamed(name: str, place: Place, form: Form, streaming: str, resident_bytes: int) -> bool:
    """Whether they do, by what is asked for, and by how large the decoded images are.

    Raises:
        UsageError: the source cannot be streamed, and streaming is "on".
    """
    if streaming == "off":
        return False
    blocks = _blocks(place, streaming)
    if "train_factors" in (blocks or {}):  # which are looked at all at once
        check_streams(name, streaming, "it has factors, which go with images in memory: ")
        return False
    images = [one for key, one in (blocks or {}).items() if key.endswith("_images")]
    if not images or any(one.dtype.names is not None or len(one.shape) not in (3, 4) for one in images):
        check_streams(name, streaming)
        return False
    _, height, width, channels = (*images[0].shape, 1)[:4]
    size = (form.size or height) * (form.size or width) * (form.channels or channels)
    return streaming == "on" or size * sum(one.shape[0] for one in images) > resident_bytes


def _blocks(place: Place, streaming: str) -> dict[str, Blocks] | None:
    try:
        return None if place.blocks is None else place.blocks()
    except UsageError:
        if streaming == "on":
            raise
        return None  # what cannot be read in pieces is read as a whole, which says what is wrong with it


def check_streams(name: str, streaming: str, why: str = "") -> None:
    """Raise a UsageError where streaming is asked for, of a source that cannot be."""
    if streaming == "on":
        raise UsageError(
            f"data.streaming is 'on' with {name!r}, which cannot be streamed: {why}expected {_CAN}; or set it off"
        )
