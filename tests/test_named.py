"""A model of a table answers about rows by the names of their columns, in their own units, some of them missing."""

import shutil

import jax
import numpy as np
import pandas as pd
import pytest

from tests.models import drawn
from tests.refusal import refusal
from tests.test_trained import keys_of
from vaex import evaluate
from vaex.config import override
from vaex.config.task import describe_run, kept_data
from vaex.data import Split
from vaex.data.given.as_trained import as_given
from vaex.data.given.inputs import of_split, read_given
from vaex.data.tabular.named import as_modelled, in_own_units, named
from vaex.distributions.masked import Masked
from vaex.evaluate.answers import Drawn
from vaex.models.columns import Column, missing_row
from vaex.models.missing import partially_observed
from vaex.runs.answers import answering as answers
from vaex.runs.answers import sampling
from vaex.runs.answers.answering import as_csv
from vaex.runs.answers.asked import ANSWERS, Asked
from vaex.runs.experiments import load_experiment
from vaex.runs.trained import Trained

COLUMNS = (
    Column("age", "real", 40.0, 10.0),
    Column("colour", "categorical", classes=("blue", "red")),
    Column("visits", "count", 1.0, 0.7, most=9.0),
    Column("grade", "ordinal", classes=("2", "4", "10")),
    Column("member", "binary"),
)
TABLE = {
    "note": ["a", "b", "c"],  # training left it out
    "member": [True, False, None],
    "grade": [10, 2, 4],
    "colour": ["red", "", "blue"],
    "age": [31.5, 40.0, np.nan],
    "visits": [2, 0, 11],
    "kind": ["x", "y", "x"],
}
MODELLED = np.array([[31.5, 1, 2, 2, 1], [40, np.nan, 0, 0, 0], [np.nan, 0, 11, 1, np.nan]], np.float32)
OWN = np.array([[31.5, 1, 2, 10, 1], [40, np.nan, 0, 2, 0], [np.nan, 0, 11, 4, np.nan]], np.float32)
CSV = """kind,visits,colour,age,grade,member,note
x,2,red,31.5,10,true,a
y,0,,40,2,false,b
x,11,blue,,4,,c
"""
LINES = """90071992547409930199,31.500000001,x,2,red,true,NA,10
90071992547409930200,40.250,y,0,,false,0.1,2
90071992547409930201,,x,11,blue,,7,4
"""


def trained(*flags):
    """A model of such rows, trained on none with gaps, with parameters drawn."""
    small = ("model.latent_dim=2", "model.network.encoder_hidden=4", "model.network.decoder_hidden=4")
    said = ("data.binarize=none", "data.columns=note=ignore,kind=label", "model.likelihood.name=table")
    config = override(load_experiment("digits"), [f"--config.{flag}" for flag in (*small, *said, *flags)])
    description = describe_run(config, (5,), 2, columns=COLUMNS)
    kept = kept_data(config, (5,), 2, columns=COLUMNS, label=Column("kind", "categorical", classes=("x", "y")))
    return Trained(description, drawn(description.init), config, kept)


@pytest.fixture(scope="module")
def model():
    return trained()


def structured(table):
    """The same as a structured array, in which text and what may be None are objects."""
    types = {"visits": int, "age": float, "grade": int}
    rows = np.empty(len(table["age"]), [(name, types.get(name, object)) for name in table])
    for name, values in table.items():
        rows[name] = values
    return rows


@pytest.mark.parametrize("table", [TABLE, structured(TABLE), OWN, OWN.astype(float)], ids=str.__class__.__name__)
def test_rows_by_their_names_in_any_order_or_by_their_places(table):
    np.testing.assert_array_equal(as_modelled(table, COLUMNS, "rows"), MODELLED)


def test_a_data_frame_is_read_by_the_names_of_its_columns():
    """In any order, numbers too; of columns without names by their places. pandas.NA is missing as None is."""
    numbers = pd.DataFrame({"x1": [1.0, 2.0], "x0": [3, 4]})
    two = (Column("x0", "real", 3.0, 1.0), Column("x1", "real", 1.0, 1.0))
    np.testing.assert_array_equal(as_modelled(numbers, two, "rows"), [[3, 1], [4, 2]])
    np.testing.assert_array_equal(as_modelled(pd.DataFrame([[3, 1], [4, 2]]), two, "rows"), [[3, 1], [4, 2]])
    frame = pd.DataFrame(TABLE)
    for given in (frame, frame[frame.columns[::-1]], frame.convert_dtypes(), dict(frame.convert_dtypes())):
        np.testing.assert_array_equal(as_modelled(given, COLUMNS, "rows"), MODELLED)


def test_as_many_structured_rows_as_there_are_columns_are_no_single_one(model):
    five = {name: [*values, *values[:2]] for name, values in TABLE.items()}
    np.testing.assert_array_equal(as_given(structured(five), model.kept, may_miss=True).images[3:], MODELLED[:2])


