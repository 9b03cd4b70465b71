"""Tables: types of columns, what an encoder sees of them, the product of their likelihoods, and files of them."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
import scipy.special as sp
import scipy.stats as st

from tests.one_step import QUICK, configured, one_step
from vaex import data
from vaex.config import override
from vaex.config.task import kept_data
from vaex.data import memory
from vaex.data.given.as_trained import as_given
from vaex.data.given.inputs import read_given
from vaex.data.given.under import to_sample
from vaex.data.sources import packaged, tables
from vaex.data.tabular import columns, values
from vaex.data.tabular import named as rows_by_name
from vaex.data.tabular.standard import standardized
from vaex.distributions.columns import Columns
from vaex.distributions.counts import NegativeBinomial, Poisson
from vaex.distributions.levels import CategoricalLevels
from vaex.distributions.masked import Masked
from vaex.errors import UsageError
from vaex.model import Model
from vaex.models.column_parts import Options, negative_binomial
from vaex.models.column_parts import poisson as poisson_part
from vaex.models.columns import Column, features, missing_row, num_features
from vaex.models.missing import partially_observed
from vaex.models.table import table
from vaex.runs.experiments import load_experiment

KEY = jax.random.key(0)
COLUMNS = (
    Column("height", "real", 5.0, 2.0),
    Column("colour", "categorical", classes=("blue", "green", "red")),
    Column("visits", "count", 1.0, 0.7, most=9.0),
    Column("income", "positive", 0.3, 0.5),
    Column("size", "ordinal", classes=("S", "M", "L")),
    Column("member", "binary"),
    Column("calls", "count", 0.5, 0.6, most=3.0),
)
ROW = np.array([4.0, 2.0, 3.0, 1.5, 1.0, 1.0, 0.0])
CSV = """age,colour,visits,size,member,id,note
31,red,2,S,true,1,a
,blue,0,M,false,2,b
57.5,red,,L,true,3,c
40,NA,11,S,,4,d
"""


def by_hand(raw, concentration=1.0):
    """Of each column by scipy, of the decoder's output in the order that it is read: types by their alphabet."""
    member, colour, (visits, calls), size, income, height = np.split(np.asarray(raw, np.float64), [1, 4, 6, 7, 8])
    rates = np.exp([1 + 0.7 * visits, 0.5 + 0.6 * calls])
    cuts = np.log([1 / 2, 2])
    below = np.array([0, *(1 / (1 + np.exp(size - cuts))), 1])
    n, p = concentration, concentration / (concentration + rates)
    return [
        st.norm(5 + 2 * height, 2).logpdf(4.0),
        colour[2] - np.log(np.exp(colour).sum()),
        st.nbinom(n, p[0]).logpmf(3),
        st.lognorm(s=0.5, scale=np.exp(0.3 + 0.5 * income)).logpdf(1.5),
        np.log(below[2] - below[1]),
        -np.log1p(np.exp(-member)),
        st.nbinom(n, p[1]).logpmf(0),
    ]


@pytest.fixture(scope="module")
def product():
    likelihood = table(columns=COLUMNS)

    @jax.jit
    def both(key):
        raw = 0.5 * jax.random.normal(key, likelihood.raw_shape(()))
        return likelihood.apply(likelihood.init(key), raw), raw

    return both(KEY)


def test_a_row_is_the_product_of_its_columns(product):
    p, raw = product
    both = lambda row: (p.base_dist.log_prob(row), p.log_prob(row))
    found, whole = jax.jit(both, compiler_options=QUICK)(jnp.asarray(ROW))
    expected = np.array([np.squeeze(one) for one in by_hand(raw)])
    np.testing.assert_allclose(found, expected, rtol=1e-3)  # rates are bounded smoothly
    np.testing.assert_allclose(whole, expected.sum(), rtol=1e-3)


@pytest.mark.parametrize("rate", [0.3, 15.5, 1e3, 1e7])
def test_a_poisson_of_large_counts_keeps_its_digits(rate):
    """Within four standard deviations as scipy has it in 64 bits, and its derivative x / rate - 1."""
    x = np.unique(np.clip(np.round(rate + np.linspace(-4, 4, 41) * np.sqrt(rate)), 0, None))

    @functools.partial(jax.jit, compiler_options=QUICK)
    def compute(rate, x):
        return jax.jvp(lambda rate: Poisson(rate).log_prob(x), (rate,), (jnp.float32(1.0),))

    found, slope = compute(np.float32(rate), x.astype(np.float32))
    np.testing.assert_allclose(found, st.poisson(np.float32(rate)).logpmf(x), atol=1e-5)
    np.testing.assert_allclose(slope, x / np.float32(rate) - 1, rtol=1e-5, atol=2e-7)
    np.testing.assert_array_equal(Poisson(rate).log_prob(jnp.array([-1.0, 0.5, jnp.nan])), -np.inf)


