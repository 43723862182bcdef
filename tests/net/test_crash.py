"""relayd killed under load and started again: with a service manager that keeps
descriptors the calls go on, without one they are gone."""

import json
import os
import signal

import pytest

from asking import Asker
from support.crowd import Crowd
from support.daemons import Daemon, relayd_conf
from support.fdstore import Kept
from support.net import wait_until
from test_fastpins import pin  # noqa: F401

CALLS = 40
SOCKETS = 2  # of a call with one media line


class Relay:
    def __init__(self, net, kind=Kept, **changes):
        self.daemon = kind(net, "relay", "relayd",
                           relayd_conf(drain=0, **changes))
        self.store = getattr(self.daemon, "store", None)
        self.asker = Asker(net)


@pytest.fixture
def relay(net):
    return lambda *args, **changes: Relay(net, *args, **changes)


def stored(relay, calls):
    wait_until(lambda: relay.store.sockets() == SOCKETS * calls, 5,
               lambda: f"sockets in the store: {relay.store.sockets()}")


def crash(relay):
    """And start again; meanwhile packets wait."""
    relay.daemon.kill()
    relay.daemon.start()


def nearly_all_heard(crowd, crashes):
    """While the process ends, some milliseconds, its connected sockets still
    receive: that is a packet a side at most, in 20 ms."""
    crowd.stop()
    for call in crowd.calls:
        for heard in call.heard:
            assert len(heard) >= call.sent - crashes
    crowd.in_order()


def hang_up(relay, crowd):
    """Every call ends as ever, and leaves nothing in the store."""
    for call in crowd.calls:
        ok = relay.asker.release(call.name)
        assert ok.status == 200
        rtp = json.loads(ok.body)["streams"][0]["rtp"]
        assert all(rtp[s]["packets"] > 0 for s in ("first", "second"))
    for name in ("sessions", "streams", "keep_failures"):
        assert relay.daemon.metric(name) == 0
    stored(relay, 0)
    assert sorted(relay.store.names()) == ["control", "table"]


def test_killed_under_load(net, relay):
    """What came while there was nobody to forward it arrives, in order."""
    relay = relay(fastpath="off")
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    for _ in range(2):
        stored(relay, CALLS)
        crash(relay)
        assert relay.daemon.metric("sessions_restored") == CALLS, \
            relay.daemon.log()
        crowd.wait_more()
    nearly_all_heard(crowd, 2)
    hang_up(relay, crowd)


def test_killed_on_the_fast_path(net, relay, pin):
    """The kernel goes on without it: not one is lost."""
    relay = relay(fastpath="on", fastpath_pin=pin)
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    flows = 2 * CALLS
    relay.daemon.wait_metric("fast_flows", lambda n: n == flows, 20)
    crowd.wait_more()
    stored(relay, CALLS)
    relay.daemon.kill()
    crowd.wait_more()
    relay.daemon.start()
    assert relay.daemon.metric("fast_flows") == flows
    crowd.wait_more()
    crowd.all_heard()
    assert relay.daemon.metric("fast_packets") \
        == relay.daemon.metric("packets") > 0
    hang_up(relay, crowd)


def leave(relay):
    """As systemd restarts it: what there is, is left to the next process."""
    relay.daemon.signal(signal.SIGUSR2)
    assert relay.daemon.proc.wait(10) == 0


def test_restarted_under_load(net, relay):
    """No packet that has come is lost, and figures are as they were."""
    relay = relay(fastpath="off")
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    stored(relay, CALLS)
    for _ in range(2):
        leave(relay)
        relay.daemon.start()
        assert relay.daemon.metric("sessions_restored") == CALLS
        crowd.wait_more()
    nearly_all_heard(crowd, 2)
    for call in crowd.calls:
        stream, = relay.daemon.api("sessions", call=call.name)["streams"]
        assert sum(stream["rtp"][s]["packets"] for s in ("first", "second")) \
            >= sum(len(h) for h in call.heard)
    hang_up(relay, crowd)


def test_restarted_on_the_fast_path(net, relay, pin):
    relay = relay(fastpath="on", fastpath_pin=pin)
    crowd = Crowd(net, relay.asker, CALLS).start()
    crowd.wait_more()
    relay.daemon.wait_metric("fast_flows", lambda n: n == 2 * CALLS, 20)
    crowd.wait_more()
    stored(relay, CALLS)
    leave(relay)
    crowd.wait_more()
    relay.daemon.start()
    assert relay.daemon.metric("fast_flows") == 2 * CALLS
    crowd.wait_more()
    crowd.all_heard()
    hang_up(relay, crowd)


