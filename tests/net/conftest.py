"""What the end-to-end tests share. They make their own network namespaces and
need root for that; without it they are skipped, or fail where PINHOLE_NET=1
says that they must not be."""

import os
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))

from support.daemons import Pinhole  # noqa: E402
from support.net import Net, unavailable  # noqa: E402
from support.sounds import heard, speech  # noqa: E402, F401


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


@pytest.fixture
def pinhole(net):
    """The usual deployment, up and ready on `net`."""
    return Pinhole(net)