@pytest.mark.parametrize("mean", [0.01, 5.0, 2e3, 1e5])
def test_a_negative_binomial_keeps_its_digits(mean):
    """Near its mean and at 0, from a concentration that is far below 1 to one at which it is nearly a Poisson."""
    c = np.array([1e-4, 0.5, 15.9, 1e3, 1e4], np.float32)[:, None]
    x = np.round(mean * np.array([0.0, 0.5, 0.9, 1.0, 1.01, 2.0], np.float32)).astype(np.float32)
    rate = c / np.float32(mean)
    found = jax.jit(lambda c, rate: NegativeBinomial(c, rate).log_prob(x))(c, rate)
    rate = rate.astype(float)
    np.testing.assert_allclose(found, st.nbinom(c.astype(float), rate / (1 + rate)).logpmf(x), rtol=2e-6, atol=2e-5)
    np.testing.assert_array_equal(NegativeBinomial(2.0, 1.0).log_prob(jnp.array([-1, 0.5, jnp.nan, jnp.inf])), -np.inf)


@functools.partial(jax.jit, compiler_options=QUICK)
def slopes_of_negative_binomial(c, mean, x):
    log_p = lambda log_c, log_mean: NegativeBinomial(jnp.exp(log_c), jnp.exp(log_c - log_mean)).log_prob(x).sum()
    return jax.grad(log_p, (0, 1))(jnp.log(c), jnp.log(mean))


def test_a_negative_binomial_has_the_slopes_of_its_closed_form():
    c, mean, x = np.array([[0.01, 3.0, 3.0, 100.0], [5.0, 5.0, 0.01, 5e3], [2.0, 0.0, 80.0, 4800.0]], np.float32)
    of_c = c * (sp.digamma(c + x) - sp.digamma(c) - np.log1p(mean / c) + 1 - (c + x) / (c + mean))
    found = slopes_of_negative_binomial(c, mean, x)
    np.testing.assert_allclose(found, [of_c, c * (x - mean) / (c + mean)], rtol=1e-3, atol=1e-5)


of_rate = jax.jit(jax.value_and_grad(lambda rate, x: Poisson(rate).log_prob(x)))
of_log_rate = jax.jit(jax.value_and_grad(lambda log_rate, x: Poisson(jnp.exp(log_rate)).log_prob(x)))


@pytest.mark.parametrize(("rate", "x"), [(1e-30, 20), (1e-6, 20), (1e-4, 1e4), (1e-2, 1e4), (1.0, 1e6), (4e5, 1e6)])
def test_a_poisson_keeps_its_digits_where_its_rate_is_far_below_a_count(rate, x):
    found, slope = of_log_rate(np.float32(np.log(rate)), np.float32(x))
    rate = float(jnp.exp(jnp.float32(np.log(rate))))
    np.testing.assert_allclose(found, st.poisson(rate).logpmf(x), rtol=1e-6)
    np.testing.assert_allclose(slope, x - rate, rtol=1e-5)
    assert Poisson(rate).log_prob(jnp.inf) == -jnp.inf
    np.testing.assert_allclose(of_rate(0.0, 0.0), (0, -1), atol=1e-6)
    np.testing.assert_array_equal([of_rate(0.0, 1.0), of_rate(0.0, 1e5)], [(-np.inf, np.inf)] * 2)
    assert not np.isnan(of_rate(0.0, -1.0)).any()


def test_what_is_no_class_has_no_probability():
    one = Columns((dist.CategoricalLogits(jnp.zeros((1, 3))),), ((0,),))
    found = [one.log_prob(jnp.array([value]))[0] for value in (1.0, 1.7, jnp.nan)]
    np.testing.assert_allclose(found, [-np.log(3), -np.inf, -np.inf], rtol=1e-6)
    assert CategoricalLevels(jnp.zeros(256)).log_prob(jnp.nan) == -np.inf


def test_what_is_missing_of_a_row_has_no_influence(product):
    p, raw = product
    model = partially_observed(Model(p, lambda x: p, lambda z: p), fill=missing_row(COLUMNS))
    expected = np.array([np.squeeze(one) for one in by_hand(raw)])
    score = jax.jit(lambda x, mask: model.decode(raw).log_prob(Masked(x, mask)), compiler_options=QUICK)
    for gone in range(len(ROW)):
        mask = np.arange(len(ROW)) != gone
        for other in (np.nan, -7.0, 1e20):
            found = score(jnp.where(mask, ROW, other), mask)
            np.testing.assert_allclose(found, expected[mask].sum(), rtol=1e-3)


def test_draws_are_rows(product):
    p, _ = product
    draws = np.asarray(jax.jit(lambda key: p.sample(key, (2000,)), compiler_options=QUICK)(KEY))
    assert set(draws[:, 1]) == {0, 1, 2} == set(draws[:, 4])
    assert set(draws[:, 5]) == {0, 1}
    assert (draws[:, [2, 6]] == np.round(draws[:, [2, 6]])).all()
    assert (draws[:, 3] > 0).all()
    numbers = [0, 2, 3, 5, 6]
    error = draws.std(axis=0)[numbers] / 2000**0.5
    assert (np.abs(draws.mean(axis=0) - np.asarray(p.mean))[numbers] < 5 * error).all()


