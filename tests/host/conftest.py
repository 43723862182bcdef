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
from support.sounds import speech  # noqa: E402, F401

DAEMONS = ["proxyd", "redirectd", "relayd"]


@pytest.fixture(scope="session")
def can_boot():
    why = net.unavailable() or machine.unavailable()
    if why and os.environ.get("PINHOLE_NET") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)


def make(*args):
    subprocess.run(["make", "-C", TOP, f"BUILD={machine.BUILD}", *args],
                   check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """What `make install` makes of an empty disk."""
    to = tmp_path_factory.mktemp("disk")
    make("install", f"DESTDIR={to}", "PREFIX=/usr")
    return to


@pytest.fixture(scope="session")
def packages():
    """{name: .deb} of what `make deb` has built."""
    found = {p.name.split("_")[0]: p
             for p in (machine.BUILD / "deb").glob("*.deb")}
    assert set(found) == {"pinhole-common",
                          *(f"pinhole-{d}" for d in DAEMONS)}, \
        "run make deb first"
    return found