def test_without_a_service_manager_it_ends(net, relay):
    """There is nobody to leave anything to."""
    relay = relay(Daemon)
    leave(relay)
    relay.daemon.wait_log("draining")


def test_changed_after_a_crash(net, relay):
    """Another media line by re-INVITE, whose sockets survive the next one."""
    relay = relay()
    crowd = Crowd(net, relay.asker, 1)
    call, = crowd.calls
    crash(relay)
    asked = [("audio", call.ports[0]), ("video", 29100)]
    assert relay.asker.offer(call.name, *asked).status == 302
    stored(relay, 2)
    crash(relay)
    session, = relay.daemon.api("sessions")["sessions"]
    assert session["call_id"] == call.name
    assert len(relay.daemon.api("sessions", call=call.name)["streams"]) == 2
    assert relay.asker.release(call.name).status == 200
    stored(relay, 0)


def test_control_messages_wait(net, relay):
    """Who asks while it is away is answered once it is back."""
    relay = relay()
    relay.daemon.kill()
    request = relay.asker.request("BYE", "late")
    relay.asker.send(request)
    relay.daemon.start()
    assert relay.asker.answer(request.branch).status == 481


def test_killed_after_a_takeover(net, relay):
    """The store is the same one for both."""
    relay = relay()
    path = relay.daemon.dir / "takeover"
    relay.daemon.configure(relayd_conf(drain=0, takeover=str(path)))
    relay.daemon.terminate()
    relay.daemon.start()
    crowd = Crowd(net, relay.asker, 10).start()
    crowd.wait_more()
    relay.daemon.take_over()
    assert str(relay.daemon.pid) in [
        lines.get("MAINPID") for lines in relay.store.said]
    crash(relay)
    assert relay.daemon.metric("sessions_restored") == 10
    crowd.wait_more()
    nearly_all_heard(crowd, 1)
    hang_up(relay, crowd)


def scribble(relay, at, what):
    """Into the table, as a bug would."""
    (_, table), = [k for k in relay.store.kept if k[0] == "table"]
    os.pwrite(table, what, at)


def test_a_torn_record(net, relay):
    """One half of each slot is bad: the other is the one before. Both are:
    that call is gone, its sockets are given back, the others go on."""
    relay = relay()
    crowd = Crowd(net, relay.asker, 5)
    relay.daemon.kill()
    slot, half = 16384, 8192
    scribble(relay, slot + 100, b"\0" * 50)
    scribble(relay, 2 * slot + 100, b"\0" * 50)
    scribble(relay, 2 * slot + half + 100, b"\0" * 50)
    relay.daemon.start()
    assert relay.daemon.metric("sessions") == 4
    stored(relay, 4)
    assert relay.daemon.metric("sessions_lost") == 0  # nothing was to be read
    for call in crowd.calls:
        relay.asker.release(call.name)
    stored(relay, 0)


def test_a_table_of_another_kind(net, relay):
    relay = relay()
    Crowd(net, relay.asker, 3).close()
    relay.daemon.kill()
    scribble(relay, 0, b"something else")
    relay.daemon.start()
    assert relay.daemon.metric("sessions") == 0
    relay.daemon.wait_log("is of no use")
    stored(relay, 0)
    Crowd(net, relay.asker, 3)
    stored(relay, 3)


def test_another_address(net, relay):
    """The configuration no longer has the address of the calls: they are lost,
    counted, and their sockets are given back."""
    relay = relay()
    Crowd(net, relay.asker, 3).close()
    relay.daemon.kill()
    net.exec("relay", "ip", "addr", "add", "203.0.113.5/24", "dev", "eth0")
    relay.daemon.configure(relayd_conf(media={
        "address": "203.0.113.5", "ports": [30000, 30999]}))
    relay.daemon.start()
    assert relay.daemon.metric("sessions_lost") == 3
    assert relay.daemon.metric("sessions") == 0
    assert relay.daemon.metric("ports_free") == 500
    stored(relay, 0)


def test_ended_by_signal(net, relay):
    """Who ends on purpose leaves nothing."""
    relay = relay()
    Crowd(net, relay.asker, 5)
    stored(relay, 5)
    assert relay.daemon.terminate() == 0
    wait_until(lambda: not relay.store.names(), 5, relay.store.names)
    assert relay.store.said[-1]["STOPPING"] == "1"


def test_without_a_service_manager(net, relay):
    relay = relay(Daemon)
    crowd = Crowd(net, relay.asker, 2)
    crash(relay)
    assert relay.daemon.metric("sessions") == 0
    for call in crowd.calls:
        assert relay.asker.release(call.name).status == 481