def test_every_choice_of_parts_has_finite_densities_and_gradients():
    for real, positive, count in (
        ("gaussian_output", "log_normal_output", "poisson"),
        ("student_t", "log_normal", "zero_inflated_poisson"),
        ("student_t_output", "log_normal", "zero_inflated_negative_binomial"),
    ):
        likelihood = table(columns=COLUMNS, real=real, positive=positive, count=count)
        params = likelihood.init(KEY)
        score = jax.value_and_grad(lambda raw: likelihood.apply(params, raw).log_prob(ROW))  # noqa: B023
        start = jnp.asarray(likelihood.start(np.zeros(1)), jnp.float32)
        assert start.shape == likelihood.raw_shape(())
        found = jax.jit(jax.vmap(score), compiler_options=QUICK)(jnp.stack([start, start + 30, start - 30]))
        assert all(np.isfinite(leaf).all() for leaf in found)


def test_the_encoder_sees_standardized_numbers_and_one_hot_classes():
    seen = features(COLUMNS, jnp.asarray(ROW))
    expected = [-0.5, (np.log(4) - 1) / 0.7, (np.log(1.5) - 0.3) / 0.5, 0, 1, (0 - 0.5) / 0.6, 0, 0, 1]
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    assert len(seen) == num_features(COLUMNS)
    np.testing.assert_allclose(features(COLUMNS, jnp.asarray(missing_row(COLUMNS))), np.zeros(9), atol=1e-6)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_file_with_gaps(tmp_path, suffix):
    path = tmp_path / f"people{suffix}"
    write(path, CSV)
    rows = tables.read_table(str(path))[0]["train_images"]
    types = {name: columns.guessed(rows[name]) for name in rows.dtype.names or ()}
    assert types == {
        "age": "real",
        "colour": "categorical",
        "visits": "count",
        "size": "categorical",
        "member": "binary",
        "id": "count",
        "note": "categorical",
    }
    gaps = {name: columns.missing(rows[name]).tolist() for name in ("age", "colour", "visits", "member")}
    assert [gap.index(True) for gap in gaps.values()] == [1, 3, 2, 3]
    assert all(sum(gap) == 1 for gap in gaps.values())


def test_a_table_trains(tmp_path):
    """From a file with gaps to a step, of every type of column."""
    rng = np.random.default_rng(0)
    lines = [
        f"{rng.normal():.3f},{rng.choice(['red', 'blue', ''])},{rng.poisson(3)},{rng.choice([*'SML'])},{i % 2},{i}"
        for i in range(60)
    ]
    (tmp_path / "people.csv").write_text("\n".join(["age,colour,visits,size,member,id", *lines]))
    said = "id=ignore,size=ordinal:S<M<L"
    made = configured(*named(f"table:{tmp_path / 'people.csv'}"), f"--config.data.columns={said}")
    types = {c.name: (c.type, c.classes) for c in made.task.dataset.columns}
    assert types["size"] == ("ordinal", ("S", "M", "L"))
    assert types["colour"] == ("categorical", ("blue", "red"))
    assert "id" not in types
    _, metrics = one_step(made)
    assert np.isfinite(metrics["loss"])


def named(name):
    flags = ("data.num_validation=10", "data.binarize=none", "train.batch_size=10", "model.likelihood.name=table")
    return [f"--config.data.name={name}", *(f"--config.{flag}" for flag in flags)]


