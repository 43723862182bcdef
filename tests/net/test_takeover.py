"""relayd --takeover: a new process goes on with every call of the old one, and
nobody hears it. Whatever breaks on the way, the old one goes on."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from asking import Asker
from robust import CRIES
from test_fastpins import pin  # noqa: F401
from support.crowd import Call, Crowd
from support.daemons import BIN, Daemon, relayd_conf
from support.net import end_process, wait_until
from support.sipmsg import sdp_media

CALLS = 40


class Relay:
    """relayd with a takeover socket, and who asks it."""

    def __init__(self, net, **changes):
        self.daemon = Daemon(net, "relay", "relayd", {}, start=False)
        self.path = self.daemon.dir / "takeover"
        self.daemon.configure(relayd_conf(
            drain=0, takeover=str(self.path), **changes))
        self.daemon.start()
        self.asker = Asker(net)

    def session(self, call):
        return self.daemon.api("sessions", call=call.name)

    def is_empty(self):
        for name in ("sessions", "streams"):
            assert self.daemon.metric(name) == 0
        assert self.daemon.metric("ports_free") \
            + self.daemon.metric("ports_quarantined") == 500
        assert not CRIES.search(self.daemon.log()), self.daemon.log()


@pytest.fixture
def relay(net):
    return lambda **changes: Relay(net, **changes)


def hang_up(relay, crowd):
    """All calls; every packet of both processes is in their statistics."""
    for call in crowd.calls:
        ok = relay.asker.release(call.name)
        assert ok.status == 200
        rtp = json.loads(ok.body)["streams"][0]["rtp"]
        assert [rtp[s]["packets"] for s in ("first", "second")] \
            == [call.sent] * 2
        assert relay.asker.release(call.name).status == 200  # again
    relay.is_empty()


def wait_fast(relay, crowd):
    flows = 2 * len(crowd.calls)
    relay.daemon.wait_metric("fast_flows", lambda n: n == flows, 20)


# Under load.

def twice(relay, crowd):
    """Nothing lost, nothing overtaken."""
    for _ in range(2):
        relay.daemon.take_over()
        assert relay.daemon.metric("sessions_restored") == CALLS, \
            relay.daemon.log()
        assert relay.daemon.metric("sessions") == CALLS
        crowd.wait_more()
    crowd.all_heard()


def test_under_load(net, relay):
    """Each call can be ended afterwards, and every packet is counted."""
    relay = relay(fastpath="off")
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    twice(relay, crowd)
    hang_up(relay, crowd)


def test_under_load_on_the_fast_path(net, relay, pin):
    """The kernel goes on, and hands nothing up."""
    relay = relay(fastpath="on", fastpath_pin=pin)
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    wait_fast(relay, crowd)
    twice(relay, crowd)
    wait_fast(relay, crowd)
    assert relay.daemon.metric("fast_packets") \
        == relay.daemon.metric("packets") > 0
    hang_up(relay, crowd)


def test_under_load_where_no_map_survives(net, relay):
    """Without a bpffs the kernel begins anew. What it forwarded in between is
    not counted, but arrives."""
    relay = relay(fastpath="on")
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    wait_fast(relay, crowd)
    twice(relay, crowd)
    wait_fast(relay, crowd)


def test_changed_afterwards(net, relay):
    """A re-INVITE of a call that the old one set up, from another port."""
    relay = relay()
    crowd = Crowd(net, relay.asker, 1).start()
    crowd.wait_more()
    crowd.stop()
    relay.daemon.take_over()
    call, = crowd.calls
    moved = net.udp("third", 29000, "203.0.113.14")
    moved.setblocking(False)
    call.ends[0].close()
    call.ends[0], call.ports[0] = moved, 29000
    crowd.set_up(call)
    crowd.start()
    crowd.wait_more()
    crowd.all_heard()
    hang_up(relay, crowd)


def test_new_calls_meanwhile(net, relay):
    """Those who ask during it get an answer, at worst to their repetition."""
    relay = relay()
    crowd = Crowd(net, relay.asker, CALLS)
    asker, new = Asker(net, 5061), [f"new{i}" for i in range(100)]
    asker.socket.settimeout(0.5)
    old = relay.daemon.proc
    relay.daemon.start(ready=False, args=["--takeover"])
    for name in new:
        assert asker.offer(name).status == 302
    assert old.wait(10) == 0
    relay.daemon.wait_ready()
    assert relay.daemon.metric("sessions") == CALLS + len(new)
    for name in new:
        assert asker.release(name).status == 200
    hang_up(relay, crowd)


def test_held_and_unanswered(net, relay):
    """A call that only rings goes over too, and is answered afterwards."""
    relay = relay()
    call = net.own(OneCall(net, relay))
    relay.daemon.take_over()
    call.answer()
    call.talk()
    assert relay.asker.release(call.name).status == 200
    relay.is_empty()


class OneCall(Call):
    def __init__(self, net, relay):
        super().__init__(net, "ringing", 20000)
        self.asker = relay.asker
        self.relay = self._ask(0)

    def _ask(self, end, **kw):
        ok = self.asker.ask("INVITE", self.name, self.body(end), **kw)
        (_, address, port), = sdp_media(ok.body)
        return address, port

    def answer(self):
        assert self._ask(1, to_tag="b") == self.relay

    def talk(self):
        def heard():
            self.send()
            for end in (0, 1):
                self.receive(end)
            return all(self.heard)
        wait_until(heard, what="packets at both ends")

    def close(self):
        for s in self.ends:
            s.close()


def test_quarantine_goes_over(net, relay):
    """A port that has just been released rests on."""
    relay = relay()
    crowd = Crowd(net, relay.asker, 5)
    hang_up(relay, crowd)
    relay.daemon.take_over()
    assert relay.daemon.metric("ports_quarantined") == 5
    assert relay.daemon.metric("ports_free") == 495


def test_a_thousand_calls(net, relay):
    """Each packet of 1,000 calls."""
    relay = relay(media={"address": "203.0.113.4", "ports": [30000, 39999]})
    crowd = Crowd(net, relay.asker, 1000, interval=0.4).start()
    crowd.wait_more(3)
    relay.daemon.take_over()
    crowd.wait_more(3)
    crowd.all_heard()
    assert relay.daemon.metric("sessions_restored") == 1000


# What breaks on the way.

@pytest.fixture
def busy(net, relay):
    """A relay with calls, none of which is to notice anything."""
    relay = relay()
    crowd = Crowd(net, relay.asker, 10).start()
    crowd.wait_more()
    pid = relay.daemon.pid
    yield relay
    crowd.wait_more()
    assert relay.daemon.pid == pid and relay.daemon.proc.poll() is None
    crowd.all_heard()
    hang_up(relay, crowd)


def connect(relay):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(10)
    s.connect(str(relay.path))
    return s


def messages(s):
    """Until the other end waits or has closed; descriptors are let go."""
    while True:
        raw, fds, _, _ = socket.recv_fds(s, 1 << 20, 253)
        for fd in fds:
            os.close(fd)
        if not raw:
            return
        message = json.loads(raw)
        yield message
        if message["is"] == "end":
            return


def ask(s):
    s.send(b'{"is": "ask", "version": 1}')


def failed(relay, times=1):
    wait_until(lambda: relay.daemon.log().count("takeover failed") == times,
               15, relay.daemon.log)


def test_the_new_one_dies_half_way(busy):
    """While it receives, and when it has everything."""
    s = connect(busy)
    ask(s)
    assert next(messages(s))["is"] == "relay"
    s.close()
    failed(busy)
    s = connect(busy)
    ask(s)
    *_, last = messages(s)
    assert last == {"is": "end", "sessions": 10}
    s.close()
    failed(busy, 2)


def test_the_new_one_dies_when_it_is_let_go(busy):
    """It says that it is ready, and is gone before it could receive."""
    s = connect(busy)
    ask(s)
    for _ in messages(s):
        pass
    s.send(b'{"is": "ready"}')
    assert json.loads(s.recv(1000))["is"] == "go"
    s.close()
    failed(busy)


@pytest.mark.parametrize("what", [b"\0\xff" * 50, b'{"is": "go"}', b"[]",
                                  b"ask"])
def test_garbage(busy, what):
    s = connect(busy)
    s.send(what)
    assert s.recv(1000) == b""
    busy.daemon.wait_log("takeover refused")


def test_garbage_instead_of_ready(busy):
    s = connect(busy)
    ask(s)
    for _ in messages(s):
        pass
    s.send(b'{"is": "what?"}')
    failed(busy)
    s.close()


def test_who_says_nothing_is_in_nobody_s_way(busy):
    s = connect(busy)
    other = connect(busy)
    other.send(b"?")
    assert other.recv(1000) == b""
    assert s.recv(1000) == b""


def test_another_user(busy):
    """The socket is the owner's alone, and asks who is there besides."""
    assert os.stat(busy.path).st_mode & 0o777 == 0o600
    busy.path.chmod(0o777)
    for above in list(busy.path.parents)[:1]:
        above.chmod(0o755)
    said = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c",
         "import socket, sys; "
         "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
         "s.settimeout(10); s.connect(sys.argv[1]); "
         "s.send(b'{\"is\": \"ask\", \"version\": 1}'); "
         "print(s.recv(1000))", str(busy.path)],
        text=True, capture_output=True, timeout=20)
    assert "relay" not in said.stdout
    busy.daemon.wait_log("takeover refused")


