"""What -t says of a host whose kernel is set otherwise. The verdicts are for
tests/unit/test_advice.c."""

import re

import pytest

from support.daemons import BIN, NO_FILE
from support.net import Net


@pytest.fixture
def net(can_boot):
    with Net() as n:
        yield n


def set_sysctl(net, name, value):
    path = "/proc/sys/" + name.replace(".", "/")
    net.exec("relay", "sh", "-c", f'echo "$0" >{path}', value)


def said(net, *limits):
    """With which exit status, and what."""
    return net.exec("relay", *limits, BIN / "relayd", *NO_FILE, "-t")


def test_ports_of_others(net):
    """The range is the network namespace's own."""
    set_sysctl(net, "net.ipv4.ip_local_port_range", "41000 60999")
    assert "overlaps" not in said(net)
    set_sysctl(net, "net.ipv4.ip_local_port_range", "39999 60999")
    assert "media.ports 30000-39999 overlaps ip_local_port_range " \
        "39999-60999" in said(net)
    set_sysctl(net, "net.ipv4.ip_local_reserved_ports", "39999")
    assert "overlaps" not in said(net)


def test_open_files(net):
    out = said(net, "prlimit", "--nofile=1024:1024")
    assert re.search(r"media\.ports needs \d+ open files, the limit is 1024",
                     out)
    assert out.startswith("defaults: configuration is good\n")