def write(path, text):
    """A table of text as a file of its ending."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as parquet
        from pyarrow import csv

        source = path.with_suffix(".csv")
        write(source, text)
        parquet.write_table(csv.read_csv(source, convert_options=csv.ConvertOptions(strings_can_be_null=True)), path)
    else:
        path.write_text(text.replace(",", "\t") if path.suffix == ".tsv" else text)


def column(values):
    """A table of two columns, of which these are the second."""
    return "x,y\n" + "".join(f"{i % 5},{value}\n" for i, value in enumerate(values))


X = "x,y\n" + "\n".join(f"{i % 5},{'ab'[i % 2]}" for i in range(40)) + "\n"


@pytest.mark.parametrize(
    ("files", "said", "line"),
    [
        ({"a.csv": X.replace("0,a", "-3,a")}, "x=count", r"'x' is count, and row 0 of the train rows has -3 there"),
        ({"a.csv": X}, "x=positive", r"'x' is positive, and row 0 .* has 0 there: expected a number above 0"),
        ({"a.csv": X}, "y=count", r"'y' is count, and has text in it, as 'a'"),
        (
            {"a.csv": column("-" if i % 9 == 2 else i % 6 for i in range(40))},
            "",
            r"'y' has '-' in row 2 among numbers: w",
        ),
        ({"a.csv": column(f"{i % 6}.5%" for i in range(40))}, "", r"'y' has '0.5%' in row 0 among numbers: write 1037"),
        ({"a.csv": column(f"2024-03-{i % 6 + 10}" for i in range(40))}, "", r"'y' has dates, as '2024-03-10': .*y=cat"),
        (
            {"a.csv": column(1_732_800_000 + i * i % 60 for i in range(40))},
            "",
            r"'y' lies at 1\.7328e\+09 with .* tell apart: sub",
        ),
        (
            {"a.csv": column(16_000_000 + i * i % 23 for i in range(40))},
            "y=count",
            r"'y' lies at 1\.600001e\+07 with a standard deviation of \d\.\d+, which 32-bit floats",
        ),
        (
            {"a.csv": column(1e6 + i * i % 23 / 10 for i in range(40))},
            "y=positive",
            r"'y' lies at 1000001 with a standard deviation of 0\.\d+, which 32-bit floats",
        ),
        (
            {"a.csv": column(range(7, 47))},
            "",
            r"'y' numbers the rows, from 7: leave it out, .*y=ignore\", or say .*y=real",
        ),
        ({"a.csv": X}, "y=ordinal", r"its classes are text: say their order, .*y=ordinal:a<b"),
        ({"a.csv": X}, "y=ordinal:a", r"'y' has the class 'b', which its order in data.columns leaves out"),
        ({"a.csv": X}, "z=count", r"data.columns names 'z': the table has x, y"),
        ({"a.csv": X + ",\n"}, "", r"1 of the train rows have no value at all, the first is row 40: remove"),
        ({"a.csv": X.replace(",a", ",").replace(",b", ",")}, "", r"'y' has no value in any row: .*y=ignore"),
        ({"a.csv": X.replace("b", "a")}, "", r"'y' has one value, a, in all training rows: .*y=ignore"),
        (
            {"a.csv": "x,n\n" + "".join(f"{i % 7},name{i}\n" for i in range(40))},
            "",
            r"'n' has 40 classes in 40 rows: leave",
        ),
        ({"a.csv": X.partition("\n")[2]}, "", r"the columns '0', 'a': expected rows, below a line with a name"),
        ({"a.csv": "x,y\n1,2,3\n"}, "", r"a.csv: not a readable table \(.*\): mend it"),
        ({"a.parquet": "none"}, "", r"a.parquet: not a readable table \(.*\): mend it"),
        ({"a.xlsx": ""}, "", r"it ends in '.xlsx': expected a file that ends in .csv"),
        ({"a.csv": X}, "x=ignore,y=ignore", r"no column is left to model"),
        (
            {"train.csv": X, "test.csv": X.replace("4,a", "4,c")},
            "",
            r"the class 'c' of column 'y' is in 4 of the validation and test rows, and in no training row: move",
        ),
        ({"train.csv": X}, "", r"is a folder: expected one train and one test"),
        (
            {"a.csv": X.replace(",", ";")},
            "",
            r"a.csv has one column, 'x;y': expected commas between columns; put",
        ),
        (
            {"a.csv": X.replace(",", ";").replace("a", "0,5")},
            "",
            r"a.csv: not a readable table \(.*\): expected commas between columns; put",
        ),
        (
            {"a.csv": "".join(f"{i - 1 if i else ''},{line}\n" for i, line in enumerate(X.split()))},
            "",
            r"the columns '', 'x', 'y': .* to_csv\(index=False\) leaves a data frame's index out",
        ),
        ({"a.csv": X.replace("4,a", "1e300,a")}, "", r"'x' is real, and row 4 .* has 1e\+300 there: expected a finite"),
        ({"a.csv": X.replace("4,a", "1e-60,a")}, "x=positive,", r"'x' is positive, and row .* above 0; say it is real"),
        ({"a.csv": "\n".join(X.splitlines()[:10])}, "", r"a.csv has 9 rows: expected 10 or more, of which a tenth"),
        ({"a.csv": X + ",caf\udce9\n"}, "", r"column 'y' has bytes that are no UTF-8: .* save the file"),
        ({"a.csv": X.replace("y", "caf\udce9")}, "", r"a.csv has a column whose name is no UTF-8: .* save the file"),
        ({"a.csv": X}, "x=label,y=label", r"column 'y' is said to be the label, and so is x: expected one label; say"),
        ({"a.csv": X}, "x=real,x=count", r"columns is 'x=real,x=count': expected each column once"),
        ({"a.csv": X.replace("4,a", "20000000,a")}, "x=count", r"has 20000000 there: .*, below 16,777,216; say it is"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(tmp_path, files, said, line):
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode(errors="surrogateescape"))
    single = len(files) == 1 and "a." in next(iter(files))
    with pytest.raises(UsageError, match=line) as error:
        data.load(f"table:{tmp_path / next(iter(files)) if single else tmp_path}", columns=said)
    assert "\n" not in str(error.value)


def test_codes_with_leading_zeros_are_text_and_other_whole_numbers_are_not(tmp_path):
    lines = [f"{'02134' if i % 3 else '10001' if i % 2 else ''},{i % 5},{-(i % 4)}" for i in range(40)]
    (tmp_path / "a.csv").write_text("zip,y,z\n" + "\n".join(lines))
    loaded = data.load(f"table:{tmp_path / 'a.csv'}")
    assert [(c.type, c.classes) for c in loaded.columns] == [
        ("categorical", ("02134", "10001")),
        ("count", ()),
        ("real", ()),
    ]


def test_more_rows_than_memory_has_room_for(tmp_path, monkeypatch):
    (tmp_path / "large.csv").write_text(X)
    write(tmp_path / "large.parquet", X)
    np.savez(tmp_path / "large.npz", x_train=np.zeros((10, 2)))
    monkeypatch.setattr(memory, "available_memory", lambda: 100.0)
    monkeypatch.chdir(tmp_path)
    sample, stream = "take a sample of its rows", "set --config.data.streaming=on where it has images"
    for name, cure in {"table:large.csv": sample, "table:large.parquet": sample, "large.npz": stream}.items():
        with pytest.raises(UsageError, match=f"needs about 0.0 GB of memory to be read, and 0.0 GB are free: {cure}"):
            data.load(name)


def test_more_rows_than_memory_has_room_for_when_they_are_standardized(monkeypatch, tmp_path):
    """8 bytes a value: of 400 there are 3,200, where the file alone would be read."""
    monkeypatch.setattr(memory, "available_memory", lambda: 3100.0)
    np.save(tmp_path / "a.npy", np.arange(400, dtype=np.uint8).reshape(100, 4))
    with pytest.raises(UsageError, match=r"a.npy, 100 rows of 4 columns, needs about 0.0 GB of memory to be read"):
        data.load(str(tmp_path / "a.npy"))


def test_spaces_about_a_name_are_none_of_it(tmp_path):
    (tmp_path / "a.csv").write_text(X.replace("x,y", "x , y"))
    assert [c.name for c in data.load(f"table:{tmp_path / 'a.csv'}", columns="y=categorical").columns] == ["x", "y"]


def test_a_class_of_one_row_is_kept_among_the_training_rows(tmp_path):
    """Whichever row it is."""
    for i in (1, 17, 39):
        lines = X.splitlines()
        lines[i + 1] = "1,rare"
        (tmp_path / "a.csv").write_text("\n".join(lines))
        loaded = data.load(f"table:{tmp_path / 'a.csv'}", num_validation=10)
        classes = loaded.columns[1].classes
        assert classes == ("a", "b", "rare")
        assert 2 in loaded.train.images[:, 1]
        assert (len(loaded.train.images), len(loaded.validation.images), len(loaded.test.images)) == (26, 10, 4)


def test_classes_that_are_numbers_are_told_apart_by_all_their_digits(tmp_path):
    codes = [20240101, 20240102, 20250101, 0.1234567]
    types = "x=categorical"
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{codes[i % 4]},{i % 9}\n" for i in range(40)))
    loaded = data.load(f"table:{tmp_path / 'a.csv'}", columns=types)
    assert loaded.columns[0].classes == ("0.1234567", "20240101", "20240102", "20250101")
    rows = loaded.train.images
    own = rows_by_name.in_own_units(loaded.columns, rows)
    assert set(own[:, 0]) == set(codes)
    for given in (own, rows_by_name.named(loaded.columns, own)):
        np.testing.assert_array_equal(rows_by_name.as_modelled(given, loaded.columns, "rows"), rows)
    single = values.class_names(np.float32([0.1, 0.2]))
    assert single == ["0.1", "0.2"]  # as such a file has them, and not 0.10000000149011612


def test_text_that_is_digits_stays_text(tmp_path):
    """02134 is no number; 10001 alone comes back as one."""
    rows = np.array(
        [("02134", i, b"") if i % 2 else ("10001", i, b"bc"[i % 4 // 2 :][:1]) for i in range(40)], "U5,f8,S1"
    )
    np.save(tmp_path / "a.npy", rows)
    loaded = data.load(str(tmp_path / "a.npy"))
    assert [c.classes for c in loaded.columns] == [("02134", "10001"), (), ("b", "c")]
    assert loaded.columns[2].has_gaps  # b"" is no value
    table = rows_by_name.named(loaded.columns, rows_by_name.in_own_units(loaded.columns, loaded.train.images))
    assert set(table["f0"]) == {"02134", "10001"}
    np.testing.assert_array_equal(rows_by_name.as_modelled(table, loaded.columns, "rows"), loaded.train.images)
    for raw in (np.full(len(table["f0"]), b"b"), [b"b", *["b"] * (len(table["f0"]) - 1)]):
        table["f2"] = raw
        assert (rows_by_name.as_modelled(table, loaded.columns, "rows")[:, 2] == 0).all()


def test_numbers_of_one_split_and_text_of_the_other_are_the_same_classes(tmp_path):
    (tmp_path / "train.csv").write_text("x,y\n" + "".join(f"{i % 3}.0,{i}\n" for i in range(40)) + "unknown,7\n")
    (tmp_path / "test.csv").write_text("x,y\n0.0,1\n1.0,2\n")
    loaded = data.load(f"table:{tmp_path}", columns="x=categorical")
    assert loaded.columns[0].classes == ("0.0", "1.0", "2.0", "unknown")
    assert loaded.test.images[:, 0].tolist() == [0, 1]
    found = rows_by_name.as_modelled({"x": [2, "1.0", "unknown"], "y": [1, 2, 3]}, loaded.columns, "rows")
    assert found[:, 0].tolist() == [2, 1, 3]


@pytest.mark.parametrize(
    ("column", "line"),
    [
        (np.ones(40, complex), "column 'v' is of type complex128: expected numbers or text"),
        (np.array(["2024-01-01", "NaT"] * 20, "M8[D]"), r"column 'v' is of type datetime64\[D\]: expected numbers"),
        (np.ones((40, 3)), "column 'v' has not one value a row: give one"),
        (np.full(40, b"\xe9"), "column 'v' has bytes that are no UTF-8"),
    ],
)
def test_a_column_of_another_type_is_refused_wherever_it_is_given(tmp_path, column, line):
    rows = np.zeros(40, [("v", column.dtype, column.shape[1:]), ("x", float)])
    rows["v"], rows["x"] = column, np.arange(40)
    np.savez(tmp_path / "a.npz", x_train=rows)
    with pytest.raises(UsageError, match=line):
        data.load(str(tmp_path / "a.npz"))
    assert len(data.load(str(tmp_path / "a.npz"), columns="v=ignore").columns) == 1
    types = Column("x", "real"), Column("v", "real")
    for given in (rows, {"v": column, "x": rows["x"]}):
        with pytest.raises(UsageError, match=line):
            rows_by_name.as_modelled(given, types, "rows")
        assert rows_by_name.as_modelled(given, types[:1], "rows").shape == (40, 1)  # others are left out


def test_whole_numbers_that_32_bits_do_not_tell_apart_are_no_counts():
    assert columns.guessed(np.array([1, 2**24 - 1])) == "count"
    assert columns.guessed(np.array([1, 2**24])) == "real"


def test_units_are_those_of_the_rows_that_are_trained_on(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i * i},{'ab'[i % 2]}\n" for i in range(40)))
    loaded = data.load(f"table:{tmp_path / 'a.csv'}", columns="x=real", num_train=7)
    x = loaded.train.images[:, 0]
    assert x.shape == (7,)
    np.testing.assert_allclose(loaded.columns[0][2:4], [x.mean(), x.std()], rtol=1e-6)
    assert loaded.columns[0].most == x.max()


def test_a_column_may_be_the_label(tmp_path):
    (tmp_path / "a.csv").write_text(X)
    loaded = data.load(f"table:{tmp_path / 'a.csv'}", columns="y=label,x=real")
    assert [c.name for c in loaded.columns] == ["x"]
    assert set(loaded.train.labels) == {0, 1}


def test_rows_without_a_label_are_counted_beside_the_names_of_the_others(tmp_path):
    text = "x,y\n" + "".join(f"{i},{('cat', 'dog', '')[i % 3]}\n" for i in range(60))
    (tmp_path / "a.csv").write_text(text)
    loaded = data.load(f"table:{tmp_path / 'a.csv'}", columns="y=label,x=real")
    assert loaded.meaning.endswith(", labels cat, dog, none of 20 rows")
    m2 = ("--config.model.name=m2", "--config.objective.name=semi_supervised", "--config.data.columns=y=label,x=real")
    task = configured(*named(f"table:{tmp_path / 'a.csv'}"), *m2).task
    np.testing.assert_array_equal(np.sort(task.labelled), np.flatnonzero(task.dataset.train.labels >= 0))


def test_a_class_that_is_a_label_is_called_by_its_text(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i},{'cat' if i % 2 else 'dog'}\n" for i in range(60)))
    under = ("--config.data.columns=y=label,x=real", "--config.data.condition=label")
    made = configured(*named(f"table:{tmp_path / 'a.csv'}"), *under)
    columns, label = made.task.dataset.columns, made.task.dataset.label_column
    kept = kept_data(override(load_experiment("auto_mpg"), list(under)), (1,), 2, columns=columns, label=label)
    rows = {"x": [1.0, 2.0, 3.0]}
    by_text, by_column = (
        as_given(rows, kept, labels=["dog", "cat", "dog"]),
        as_given({**rows, "y": ["dog", "cat", "dog"]}, kept),
    )
    np.testing.assert_array_equal(by_text.labels, by_column.labels)
    np.testing.assert_array_equal(by_text.labels, [1, 0, 1])
    drawn = functools.partial(to_sample, kept=kept, num_samples=2, key=jax.random.key(0), what="--label")
    np.testing.assert_array_equal(drawn("dog"), [[0, 1], [0, 1]])
    np.testing.assert_array_equal(drawn(["cat", "dog"]), np.eye(2))
    with pytest.raises(UsageError, match="--label: column 'y' has the class 'cow'"):
        drawn("cow")


def test_rows_under_a_label_have_no_pictures(tmp_path):
    (tmp_path / "a.csv").write_text(X)
    under = ("--config.data.columns=y=label,x=real", "--config.data.condition=label")
    assert configured(*named(f"table:{tmp_path / 'a.csv'}"), *under).task.figures == (
        "latent",
        "density",
    )  # of a label none is drawn


def test_the_simulated_counts_have_the_rates_that_they_are_said_to_have():
    """Of each column, within 5 standard errors of the mean of 2,000: Var[x] = rate + rate^2 / 4."""
    counts, rates = packaged.simulated()
    np.testing.assert_array_equal(counts, packaged.simulated()[0])
    error = np.sqrt((rates + rates**2 / 4).sum(axis=0)) / len(rates)
    assert (np.abs((counts - rates).mean(axis=0)) < 5 * error).all()


def test_what_stands_beside_a_vae_of_a_table():
    """A bin's probability beside the exact one, and negative binomials that have found their concentration."""
    from vaex.runs.experiments import load_studies

    baselines = importlib.import_module(f"{load_studies().__name__}._table_baselines")
    rng = np.random.default_rng(0)
    whole = np.round(rng.normal(3, 2, (500, 1)))
    types = (Column("x", "count"),)
    found = baselines.gaussian(whole, np.array([[2.0], [7.0]]), types)
    normal = st.norm(whole.mean(), whole.std())
    exact = np.log(normal.cdf([2.5, 7.5]) - normal.cdf([1.5, 6.5]))
    np.testing.assert_allclose(found, exact, atol=0.02)
    counts = rng.negative_binomial(3, 3 / (3 + 10.0), (20_000, 1))
    best = baselines.negative_binomials(counts, counts[:500], types)
    np.testing.assert_allclose(best, st.nbinom(3, 3 / 13).logpmf(counts[:500, 0]), atol=0.1)
    real = rng.normal(size=(300, 3)) @ rng.normal(size=(3, 3)) * [1, 100, 0.01]
    density = baselines.gaussian(real, real[:5], tuple(Column(name, "real") for name in "abc"))
    exact = st.multivariate_normal(real.mean(axis=0), np.cov(real.T), allow_singular=True).logpdf(real[:5])
    np.testing.assert_allclose(density, exact, atol=0.02)