def test_a_new_one_that_cannot_start(net, busy):
    """It finds out after it was given everything: its HTTP address is not to
    be had. One clear line, and the old one goes on."""
    conf = {**busy.daemon.conf, "http": "203.0.113.99:80"}
    path = busy.daemon.dir / "bad.json"
    path.write_text(json.dumps(conf))
    new = net.popen("relay", BIN / "relayd", "-c", path, "--takeover",
                    stderr=subprocess.PIPE, text=True)
    try:
        assert new.wait(15) == 1
    finally:
        end_process(new)
    assert "203.0.113.99:80" in new.stderr.read().splitlines()[-1]
    failed(busy)


def test_a_new_one_without_the_address(net, busy):
    """Calls that could not go on there go on here."""
    net.exec("relay", "ip", "addr", "add", "203.0.113.5/24", "dev", "eth0")
    conf = {**busy.daemon.conf, "media": {"address": "203.0.113.5",
                                          "ports": [30000, 30999]}}
    path = busy.daemon.dir / "bad.json"
    path.write_text(json.dumps(conf))
    new = net.popen("relay", BIN / "relayd", "-c", path, "--takeover",
                    stderr=subprocess.PIPE, text=True)
    try:
        assert new.wait(15) == 1
    finally:
        end_process(new)
    assert "10 of 10 sessions cannot go on here" \
        in new.stderr.read().splitlines()[-1]
    failed(busy)


def test_killed_while_it_takes_over(net, busy):
    """A real one, stopped half-way and then killed."""
    new = net.popen("relay", BIN / "relayd", "-c", busy.daemon.conf_path,
                    "--takeover", stderr=subprocess.DEVNULL)
    try:
        os.kill(new.pid, signal.SIGSTOP)
    finally:
        new.kill()
        new.wait()


def test_nobody_to_take_over_from(net, relay):
    relay = relay()
    relay.daemon.kill()
    new = net.popen("relay", BIN / "relayd", "-c", relay.daemon.conf_path,
                    "--takeover", stderr=subprocess.PIPE, text=True)
    try:
        assert new.wait(10) == 1
    finally:
        end_process(new)
    assert "start without --takeover" in new.stderr.read()
