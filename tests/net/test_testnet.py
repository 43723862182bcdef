"""The test network itself: who reaches whom, and what its NATs do."""

import os
import socket
import subprocess

import pytest

from support.net import ADDRESS, NAT1, NAT2, PROXY1, STRANGER, TESTNET, Net, \
    wait_until

HOSTS = ["proxy1", "proxy2", "redirect", "relay", "third", "stranger",
         "first", "first17", "second", "second17"]


def receive(sock, timeout=5.0):
    sock.settimeout(timeout)
    return sock.recvfrom(2048)


def silent(sock):
    """Whether nothing (more) has arrived. Ask after the arrival of something
    that was sent later over the same path."""
    sock.setblocking(False)
    try:
        sock.recvfrom(2048)
        return False
    except BlockingIOError:
        return True


def test_hosts_reach_the_public_ones(net):
    server = net.udp("proxy1", 5060)
    for host in HOSTS[1:]:
        client = net.udp(host, 5060)
        client.sendto(host.encode(), (PROXY1, 5060))
        data, source = receive(server)
        assert data == host.encode()
        server.sendto(b"answer", source)
        assert receive(client)[0] == b"answer"
        if ADDRESS[host].startswith("203."):
            assert source == (ADDRESS[host], 5060)


def test_private_network_is_there_twice(net):
    one, two = net.udp("proxy1", 5060), net.udp("proxy2", 5060)
    for host, nat in (("first", NAT1), ("second", NAT2)):
        client = net.udp(host, 5060)
        client.sendto(b"1", (PROXY1, 5060))
        client.sendto(b"2", (ADDRESS["proxy2"], 5060))
        _, seen1 = receive(one)
        _, seen2 = receive(two)
        assert seen1[0] == seen2[0] == nat
        # fully-random: a port of its own for each flow, not the phone's
        assert seen1[1] != seen2[1]
        client.close()


def test_nat_lets_answers_in_only(net):
    phone = net.udp("first", 5060)
    proxy, stranger = net.udp("proxy1", 5060), net.udp("stranger", 5060)
    phone.sendto(b"hello", (PROXY1, 5060))
    _, channel = receive(proxy)
    stranger.sendto(b"from a stranger", channel)
    stranger.sendto(b"from a stranger", (ADDRESS["first"], 5060))
    proxy.sendto(b"to the private address", (ADDRESS["first"], 5060))
    proxy.sendto(b"answer", channel)
    assert receive(phone)[0] == b"answer"
    assert silent(phone)


def test_phones_of_one_network_talk_directly(net):
    one, two = net.udp("first", 7000), net.udp("first17", 7000)
    one.sendto(b"neighbour", (ADDRESS["first17"], 7000))
    assert receive(two) == (b"neighbour", (ADDRESS["first"], 7000))


def test_no_way_out(net):
    """No namespace but the network's own is reachable: every interface is
    loopback, a cable or a bridge, and every route stays on the drawing."""
    for host in HOSTS:
        routes = net.exec(host, "ip", "-4", "route").split("\n")
        gateway = "203.0.113.254" if ADDRESS[host].startswith("203.") \
            else "10.0.0.1"
        assert routes[0].startswith(f"default via {gateway} dev eth0")
    links = net.exec("internet", "ip", "-o", "-d", "link")
    kinds = [line for line in links.splitlines()
             if "veth" not in line and "bridge" not in line]
    assert len(kinds) == 1 and "loopback" in kinds[0]


def test_pinhole_closes_after_the_timeout(can_net):
    with Net(udp_timeout=1) as net:
        phone, proxy = net.udp("first", 5060), net.udp("proxy1", 5060)

        def channel():
            phone.sendto(b"hello", (PROXY1, 5060))
            return receive(proxy)[1]

        first = channel()
        # Asking keeps the pinhole open, so ask less often than it lasts.
        now = wait_until(lambda: (c := channel()) != first and c, 10,
                         "another channel", interval=1.5)
        proxy.sendto(b"late", first)
        proxy.sendto(b"in time", now)
        assert receive(phone)[0] == b"in time"
        assert silent(phone)


def test_down_ends_what_runs_and_can_be_repeated(can_net):
    net = Net()
    net.up()
    try:
        sleeper = net.popen("relay", "sleep", "1000")
        stubborn = net.popen("first", "sh", "-c", "trap '' TERM; echo up; "
                             "while :; do sleep 1000; done",
                             stdout=subprocess.PIPE)
        assert stubborn.stdout.readline() == b"up\n"
        assert net.name in run("list").stdout.split()
    finally:
        net.down()
    assert sleeper.wait(5) != 0 and stubborn.wait(5) != 0
    assert net.name not in run("list").stdout.split()
    net.down()


def test_half_built_is_cleaned_up(can_net):
    name = Net().name
    subprocess.run(["ip", "netns", "add", f"ph-{name}-relay"], check=True)
    try:
        assert run("up", name).returncode == 0
        assert run("down", name).returncode == 0
        left = subprocess.run(["ip", "netns", "list"], text=True,
                              capture_output=True).stdout
        assert f"ph-{name}-" not in left
    finally:
        run("down", name)


def test_two_networks_are_apart(net):
    with Net() as other:
        here, there = net.udp("proxy1", 5060), other.udp("proxy1", 5060)
        client = other.udp("first", 5060)
        client.sendto(b"mine", (PROXY1, 5060))
        assert receive(there)[0] == b"mine"
        net.udp("first", 5060).sendto(b"yours", (PROXY1, 5060))
        assert receive(here)[0] == b"yours"
        assert silent(here) and silent(there)


def run(*args):
    return subprocess.run([TESTNET, *args], text=True, capture_output=True)


@pytest.mark.parametrize("args, complaint", [
    ((), "usage: testnet up NAME"),
    (("up", "Not-a-name"), "bad network name 'Not-a-name'"),
    (("exec", "nowhere", "first", "true"), "no host 'first'"),
])
def test_mistakes_get_one_line(can_net, args, complaint):
    done = run(*args)
    assert done.returncode == 1
    assert done.stderr.startswith("testnet: ") and complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_sockets_of_many_hosts_in_one_process(net):
    socks = {h: net.udp(h, 9000) for h in HOSTS}
    socks["stranger"].sendto(b"x", (PROXY1, 9000))
    assert receive(socks["proxy1"])[1] == (STRANGER, 9000)
    # and the process itself has stayed where it was
    here = os.readlink("/proc/self/ns/net")
    assert here != os.readlink(f"/proc/self/fd/{socks['first'].fileno()}")
    assert here == os.readlink("/proc/thread-self/ns/net")
    assert isinstance(socks["first"], socket.socket)
