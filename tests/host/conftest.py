"""Tests of a host as it is installed need root, debootstrap and namespaces;
without these they are skipped, or fail where PINHOLE_NET=1 says that they must
not be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
sys.dont_write_bytecode = True

from support import machine, net  # noqa: E402


@pytest.fixture(scope="session")
def can_boot():
    why = net.unavailable() or machine.unavailable()
    if why and os.environ.get("PINHOLE_NET") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)


@pytest.fixture(scope="session")
def speech(tmp_path_factory):
    """A folder with two clips of speech, alice.wav and bob.wav."""
    to = tmp_path_factory.mktemp("speech")
    subprocess.run([TOP / "tests/support/speech.sh", to], check=True)
    return to