def test_a_negative_binomial_has_its_mean_and_its_variance_and_a_rate_its_bound():
    """Of columns with the mean 0.5 of log(1 + x); a rate is at most exp(5) times 1 + the largest count of its start."""
    counts = (Column("a", "count", 0.5, 0.7, most=3.0),)
    p = negative_binomial(counts, Options()).apply({"log_concentration": jnp.log(jnp.array([2.0]))}, jnp.zeros((1, 1)))
    rate = np.exp(0.5)
    np.testing.assert_allclose([p.mean, p.variance], [[rate], [rate + rate**2 / 2]], rtol=1e-3)
    most = poisson_part(counts, Options()).apply({}, jnp.full((1, 1), 1e6)).rate
    np.testing.assert_allclose(most, 4 * np.exp(5.5), rtol=1e-5)


def test_a_rate_starts_at_its_columns_mean_and_moves_in_units_of_its_deviation():
    """Of years too: log rate = m + s raw near 0, with the slope s."""
    years = (Column("year", "count", float(np.log(2006)), 0.004, most=2019.0),)
    log_rate = lambda raw: jnp.log(poisson_part(years, Options()).apply({}, raw[None, None]).rate[0])
    value, slope = jax.value_and_grad(log_rate)(0.0)
    np.testing.assert_allclose([value, slope], [np.log(2006), 0.004], rtol=1e-4)


