"""What the kernel forwards goes on while relayd is away: killed, restarted or
replaced. Not one packet is lost or overtaken by another."""

import itertools
import os
import subprocess
import tempfile

import pytest

from calls import Site
from test_fastpath import Phone6, call_between, filters, powerless, wait_fast
from support.daemons import Daemon, relayd_conf
from support.fastlane import PORTS, Lane
from support.net import RELAY, STRANGER, THIRD, wait_until
from support.rtp import Rtp, build

FLOW = (f"{THIRD}:20000", f"{RELAY}:30000", f"{RELAY}:30000",
        f"{STRANGER}:20000")


@pytest.fixture
def pin():
    """A folder on a bpffs that is not there yet."""
    with tempfile.TemporaryDirectory(prefix="pinhole-bpf-") as top:
        subprocess.run(["mount", "-t", "bpf", "bpf", top], check=True)
        try:
            yield os.path.join(top, "pinhole")
        finally:
            subprocess.run(["umount", top], check=True)


class Ends:
    """Two that talk by way of the relay, without a pause."""

    def __init__(self, net):
        self.one = Rtp(net, "third", 20000, 0x11111111)
        self.two = Rtp(net, "stranger", 20000, 0x22222222)

    def start(self):
        for end in (self.one, self.two):
            end.start((RELAY, PORTS[0]), 0.002)
        return self

    def wait_more(self, count=100):
        for end, other in ((self.one, self.two), (self.two, self.one)):
            end.wait_packets(count, other.ssrc, after=len(end.received))

    def all_heard(self):
        """To the last packet, in order."""
        self.one.stop()
        self.two.stop()
        for end, other in ((self.one, self.two), (self.two, self.one)):
            end.wait_for(lambda: any(p.seq == other.seq - 1
                                     for p in end.received),
                         what=f"packet {other.seq - 1}")
            assert [p.seq for p in end.packets(other.ssrc)] \
                == list(range(other.seq))


def wait_lane(lane, more=50):
    """Until the kernel has forwarded more of both sides."""
    before = lane.fast()
    wait_until(lambda: all(now >= was + more for now, was in
                           zip(lane.fast(), before)), 20,
               lambda: f"flows in the kernel: {lane.fast()}")


def started(net, pin, **kw):
    lane = Lane(net, pin, **kw)
    assert lane.put(FLOW) == [0, 0]
    ends = Ends(net).start()
    wait_lane(lane)
    return lane, ends


def test_killed_and_restarted(net, pin):
    lane, ends = started(net, pin)
    before = lane.fast()
    lane.close()
    ends.wait_more()
    after = Lane(net, pin)
    assert after.orphans() == [
        f"{FLOW[0]} {FLOW[1]} {FLOW[2]} {FLOW[3]}",
        f"{FLOW[3]} {FLOW[2]} {FLOW[1]} {FLOW[0]}"]
    assert after.put(FLOW) == [0, 0]
    assert after.orphans() == ["none", "none"]
    assert after.ask("sweep") == "0"
    wait_lane(after)
    ends.all_heard()
    # it never saw one, and the counts went on
    assert after.slow() == [0, 0]
    assert all(n > was + 100 for n, was in zip(after.fast(), before))
    after.end("close")
    assert filters(net) == [] and os.listdir(pin) == []


def test_one_takes_over_from_the_other(net, pin):
    lane, ends = started(net, pin)
    after = Lane(net, pin)
    ends.wait_more()
    assert lane.ask("yield") == "0"
    assert after.put(FLOW) == [0, 0]
    assert after.ask("sweep") == "0"
    lane.end("keep")
    wait_lane(after)
    ends.all_heard()
    assert after.slow() == [0, 0]
    assert len(filters(net)) == 1


def test_a_takeover_that_fails(net, pin):
    lane, ends = started(net, pin)
    assert lane.ask("yield") == "0"
    after = Lane(net, pin)
    ends.wait_more()
    after.close()
    assert lane.ask("resume") == "0"
    slow = lane.slow()
    wait_lane(lane)
    ends.all_heard()
    assert lane.slow() == slow
    lane.end("close")
    assert filters(net) == []


def test_nobody_adopts_them(net, pin):
    lane, ends = started(net, pin)
    lane.close()
    after = Lane(net, pin)
    assert after.ask("sweep") == "2"
    assert after.orphans() == ["none", "none"]
    gone = after.fast()
    ends.one.send((RELAY, PORTS[0]))
    ends.two.send((RELAY, PORTS[0]))
    assert after.fast() == gone
    # the slots are good for others
    assert after.put(FLOW) == [0, 0]
    wait_lane(after)


def test_another_target_is_followed(net, pin):
    """Adopted with the address that signalling names by now."""
    lane, ends = started(net, pin)
    lane.close()
    after = Lane(net, pin)
    elsewhere = Rtp(net, "stranger", 20010, 3)
    assert int(after.ask("put", PORTS[0], 0, *FLOW[:3],
                         f"{STRANGER}:20010")) == 0
    elsewhere.wait_packets(50, ends.one.ssrc)
    assert after.slow() == [0, 0]
    ends.one.stop()
    ends.two.stop()


def test_other_maps_are_replaced(net, pin):
    lane, ends = started(net, pin)
    lane.close()
    after = Lane(net, pin, ports=(PORTS[0], PORTS[1] + 100))
    assert after.orphans() == ["none", "none"]
    assert after.fast() == [0, 0]
    assert after.put(FLOW) == [0, 0]
    wait_lane(after)
    assert len(filters(net)) == 1
    ends.one.stop()
    ends.two.stop()
    after.end("close")
    assert os.listdir(pin) == []


