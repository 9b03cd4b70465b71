"""A run's page: what it shows of whole, unfinished and broken runs; it fetches nothing and runs nothing."""

import importlib.util
import json
import os
import re
from html.parser import HTMLParser

import pytest

from vaex.__main__ import main
from vaex.errors import WriteError
from vaex.figures import FIGURES
from vaex.files import replaced
from vaex.runs import folder, page_file
from vaex.runs.page import html
from vaex.runs.page.curves import clock, panels
from vaex.runs.page.run import _ALTERNATIVES

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SCORES = {"test_elbo": -90.123, "test_elbo_standard_error": 0.5, "num_samples": 5, "num_epochs": 2, "best_epoch": 1}


class Page(HTMLParser):
    """The elements of a page, each closed by its own end, and its text without that of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts, self.json = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input"):
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not self.open or self.open[-1][0] not in ("script", "style"):
            self.texts.append(data)
        elif self.open[-1][1].get("type") == "application/json":
            self.json.append(json.loads(data))

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(run):
    return lambda **given: Page(page_file.write_page(run, **given).read_text())


def test_a_page_shows_scores_curves_pictures_config_and_how_it_was_made(run, page):
    folder.write_json(
        run / folder.RESULTS, {"dataset": "digits", **SCORES, "versions": {"jax": "9.9"}, "device": "abacus"}
    )
    with replaced(run / "figures" / "samples.png") as file:
        file.write(PNG)
    folder.add_command(run, "vaex train digits --name 'a b'")
    shown = page()
    for words in ("-90.12 ± 0.50 nats", "jax 9.9", "abacus", "vaex train digits --name 'a b'", "model.latent_dim 2"):
        assert words in shown.text, words
    assert "Finished: 2 epochs; the scores are of epoch 1" in shown.text
    assert "p(x|z) mlp, bernoulli 332 parameters" in shown.text  # 2 * 4 + 4 + 4 * 64 + 64
    (picture,) = shown.of("img")
    assert picture["src"].startswith("data:image/png;base64,")
    assert "prior" in picture["alt"]
    assert all(
        url.startswith(("data:", "#")) for _, a in shown.elements for url in (a.get("src"), a.get("href")) if url
    )
    if importlib.util.find_spec("bokeh"):
        (drawn,) = shown.json
        elbo = drawn["panels"][0]
        assert elbo["title"].startswith("ELBO")
        assert (drawn["clocks"][0]["epochs"], elbo["lines"][0]["y"]) == ([1, 2], [-30.0, -40.0])
        assert (run / folder.PAGE).stat().st_size < 4e6
    else:
        assert "pip install 'bokeh" in shown.text


def test_what_a_run_is_called_is_never_run(run, page):
    """Nor what its files say: no script, no picture and no attribute but the page's own."""
    plain = page().elements
    described = json.loads((run / folder.DATASET).read_text())
    folder.write_json(run / folder.DATASET, described | {"experiment": EVIL, "source": EVIL, "dataset": EVIL})
    folder.write_json(run / folder.RESULTS, {"experiment": EVIL, EVIL: EVIL, "device": EVIL, "versions": {EVIL: EVIL}})
    (run / folder.METRICS).write_text(json.dumps({"epoch": 1, EVIL: 1.0, "elbo": -1.0}) + "\n")
    folder.add_command(run, EVIL)
    evil = page(state=EVIL)
    count = lambda elements, tag: sum(name == tag for name, _ in elements)
    assert [count(evil.elements, tag) for tag in ("script", "img")] == [count(plain, tag) for tag in ("script", "img")]
    assert not any(name.startswith("on") for _, attributes in evil.elements for name in attributes)
    assert evil.text.count("<script>alert(1)</script>") > 5  # as text


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ((folder.RESULTS,), "Epoch 2 of 3 has ended, and there are no scores yet"),
        ((folder.RESULTS, folder.METRICS), "No epoch of 3 has ended"),
        ((folder.METRICS,), "There are no curves: no epoch has ended yet"),
        ((), "There are no pictures"),
    ],
)
def test_what_there_is_not_has_a_sentence(run, page, files, sentence):
    for name in files:
        (run / name).unlink()
    assert sentence in page().text


def test_a_run_carried_on_says_whose_scores_stand_there(run, page):
    folder.write_json(run / folder.RESULTS, {**SCORES, "num_epochs": 1})
    assert "Trained on: epoch 2 of 3. The scores and pictures are of epoch 1" in page().text


def test_a_run_of_another_vaex_has_a_page_without_its_config(run, page):
    (run / folder.CONFIG).write_text('{"of": "another version"}')
    text = page().text
    assert "config.json cannot be read by this version" in text
    assert "The model is not drawn" in text


def test_too_many_pictures_are_named(run, page, monkeypatch):
    monkeypatch.setattr("vaex.runs.page.run._MOST", 100)
    for name in ("samples", "mine", "latent"):
        with replaced(run / "figures" / f"{name}.png") as file:
            file.write(PNG)
    shown = page()
    assert len(shown.of("img")) == 2
    assert "in figures/ of the run: mine." in shown.text


