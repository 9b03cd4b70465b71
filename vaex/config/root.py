"""The root of a config: its sections, and the fields that nothing chooses."""

import functools
from dataclasses import asdict, dataclass, field
from typing import Annotated

import optax

from vaex.choices import Build, Choices
from vaex.data import STREAMING, source_names
from vaex.data.augment import AUGMENTATIONS
from vaex.data.conditions import CONDITIONS
from vaex.data.form import check_form
from vaex.data.preprocess import BINARIZE
from vaex.data.tabular.columns import said_columns
from vaex.errors import OptionError, check_fraction, check_positive, check_seed, check_whole
from vaex.models import MODELS
from vaex.models.vae import vae
from vaex.models.weights import WEIGHTS
from vaex.networks import PRECISIONS
from vaex.objectives import OBJECTIVES, elbo
from vaex.train import OPTIMIZERS, RATES, SCHEDULES


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        name: a TFDS image data set, a folder of IDX files, an npz or npy file; folder:PATH for a folder of image files;
            table:PATH for a CSV or Parquet file; huggingface:PATH for one saved to disk; toy:NAME for points of a known
            density; bouncing:NAME for sequences of the images of a data set that move; shapes for images of known
            factors.
        dir: where to look first; "" takes VAEX_DATA_DIR.
        num_train: training examples that are used, the first ones; unset, all.
        num_validation: images of the validation split, from the tail of train.
        image_size: height and width that images are cropped and scaled to; unset, as they are.
        channels: 1 makes images grey, 3 gives them colours; unset, as they are.
        columns: of a table, the types of its columns: NAME=TYPE,NAME=TYPE, or one for all; others are guessed.
        num_labels: training images that keep their labels; unset, all that have one, where anything reads them.
        missing: the fraction of each image's pixels that nothing sees; unset, none.
        augment: how training images vary, anew at each use: flip or shift; of the models m2 and m1m2 those with a label
            alone; unset, not at all.
        binarize: for a Bernoulli likelihood: dynamic, threshold or none.
        condition: what is given of each image: label, low_resolution (averages of 4 x 4 pixels), half_resolution (of
            2 x 2), half or previous; unset, nothing.
        num_previous: of a sequence, the frames that each is given by the condition previous.
        streaming: whether training images are read from disk as they are needed: on, off, or auto, where all decoded
            images are more than resident_bytes.
        resident_bytes: what decoded images may take of the device's memory, and of the host's.
    """

    name: str = "mnist"
    dir: str = ""
    num_train: int | None = None
    num_validation: int = 1000
    image_size: int | None = None
    channels: int | None = None
    columns: str = ""
    num_labels: int | None = None
    missing: float | None = None
    augment: Annotated[Build | None, AUGMENTATIONS] = None
    binarize: Annotated[str | None, BINARIZE] = None
    condition: Annotated[str | None, CONDITIONS] = None
    num_previous: int = 3
    streaming: Annotated[str, STREAMING] = "auto"
    resident_bytes: int = 2**30

    def __post_init__(self) -> None:
        source, colon, _ = self.name.partition(":")  # TFDS runs the code of "community:name"
        if not self.name.isprintable():
            raise OptionError("name", self.name, "characters that can be printed", "rename what has another")
        if not self.name or (colon and source not in source_names()):
            sources = " or ".join(f"{source}:..." for source in source_names())
            raise OptionError("name", self.name, f"the name of a data set, or {sources}")
        check_form(image_size=self.image_size, channels=self.channels)
        said_columns(self.columns)
        check_whole(0, num_validation=self.num_validation)
        check_whole(num_train=self.num_train, num_labels=self.num_labels, num_previous=self.num_previous)
        if self.num_previous != Data.num_previous and self.condition != "previous":
            cure = "set --config.data.condition=previous too"
            raise OptionError("num_previous", self.num_previous, "none without that condition", cure)
        check_whole(most=2**63 - 1, resident_bytes=self.resident_bytes)
        check_fraction(missing=self.missing)


@dataclass(frozen=True)
class Train:
    """The training loop.

    Attributes:
        batch_size: examples of an update.
        num_epochs: passes over the training examples.
        eval_every: epochs between validations, each of which writes a checkpoint.
        select: the metric by which the best checkpoint is chosen, the one with the most of it, or the least of a loss
            or an error; unset, the bound that the objective maximises, or the ELBO.
        patience: validations without a better one before training stops; 0, never.
        learning_rate: its schedule, from the optimizer's own; unset, constant.
        schedule_epochs: epochs that this schedule is over, and held from there on; unset, all.
        clip_norm: what the norm of a batch's gradient is bounded by; unset, nothing.
        max_skipped: updates in a row that may be left out where they are not finite; unset, none.
        ema: the decay of a moving average of the parameters, which is evaluated in their place; unset, none.
        weights: what training finds of them: point, a value of each, or variational, a normal distribution of each of
            the decoder's, over whose draws p(x|z) is averaged.
        weight_sigma: of a Gaussian prior on the weights; unset, with point none, else their maximum a posteriori is
            found, and with variational 1.
        devices: how many a batch is split over, each with all parameters.
        loggers: where metrics go beside metrics.jsonl, names with commas between; "" for nowhere.
        moving: whether frames are kept for training.gif, in at most 5% of the time, and pictures that move are drawn.
        precision: in what networks compute while training: float32, or bfloat16, from which a CPU gains nothing.
    """

    batch_size: int = 128
    num_epochs: int = 10
    eval_every: int = 1
    select: str | None = None
    patience: int = 0
    learning_rate: Annotated[Build | None, RATES] = None
    schedule_epochs: int | None = None
    clip_norm: float | None = None
    max_skipped: int | None = None
    ema: float | None = None
    weights: Annotated[str, WEIGHTS] = "point"
    weight_sigma: float | None = None
    devices: int = 1
    loggers: str = "tensorboard"
    moving: bool = True
    precision: Annotated[str, PRECISIONS] = "float32"

    def __post_init__(self) -> None:
        check_whole(batch_size=self.batch_size, num_epochs=self.num_epochs, eval_every=self.eval_every)
        check_whole(devices=self.devices)
        if self.batch_size % self.devices:
            raise OptionError("batch_size", self.batch_size, f"a multiple of train.devices, {self.devices}")
        check_whole(max_skipped=self.max_skipped, schedule_epochs=self.schedule_epochs)
        if self.schedule_epochs is not None and self.learning_rate is None:
            cure = "set --config.train.learning_rate.name too"
            raise OptionError("schedule_epochs", self.schedule_epochs, "none without a schedule", cure)
        check_whole(0, patience=self.patience)
        check_positive(clip_norm=self.clip_norm, weight_sigma=self.weight_sigma)
        check_fraction(ema=self.ema)


@dataclass(frozen=True)
class Evaluate:
    """How a trained model is scored.

    Attributes:
        num_samples: K of the importance-weighted bound on test images.
        chunk_size: of these draws, how many are held at a time.
        batch_size: test images at a time.
        validation_samples: K of the importance-weighted bound at each validation, on 500 images.
        weight_draws: draws of variational weights, over which p(x|z) is averaged.
        num_clusters: what the components of a mixture prior are merged into, those that overlap most first; unset, each
            is a cluster.
    """

    num_samples: int = 100
    chunk_size: int = 100
    batch_size: int = 20
    validation_samples: int = 50
    weight_draws: int = 10
    num_clusters: int | None = None

    def __post_init__(self) -> None:
        check_whole(**asdict(self))


@dataclass(frozen=True)
class Experiment:
    """All that a config says.

    Attributes:
        seed: of all that is random, of 32 bits.
        data: what is trained on.
        model: the kind of model.
        objective: what training maximises.
        schedule: of one of the objective's options; unset, none.
        optimizer: optax's, with its own options.
        train: the training loop.
        evaluate: how the model is scored.
    """

    seed: int = 0
    data: Annotated[Data, Choices({"": Data}, what="data")] = Data()
    model: Annotated[Build, MODELS] = vae
    objective: Annotated[Build, OBJECTIVES] = elbo
    schedule: Annotated[Build | None, SCHEDULES] = None
    optimizer: Annotated[Build, OPTIMIZERS] = field(default=functools.partial(optax.adam, learning_rate=1e-3))
    train: Annotated[Train, Choices({"": Train}, what="train")] = Train()
    evaluate: Annotated[Evaluate, Choices({"": Evaluate}, what="evaluate")] = Evaluate()

    def __post_init__(self) -> None:
        check_seed(seed=self.seed)


ROOT = Choices({"": Experiment}, what="config")
