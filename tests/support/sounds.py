"""What phones say, and whether it was heard: fixtures of end-to-end tests."""

import shutil
import subprocess

import pytest

from .daemons import BIN
from .net import TOP


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """A folder with two clips of speech, alice.wav and bob.wav."""
    to = tmp_path_factory.mktemp("speech")
    subprocess.run([TOP / "tests/support/speech.sh", to], check=True)
    return to


@pytest.fixture(scope="session")
def heard(tmp_path_factory):
    """heard(said, heard) -> (correlation, lag): the tool of that name."""
    built = BIN.parent / "tests" / "heard"
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