def test_rows_in_their_own_units_and_under_their_names_come_back():
    np.testing.assert_array_equal(in_own_units(COLUMNS, MODELLED), OWN)
    np.testing.assert_array_equal(in_own_units(COLUMNS, MODELLED[:, None]), OWN[:, None])
    table = named(COLUMNS, OWN)
    assert table["colour"].tolist() == ["red", None, "blue"]
    assert table["grade"].tolist() == [10, 2, 4]
    np.testing.assert_array_equal(as_modelled(table, COLUMNS, "rows"), MODELLED)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (OWN[0], r"rows have shape (5,), that of one row: rows[None] makes a batch of it"),
        (OWN[:, :4], "rows have shape (3, 4): expected [N, 5] and at least one row, the columns age, colour, visits,"),
        (OWN[:0], "at least one row"),
        ([[1.0, 2.0], [3.0]], "found rows of several lengths: expected one array; make them alike"),
        (np.ma.masked_array(OWN, OWN[0, 0] == OWN), "found a masked array of numpy's, whose mask is not read"),
        (
            {**TABLE, "age": np.ma.masked_array([1.0, 2.0, 3.0], [1, 0, 0])},
            "column 'age': found a masked array of numpy",
        ),
        (np.zeros((3, 8, 8, 1)), "rows have shape (3, 8, 8, 1): expected [N, 5]"),
        (OWN.astype(str), "rows are of type <U32: expected numbers, [N, 5]; give them by their names, {name: values};"),
        (
            {**TABLE, "colour": ["red", "green", ""]},
            "rows: column 'colour' has the class 'green' in row 1, which train",
        ),
        ({**TABLE, "grade": [3, 2, 4]}, "'grade' has the class '3' in row 0, which training did not see: expected one"),
        (OWN + np.array([0, 1, 0, 0, 0]), "column 'colour' has the number 2: expected 0 to 1, for blue, red"),
        ({**TABLE, "visits": [1, -1, 2]}, "'visits' is count, and row 1 of the rows has -1 there: expected a whole"),
        ({**TABLE, "age": ["old", 1, 2]}, "'age' is real, and has text in it, as 'old': mend it, or leave it empty"),
        ({**TABLE, "age": [1.0]}, "rows: found columns of 2 lengths: expected as many values in each"),
        ({name: values[0] for name, values in TABLE.items()}, "found one value in the place of a column: expected [N]"),
        ({"age": [1.0]}, "rows: found the columns age: expected 'colour' too, as in training; add it, empty where"),
    ],
)
def test_rows_of_other_columns_or_classes_are_refused_in_one_line(model, table, message):
    line, _ = refusal(lambda: model.encode(table))
    assert message in line


def test_what_is_missing_has_no_influence_on_a_model_that_was_trained_without_gaps(model):
    """It is that of what is observed; and a row without gaps is as without the others."""
    found, i = model.encode(TABLE, seed=3), 1
    _, key = keys_of(i, seed=3)
    mask = ~np.isnan(MODELLED[i])
    part = partially_observed(model.bind(), fill=missing_row(COLUMNS))
    expected = evaluate.moments(key, part, Masked(np.where(mask, MODELLED[i], 1e20), mask))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[i], b, rtol=1e-4), found, expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b[0], rtol=1e-5), found, model.encode(OWN[:1], seed=3))


@pytest.fixture
def answering(monkeypatch):
    """A model answers rows as they are modelled, whatever is asked."""
    rows = np.where(np.isnan(MODELLED), 1, MODELLED)

    def run(self, name, one, examples, seed, chunk_size):
        each = jax.vmap(lambda key, example: one(key, self.bind(), example), (None, 0))
        shape = jax.eval_shape(each, jax.random.key(0), examples)
        answer = lambda of: np.broadcast_to(np.resize(rows, of.shape[-2:]) if of.shape[-1] == 5 else 0.5, of.shape)
        return jax.tree.map(answer, shape)

    monkeypatch.setattr(Trained, "_run", run)
    return np.array([[31.5, 1, 2, 10, 1], [40, 1, 0, 2, 0], [1, 0, 11, 4, 1]], np.float32)


def test_rows_are_answered_in_their_own_units(model, answering):
    np.testing.assert_array_equal(model.reconstruct(TABLE), answering)
    np.testing.assert_array_equal(model.impute(TABLE), np.where(np.isnan(OWN), answering, OWN))
    found = model.sample(3)
    assert type(found) is Drawn
    for rows in (found.mean, found.x):
        np.testing.assert_array_equal(rows, answering)
    np.testing.assert_array_equal(model.interpolate(TABLE, OWN, steps=3)[1], answering)
    assert "no value is missing: give a mask too" in refusal(lambda: model.impute(answering))[0]


