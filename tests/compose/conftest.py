"""What the compose tests share: the images, an engine, and the site in it with
its phones. They need root and start a Docker engine of their own; where that
cannot be they are skipped, or fail where PINHOLE_NET=1 says so."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from support.net import unavailable  # noqa: E402
from support.sounds import heard, speech  # noqa: E402, F401

import images  # noqa: E402
from containers import Containers  # noqa: E402
from engine import COMPOSE, DOCKER, Engine  # noqa: E402
from phoning import Phoning  # noqa: E402

COMPOSE_FILE = Path(__file__).parent / "docker-compose.yml"


def pytest_configure(config):
    """Debian's python3-docker has not heard of packaging.version."""
    config.addinivalue_line("filterwarnings",
                            "ignore::DeprecationWarning:docker")


def missing():
    why = unavailable()
    if why:
        return why
    absent = [c for c in ("dockerd", DOCKER, COMPOSE, "debootstrap", "iptables")
              if shutil.which(c) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


@pytest.fixture(scope="session")
def engine():
    """The engine that runs containers, with every image in it."""
    why = missing()
    if why and os.environ.get("PINHOLE_NET") == "1":
        pytest.fail(why)
    if why:
        pytest.skip(why)
    # An end of another's making is one in order, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Engine("build") as building:
        images.prepare(building)
        images.release(building, "next")
    with Engine("run") as running:
        yield running


@pytest.fixture(scope="session")
def site(engine):
    """The test network and the site in it, one relay."""
    with Containers(engine, COMPOSE_FILE) as here:
        yield here


@pytest.fixture
def phoning(site, speech, heard):  # noqa: F811
    """Phones and calls of one test; no relay has any session afterwards."""
    with Phoning(site, speech, heard) as phones:
        yield phones
        phones.settled()