def test_what_is_missing_has_no_part_in_a_mean_and_a_deviation():
    (found,) = standardized((Column("a", "real", has_gaps=True),), np.array([[1.0], [np.nan], [3.0]], np.float32), "x")
    assert (found.center, found.scale, found.most) == (2.0, 1.0, 3.0)


def test_a_class_is_looked_for_among_the_rows_that_are_trained_on(tmp_path):
    """And not among those that num_train leaves out."""
    rows = [f"{i % 7},{'ab'[i % 2] if i < 60 else 'c'}" for i in range(80)]
    (tmp_path / "train.csv").write_text("\n".join(["x,y", *rows]) + "\n")
    (tmp_path / "test.csv").write_text("\n".join(["x,y", *rows[50:70]]) + "\n")
    load = lambda num_train: data.load(f"table:{tmp_path}", num_validation=5, num_train=num_train)
    assert len(load(None).train.images) == 75
    with pytest.raises(UsageError, match=r"the class 'c' of column 'y' is in \d+ of the .* and in no training row"):
        load(50)


def write_values(path, values):
    """A table of a number and of these values, v."""
    path.write_text("x,v\n" + "".join(f"{i}.5,{value}\n" for i, value in enumerate(values)))


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (("1.1", "1.10", "1.2"), ("1.1", "1.10", "1.2")),
        (("1.0", "1.1", "1.10"), ("1.0", "1.1", "1.10")),
        (("12345678901234567890", "12345678901234567891", "3"), ("3", "12345678901234567890", "12345678901234567891")),
        (("9007199254740993", "9007199254740992", "7"), ("7", "9007199254740992", "9007199254740993")),
        (("01", "1.5", "2"), ("01", "1.5", "2")),
        (("007.5", "7.5", "3"), ("007.5", "3", "7.5")),
        (("10", "9", "1"), ("1", "9", "10")),
        (("10.0", "9.0", "1.0"), ("1", "9", "10")),
        (("true", "false", "maybe"), ("false", "maybe", "true")),
        (("true", "false"), ("false", "true")),
        (("01:30", "02:00", "noon"), ("01:30", "02:00", "noon")),
        (("01:30", "02:00", "03:15"), ("01:30", "02:00", "03:15")),
        (("0.50", "0.50x", "1e3"), ("0.50", "0.50x", "1e3")),
    ],
)
def test_a_class_of_a_file_is_what_stands_there_whatever_the_other_rows_are(tmp_path, values, classes):
    """In training, in a test file that has one of them alone, and in what is given to the model that was trained."""
    write_values(tmp_path / "train.csv", values * 8)
    for i, value in enumerate(values):
        write_values(tmp_path / "test.csv", [value] * 3)
        write_values(tmp_path / "given.csv", [value])
        loaded = data.load(f"table:{tmp_path}", columns="v=categorical,x=real")
        assert loaded.columns[1].classes == classes
        (number,) = set(loaded.test.images[:, 1].tolist())
        assert (loaded.train.images[i :: len(values), 1] == number).all()
        kept = kept_data(override(load_experiment("auto_mpg"), []), (2,), 0, columns=loaded.columns)
        assert read_given(str(tmp_path / "given.csv"), kept).images[0, 1] == number