def test_files_of_rows_and_what_the_commands_write_of_them(model, tmp_path, answering):
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.tsv").write_text(CSV.replace(",", "\t"))
    np.savez(tmp_path / "c.npz", images=OWN, labels=[0, 1, 0], mask=~np.isnan(OWN))
    np.save(tmp_path / "d.npy", OWN)
    for name in ("a.csv", "b.tsv", "c.npz", "d.npy"):
        given = read_given(f"{'table:' if name == 'b.tsv' else ''}{tmp_path / name}", model.kept, may_miss=True)
        np.testing.assert_array_equal(given.images, MODELLED)
        np.testing.assert_array_equal(given.mask, ~np.isnan(MODELLED))
        if name != "d.npy":
            np.testing.assert_array_equal(given.labels, [0, 1, 0])
    found = ANSWERS["impute"](model, given, Asked())
    assert as_csv(found.table).splitlines()[:3] == [
        "index,age,colour,visits,grade,member",
        "0,31.5,red,2.0,10.0,1.0",
        "1,40.0,red,0.0,2.0,0.0",
    ]
    assert found.said == "what is missing of 3 rows, 20% of their values"
    assert found.figure is None
    own = of_split(Split(MODELLED, np.zeros(3, np.int32)), model.kept)
    np.testing.assert_array_equal(own.mask, ~np.isnan(MODELLED))


def test_what_is_imputed_of_a_file_stands_among_its_own_cells(model, tmp_path, answering):
    """All columns in the file's order, known cells by all their digits, also those that the model knows nothing of."""
    (tmp_path / "a.csv").write_text("id,age,kind,visits,colour,member,note,grade\n" + LINES)
    given = read_given(str(tmp_path / "a.csv"), model.kept, may_miss=True)
    found = ANSWERS["impute"](model, given, Asked())
    assert as_csv(found.table).splitlines() == [
        "index,id,age,kind,visits,colour,member,note,grade",
        "0,90071992547409930199,31.500000001,x,2,red,true,NA,10",
        "1,90071992547409930200,40.250,y,0,red,false,0.1,2",
        "2,90071992547409930201,1.0,x,11,blue,1.0,7,4",
    ]
    assert found.arrays["images"].shape == (3, 5)


def test_labels_of_rows_have_their_names_in_csv_files(tmp_path, answering, saved_run, monkeypatch):
    """Of a model that draws and tells them, with an answer of 0.5 to everything: the first class of each row."""
    model = trained("model.name=m2")
    given = of_split(Split(OWN, np.array([1, 0, -1], np.int32)), model.kept)
    found = ANSWERS["classify"](model, given, Asked())
    assert as_csv(found.table).splitlines()[:2] == ["index,class,probability_x,probability_y", "0,x,0.5,0.5"]
    assert found.arrays["class"].tolist() == [0, 0, 0]
    assert found.said == "classes of 3 rows, of the 2 with a label 50.0% as they are labelled"
    run = shutil.copytree(saved_run, tmp_path / "run")
    *_, table = answers._write(run, run / "answers" / "a", given, found, "", model.kept.label)
    assert table.read_text().splitlines()[1:] == ["0,y,x,0.5,0.5", "1,x,x,0.5,0.5", "2,,x,0.5,0.5"]
    monkeypatch.setattr(sampling, "load", lambda path: model)
    sampling.sample(str(run), 3, 0)
    assert (run / "samples.csv").read_text().splitlines()[0] == "index,age,colour,visits,grade,member,kind"
    assert [line.rpartition(",")[2] for line in (run / "samples.csv").read_text().splitlines()[1:]] == ["x"] * 3


def test_an_index_of_the_table_takes_the_place_of_the_number_of_the_row():
    assert as_csv({"index": np.array([7, 8])}) == "index\n7\n8\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder:x", "INPUT is folder:x, a folder of images, and the model is of rows: expected NAME.csv, NAME.tsv"),
        ("none.csv", "INPUT is none.csv: no such file; expected NAME.csv"),
        ("table:none.csv", "INPUT is table:none.csv: no such file"),
        ("digits", "INPUT is digits, a data set of images, and the model is of rows: give it rows"),
        ("table:", "INPUT is table:: expected a path behind the colon"),
        ("a.csv", "a.csv: column 'colour' has no value in row 1, and this run was trained on rows without gaps: fill"),
    ],
)
def test_inputs_that_are_no_rows_of_the_model(model, tmp_path, monkeypatch, name, message):
    (tmp_path / "a.csv").write_text(CSV)
    monkeypatch.chdir(tmp_path)
    assert message in refusal(lambda: read_given(name, model.kept._replace(said="")))[0]


def test_a_table_is_no_images(tmp_path):
    config = load_experiment("digits")
    kept = kept_data(config, (8, 8, 1), 10)
    assert "INPUT is a.csv, a table, and the model is of images" in refusal(lambda: read_given("a.csv", kept))[0]
    assert (
        "INPUT is wine, a data set of rows, and the model is of images" in refusal(lambda: read_given("wine", kept))[0]
    )