@pytest.mark.parametrize("pinned", [True, False])
def test_not_for_ever(net, pin, pinned):
    """Without a sign of life for the time configured nothing is forwarded."""
    lane, ends = started(net, pin if pinned else "", dead_ms=1500)
    ends.two.stop()
    ends.one.stop()
    lane.close()

    def lost():
        ends.one.send((RELAY, PORTS[0]))
        wanted = ends.one.seq - 1
        try:
            ends.two.wait_for(lambda: any(p.seq == wanted
                                          for p in ends.two.received), 0.2)
            return False
        except TimeoutError:
            return True
    assert not lost()
    wait_until(lost, 20, "the kernel to give up")


def test_both_interfaces_and_families(net):
    """In by one and out by the other, another address of the relay at each."""
    for host, ip in (("relay", "192.0.2.4"), ("stranger", "192.0.2.66")):
        if host == "relay":
            net.exec(host, "ip", "link", "add", "eth1", "type", "veth", "peer",
                     "name", "eth1", "netns", net.namespace("stranger"))
        net.exec(host, "ip", "addr", "add", f"{ip}/24", "dev", "eth1")
        net.exec(host, "ip", "link", "set", "eth1", "up")
    net.exec("relay", "ip", "addr", "add", "2001:db8::4/64", "dev", "eth0",
             "nodad")
    lane = Lane(net, addresses=(RELAY, "192.0.2.4", "[2001:db8::4]"))
    one = Rtp(net, "third", 20000, 1)
    two = Rtp(net, "stranger", 20000, 2)
    assert lane.put((f"{THIRD}:20000", f"{RELAY}:30000", "192.0.2.4:30000",
                     "192.0.2.66:20000")) == [0, 0]
    one.start((RELAY, 30000))
    two.start(("192.0.2.4", 30000))
    wait_lane(lane, 20)
    for end, ip in ((one, RELAY), (two, "192.0.2.4")):
        end.stop()
        assert end.sources() == {(ip, 30000)}

    far = Phone6(net, "third", "2001:db8::14", 20000)
    near = Phone6(net, "stranger", "2001:db8::66", 20000)
    relay = ("2001:db8::4", 30002)
    assert lane.put(("[2001:db8::14]:20000", "[2001:db8::4]:30002",
                     "[2001:db8::4]:30002", "[2001:db8::66]:20000"),
                    30002) == [0, 0]
    for seq in itertools.count():
        for sender, receiver in ((far, near), (near, far)):
            sender.socket.sendto(build(7, seq), relay)
            raw, source, _, _ = receiver.receive()
            assert (raw, source) == (build(7, seq), relay)
        if all(n > 5 for n in lane.fast(30002)):
            break
        assert seq < 10000
    # an address that the program does not serve
    assert int(lane.ask("put", 30004, 0, f"{THIRD}:20002", "127.0.0.1:30004",
                        f"{RELAY}:30004", f"{STRANGER}:20002")) < 0


def test_relayd_killed(net, pin):
    """The call goes on without it; the next one has no such session and ends
    what it finds. Nothing is left by a relayd that ends."""
    site = Site(net, relayd={"fastpath": "on", "fastpath_pin": pin})
    talk = call_between(site, "first", "third")
    talk.out.start(talk.near[0], 0.005)
    talk.back.start(talk.far[0], 0.005)
    wait_fast(site, talk)
    os.kill(site.relay.pid, 9)
    site.relay.proc.wait()
    first = (talk.out.seq, talk.back.seq)
    for end, other in ((talk.back, talk.out), (talk.out, talk.back)):
        end.wait_packets(200, other.ssrc, after=len(end.received))
        other.stop()
        last = other.seq - 1
        end.wait_for(lambda: end.packets(other.ssrc)[-1].seq == last,
                     what=f"packet {last}")
    for end, other, since in ((talk.back, talk.out, first[0]),
                              (talk.out, talk.back, first[1])):
        assert [p.seq for p in end.packets(other.ssrc) if p.seq >= since] \
            == list(range(since, other.seq))
    site.relay.start()
    site.relay.wait_log('msg="flows of an earlier relayd removed" flows=2')
    assert site.relay.metric("fast_flows") == 0
    assert len(filters(net)) == 1
    site.relay.terminate()
    assert filters(net) == [] and os.listdir(pin) == []


def test_without_capabilities(net, pin, tmp_path, monkeypatch):
    """What is pinned is not its own to remove, nor is there any other word
    than the one."""
    lane, ends = started(net, pin)
    ends.one.stop()
    ends.two.stop()
    lane.close()
    there = [sorted(files) for _, _, files in os.walk(pin)]
    assert there == [[], ["beat", "flows4", "flows6", "slots"]]
    powerless(tmp_path)
    monkeypatch.setattr("support.daemons.BIN", tmp_path)
    relay = Daemon(net, "relay", "relayd", relayd_conf(fastpath_pin=pin))
    assert [sorted(files) for _, _, files in os.walk(pin)] == there
    assert relay.log().count("fast path") == 1


def test_no_bpffs(net, tmp_path):
    """Said once, and the fast path is there all the same."""
    site = Site(net, relayd={"fastpath": "on", "fastpath_pin": str(tmp_path)})
    log = site.relay.log()
    assert log.count("fast path is not pinned") == 1
    assert "not on a bpffs" in log
    assert site.relay.metric("fastpath") == 1
    assert list(tmp_path.iterdir()) == []