@pytest.mark.parametrize("type_", ["categorical", "label", "ordinal"])
@pytest.mark.parametrize(
    ("train", "test", "classes"),
    [
        ("012", ("0.0", "1.0", ""), ("0", "1", "2")),  # as pandas writes numbers among which one is missing
        (("true", "false"), ("True", "False", ""), ("0", "1")),
        (("true", "false"), "10", ("0", "1")),
    ],
)
def test_classes_of_two_files_that_say_them_in_two_ways(tmp_path, train, test, classes, type_):
    write_values(tmp_path / "train.csv", [*train] * 10)
    write_values(tmp_path / "test.csv", test)
    loaded = data.load(f"table:{tmp_path}", columns=f"v={type_},x=real")
    found = loaded.label_column if type_ == "label" else next(c for c in loaded.columns if c.name == "v")
    assert found.classes == classes
    if type_ == "label":
        first = 0 if "0.0" in test else 1
        assert loaded.test.labels.tolist() == [first, 1 - first, -1][: len(test)]


def test_codes_of_one_file_are_no_numbers_in_the_other(tmp_path):
    write = lambda name, codes: (tmp_path / name).write_text(
        "x,v\n" + "".join(f"{i}.5,{v}\n" for i, v in enumerate(codes))
    )
    write("train.csv", ["02134", "10001"] * 15)
    write("test.csv", ["10001"] * 3)
    loaded = data.load(f"table:{tmp_path}")
    assert loaded.columns[1].classes == ("02134", "10001")
    assert loaded.test.images[:, 1].tolist() == [1] * 3


