"""Several processes that train one run: that they agree, that a killed one ends the others, and what is refused."""

import os
import socket
import subprocess
import sys

import jax
import numpy as np
import pytest

from tests.refusal import refusal
from vaex.config import override
from vaex.config.setup import setup
from vaex.runs import alike, commands, devices, epochs, hosts, start, together
from vaex.runs.experiments import load_experiment
from vaex.runs.hosts import Hosts, said_hosts

SMALL = ["model.latent_dim=2", "model.network.encoder_hidden=4", "model.network.decoder_hidden=4"]
FLAGS = [f"--config.{field}" for field in [*SMALL, "data.num_train=256"]]


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


MEMBER = """
import sys, time
from vaex.errors import LostProcess
from vaex.runs import alike, hosts, process

def main():
    hosts.meet(hosts.Hosts(sys.argv[1], 2, int(sys.argv[2])))
    own = int(sys.argv[2])
    assert hosts.are_several() and hosts.is_first() == (own == 0)
    assert hosts.agreed({"elbo": -1.5 - own, "kl": [own, 2]}) == {"elbo": -1.5, "kl": [0, 2]}
    assert hosts.any_of(own == 1) and not hosts.any_of(False)
    assert alike.gathered({"name": "n" * own}) == [{"name": ""}, {"name": "n"}]
    print("ready", flush=True)
    try:
        while True:
            hosts.any_of(False)
            time.sleep(0.02)
    except LostProcess as error:
        process.complain(str(error))
        return 3

process.run(main)
"""


@pytest.mark.parametrize("killed", [0, 1])
def test_two_processes_agree_and_one_that_is_killed_ends_the_other(killed):
    """At once, by one line and code 3: a collective raises, or XLA aborts where its coordinator is gone."""
    env = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    command, pipe = [sys.executable, "-c", MEMBER, f"127.0.0.1:{free_port()}"], subprocess.PIPE
    both = [subprocess.Popen([*command, str(i)], env=env, text=True, stdout=pipe, stderr=pipe) for i in range(2)]
    try:
        for one in both:
            while (line := one.stdout.readline()) and line != "ready\n":
                pass
            assert line, one.stderr.read()
        both[killed].kill()
        said = both[1 - killed].communicate(timeout=30)[1]
    finally:
        for one in both:
            one.kill()
            one.communicate()
    assert both[1 - killed].returncode == 3
    assert said.startswith("vaex: another process has ended or cannot be reached")
    assert said.endswith("the same command on all of them carries it on\n")
    assert said.count("\n") == 1


@pytest.mark.skipif(jax.device_count() < 2, reason="needs 2 devices, which XLA makes of a CPU")
def test_an_epoch_of_several_hosts_is_that_of_one(monkeypatch):
    """With this process's devices for the hosts'; the state that comes out is this host's own."""
    made = setup(override(load_experiment("digits"), FLAGS))
    state, metrics, _ = epochs.compiled_epoch(made, made.init())(made.init())
    monkeypatch.setattr(hosts, "are_several", lambda: True)
    two = setup(override(load_experiment("digits"), [*FLAGS, "--config.train.devices=2"]))
    found, found_metrics, first_bad = epochs.compiled_epoch(two, two.init())(two.init())
    assert first_bad == -1
    assert all(len(leaf.devices()) == 1 for leaf in jax.tree.leaves(found))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found.params, state.params)
    np.testing.assert_allclose(found_metrics["loss"], metrics["loss"], rtol=1e-6)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("127.0.0.1", 2, 0), "--coordinator is '127.0.0.1': expected ADDRESS:PORT of process 0, or auto"),
        (("127.0.0.1:0", 2, 0), "--coordinator is '127.0.0.1:0'"),
        (("127.0.0.1:80", 2, 2), "--process-id is 2: expected a whole number from 0 to 1"),
        (("127.0.0.1:80", 0, 0), "--num-processes is 0: expected a whole number of at least 1"),
        (("127.0.0.1:80", 2, None), "--coordinator goes with --num-processes=N and --process-id=0 to N - 1"),
        ((None, 2, None), "--num-processes and --process-id go with --coordinator"),
        (("auto", 2, None), "--coordinator is auto"),
    ],
)
def test_what_is_said_of_hosts_wrongly_is_told(said, message):
    assert message in refusal(lambda: said_hosts(*said))[0]


def test_what_is_said_of_hosts():
    assert said_hosts(None, None, None) is None
    assert said_hosts("[::1]:80", 3, 2) == Hosts("[::1]:80", 3, 2)
    assert said_hosts("auto", None, None) == Hosts("auto", None, None)


@pytest.mark.parametrize(
    ("num_hosts", "message"),
    [
        (3, "train.batch_size is 128: expected a multiple of 3, 3 processes of 1 devices each"),
        (129, "--num-processes is 129: expected at most 128, the examples of a batch"),
    ],
)
def test_a_batch_that_hosts_cannot_share_is_told(monkeypatch, num_hosts, message):
    monkeypatch.setattr(jax, "process_count", lambda: num_hosts)
    assert message in refusal(lambda: devices.of_hosts(1, 128))[0]


def test_processes_that_are_given_different_flags_are_told_which(monkeypatch, tmp_path, run):
    """Before anything is made or trained; what others say is what was said before."""
    said = []
    monkeypatch.setattr(hosts, "are_several", lambda: True)
    monkeypatch.setattr(alike, "gathered", lambda one: said.append(one) or said)
    given = lambda *flags: override(load_experiment("digits"), flags)
    for place in ("here", "there"):  # where each has its data
        alike.check_alike(given(f"--config.data.dir={place}"), **{"--name": None})
    line, _ = refusal(
        lambda: together.train_together(given("--config.train.num_epochs=3"), "digits", tmp_path / "runs")
    )
    assert line.startswith("--config.train.num_epochs is 60 of process 0, and 3 of process 2: expected the same on all")
    assert not (tmp_path / "runs").exists()
    del said[2:]
    assert "--config.model.latent_dim is 8 of process 0, and 2 of process 2" in refusal(lambda: commands.resume(run))[0]


def test_processes_are_connected_once_all_have_a_device(monkeypatch):
    """The first collective gives up after 30 s, which one that still reads its data may take."""
    done = []
    monkeypatch.setattr(start, "meet", lambda hosts: done.append("meet"))
    monkeypatch.setattr(start, "any_of", lambda flag: done.append("any_of"))
    start.set_up_jax(True)
    start.set_up_jax(True, hosts=Hosts("auto", None, None))
    assert done == ["meet", "any_of"]
