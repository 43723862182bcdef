"""A fresh Debian 12 with git and make, nothing else: the commands of the
README's first screen, as a newcomer types them."""

import os
import subprocess

import pytest

from support import machine
from support.net import TOP

pytestmark = pytest.mark.skipif(os.environ.get("PINHOLE_CLEAN") != "1",
                                reason="takes an hour: make check-clean")

# The newcomer's network is that of this machine, to reach the archive; the
# demo and the tests make theirs as everywhere.
ENTER = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork",
         "--kill-child"]


@pytest.fixture(scope="module")
def tree(can_boot):
    return machine.tree(["git", "make", "ca-certificates"], system=())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What is committed here, as it is cloned from anywhere."""
    bundle = tmp_path_factory.mktemp("source") / "pinhole.git"
    subprocess.run(["git", "-c", f"safe.directory={TOP}", "-c",
                    f"safe.directory={TOP}/.git", "clone", "--quiet", "--bare",
                    TOP, bundle], check=True)
    return bundle


def type_in(tree, source, command, limit):
    """Status and output of a command in the clone, on a machine of its
    own."""
    done = subprocess.run(
        [*ENTER, machine.SUPPORT / "boot", tree, "newcomer", "sh", "-euc",
         "mkdir /root/pinhole.git && tar -C /root/pinhole.git -x && "
         "cd /root && git clone --quiet pinhole.git pinhole && cd pinhole && "
         f"{command}"],
        input=subprocess.run(["tar", "-C", source, "-c", "."], check=True,
                             capture_output=True).stdout,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit)
    return done.returncode, done.stdout.decode(errors="replace")


def test_demo(tree, source):
    """Two phones behind two NATs hear each other."""
    status, out = type_in(tree, source, "make demo", 1200)
    assert status == 0, out[-6000:]
    assert out.rstrip().endswith("both heard each other")


def test_check(tree, source):
    status, out = type_in(tree, source, "make check", 5400)
    assert status == 0, out[-20000:]