def test_open_writes_a_page_where_there_is_none_or_an_older_one(run, monkeypatch, capsys):
    opened = []

    def make_older():
        """By more than a tick of the file system's clock."""
        seconds = (run / folder.RESULTS).stat().st_mtime - 1
        os.utime(run / folder.PAGE, (seconds, seconds))

    monkeypatch.setattr("webbrowser.get", lambda: None)
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert main(["open", str(run)]) == 0
    assert str(run / folder.PAGE) in capsys.readouterr().out
    assert opened == [(run / folder.PAGE).as_uri()]
    (run / folder.PAGE).write_text("newer")
    assert main(["open", str(run)]) == 0
    assert (run / folder.PAGE).read_text() == "newer"
    make_older()
    assert main(["open", str(run)]) == 0
    assert (run / folder.PAGE).read_text() != "newer"
    make_older()

    def refuse(path):
        raise WriteError(path, "Read-only file system")

    monkeypatch.setattr(page_file, "write_page", refuse)
    assert main(["open", str(run)]) == 0
    assert "Read-only file system; the page that is there may be older than the run" in capsys.readouterr().out
    assert len(opened) == 4


def test_page_take_a_hundredth_of_the_training_time(run, monkeypatch):
    """Of a clock that the page itself moves by a second."""
    now, written = [0.0], []
    monkeypatch.setattr(page_file.time, "perf_counter", lambda: now[0])

    def write(path, **given):
        written.append(now[0])
        now[0] += 1.0

    monkeypatch.setattr(page_file, "write_page", write)
    show = page_file.page_while_training(run, 500)
    for epoch in range(1, 501):
        now[0] += 1.0
        show({"epoch": epoch, **({"validation_elbo": -1.0} if epoch % 2 else {})})
    assert written[0] == 11.0  # the first that is validated once a hundredth is what a first page is taken to need
    assert 4 <= len(written) <= 0.01 * 500 + 1


def test_a_training_that_fails_has_its_page(run, monkeypatch):
    from vaex.errors import UsageError
    from vaex.runs.training import _page_of_failure

    with pytest.raises(UsageError, match="non-finite"), _page_of_failure(run):
        raise UsageError("the loss became non-finite at step 7")
    shown = Page((run / folder.PAGE).read_text())
    assert "Training ended early: the loss became non-finite at step 7" in shown.text
    assert "state wrong" in {attributes.get("class") for attributes in shown.of("p")}


def test_panels_join_training_and_validation_and_leave_out_what_is_not_finite():
    rows = [
        {"epoch": 1, "loss": 3.0, "elbo": -3.0, "seconds": 1.0, "kl_l": [1.0, 2.0]},
        {"epoch": 2, "loss": float("nan"), "elbo": -2.0, "validation_elbo": -2.5, "seconds": 2.0, "kl_l": [1.5, 2.5]},
    ]
    assert clock(rows, 7) == {"epochs": [1, 2], "updates": [7, 14], "seconds": [1.0, 2.0]}
    found = {title.split(",")[0]: {line.name: line.y for line in lines} for title, lines in panels(rows).items()}
    assert [*found] == ["ELBO", "loss", "kl l"]
    assert found["ELBO"] == {"training": [-3.0, -2.0], "validation": [None, -2.5]}
    assert found["loss"] == {"training": [3.0, None]}
    assert found["kl l"] == {"training, 1": [1.0, 1.5], "training, 2": [2.0, 2.5]}


def test_what_moves_is_folded_away(run, page):
    for name, picture in (("walk.gif", b"GIF89a" + bytes(40)), ("samples.png", PNG)):
        with replaced(run / "figures" / name) as file:
            file.write(picture)
    found = page()
    assert "pictures that move (1)" in found.text
    places = [i for i, (tag, _) in enumerate(found.elements) if tag == "img"]
    assert [found.elements[i][1]["src"][:15] for i in places] == ["data:image/png;", "data:image/gif;"]
    assert any(tag == "details" for tag, _ in found.elements[places[0] : places[1]])


def test_every_figure_has_words_in_its_place():
    assert {*FIGURES, "training", "latent_training", "walk"} == set(_ALTERNATIVES)


def test_json_in_a_page_ends_no_element():
    text = html.data({"a": EVIL + "<!--\u2028"})
    assert re.findall("<[^>]*>", text) == ['<script type="application/json">', "</script>"]
    assert Page(text).json == [{"a": EVIL + "<!--\u2028"}]


def test_elements_escape_what_is_no_markup():
    shown = html.tag("p", "<b>", html.tag("i", "x"), None, class_="a", data_b='"', hidden=True, id=None)
    assert shown == '<p class="a" data-b="&#34;" hidden="">&lt;b&gt;<i>x</i></p>'
