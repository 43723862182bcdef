"""What the end-to-end tests share. They make their own network namespaces and
need root for that; without it they are skipped, or fail where PINHOLE_NET=1
says that they must not be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from support.daemons import Pinhole  # noqa: E402
from support.net import Net, unavailable  # noqa: E402


@pytest.fixture(scope="session")
def can_net():
    """That test networks can be made here."""
    why = unavailable()
    if why and os.environ.get("PINHOLE_NET") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture
def net(can_net):
    """A test network of this test's own."""
    with Net() as n:
        yield n


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """A folder with two clips of speech, alice.wav and bob.wav."""
    to = tmp_path_factory.mktemp("speech")
    subprocess.run([TOP / "tests/support/speech.sh", to], check=True)
    return to


@pytest.fixture(scope="session")
def heard(tmp_path_factory):
    """heard(said, heard) -> (correlation, lag): the tool of that name."""
    built = Path(os.environ.get("PINHOLE_BUILD", TOP / "build")) \
        / "tests" / "heard"
    if not built.exists():
        built = tmp_path_factory.mktemp("tools") / "heard"
        subprocess.run([shutil.which("cc") or "gcc", "-std=c11", "-O2",
                        "-D_GNU_SOURCE", "-o", built,
                        TOP / "tests/support/heard.c", "-lm"], check=True)

    def run(said, heard_, threshold=0.8):
        done = subprocess.run([built, said, heard_, str(threshold)],
                              text=True, capture_output=True)
        if done.returncode > 1:
            raise RuntimeError(done.stderr.strip())
        words = done.stdout.split()
        assert (float(words[1]) >= threshold) == (done.returncode == 0)
        return float(words[1]), float(words[3])
    return run


@pytest.fixture
def pinhole(net):
    """The usual deployment, up and ready on `net`."""
    return Pinhole(net)