def test_a_time_of_which_nothing_is_said_is_what_stands_there_and_a_date_is_refused(tmp_path):
    write = lambda cells: (tmp_path / "a.csv").write_text(
        "x,v\n" + "".join(f"{i % 7}.5,{v}\n" for i, v in enumerate(cells))
    )
    write(["01:30", "02:00"] * 20)
    assert data.load(f"table:{tmp_path / 'a.csv'}").columns[1].classes == ("01:30", "02:00")
    write(["2024-01-02", "2024-03-04"] * 20)
    with pytest.raises(UsageError, match="'v' has dates, as '2024-01-02': make numbers"):
        data.load(f"table:{tmp_path / 'a.csv'}")


def test_an_order_of_truth_values_may_be_said_in_another_way():
    values_of = np.array(["true", "false"] * 10, object)
    assert columns.classes_of("v", values_of, columns.Said("ordinal", ("0", "1"))) == ("0", "1")
    assert columns.classes_of("v", values_of, columns.Said("ordinal")) == ("false", "true")


def test_truth_values_and_numbers_are_told_in_several_ways():
    assert values.class_number("true", {"0": 0, "1": 1, "2": 2}) is None
    of_truth, of_text = {"false": 0, "true": 1}, {"0.0": 0, "1.0": 1, "02134": 2}
    assert [values.class_number(one, of_truth) for one in (True, np.False_, "TRUE", "1", 0)] == [1, 0, 1, 1, 0]
    assert [values.class_number(one, {"0": 0, "1": 1}) for one in ("true", "False")] == [1, 0]
    assert [values.class_number(one, of_text) for one in (0.0, "1", 2134, "x", 3)] == [0, 1, 2, None, None]
    assert values.class_number(1.1, {"1.10": 0, "1.100": 1}) is None
