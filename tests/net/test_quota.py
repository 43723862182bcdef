"""More calls than there is room for: each is refused with the reason and when
to come again, and leaves nothing behind; those that are there go on."""

from asking import Asker, relay  # noqa: F401
from calls import deployed, establish, hear_each_other, offer_of  # noqa: F401
from robust import deploy  # noqa: F401
from support.net import RELAY, wait_until

CROWD = 20


def media(first, last, **more):
    return {"address": RELAY, "ports": [first, last], "quarantine": 0, **more}


def opened(relay, call, *lines):
    return relay.offer(call, *lines).status == 302


def assert_refused(answer, status, phrase, retry):
    assert (answer.status, answer.reason) == (status, phrase)
    assert answer.get("Retry-After") == retry
    assert not answer.body and answer.get("Contact") is None


def test_no_ports_left(relay):
    relay = relay(media=media(30000, 30005))
    everything = relay.figures()
    assert everything == {"sessions": 0, "streams": 0, "ports_free": 3}
    assert opened(relay, "one") and opened(relay, "two")
    two = relay.figures()
    # One pair is free, and two are wanted: neither is taken.
    assert_refused(relay.offer("three", ("audio", 4000), ("video", 4002)),
                   486, "No Relay Ports Free", "5")
    assert relay.release("three").status == 481
    wait_until(lambda: relay.figures() == two, 10,
               lambda: f"as before: {relay.figures()}")
    assert opened(relay, "three")
    assert_refused(relay.offer("four"), 486, "No Relay Ports Free", "5")
    # A session that asks for more keeps what it has.
    assert_refused(relay.offer("three", ("audio", 4000), ("video", 4002)),
                   486, "No Relay Ports Free", "5")
    assert opened(relay, "three")
    assert relay.daemon.metric("no_ports") == 3
    for call in ("one", "two", "three"):
        assert relay.release(call).status == 200
    assert relay.figures() == everything
    assert opened(relay, "four")


def test_too_many_sessions(relay):
    relay = relay(session={"max": 2})
    free = relay.figures()["ports_free"]
    assert opened(relay, "one") and opened(relay, "two")
    full = relay.figures()
    for _ in range(3):
        assert_refused(relay.offer("three"), 503, "Too Many Sessions", "5")
    assert relay.figures() == full
    assert relay.daemon.metric("full") == 3
    assert opened(relay, "one")  # there already: the same resource
    assert relay.release("one").status == 200
    assert opened(relay, "three")
    # The operator gives more room.
    assert relay.offer("four").status == 503
    relay.reload(session={"max": 3})
    wait_until(lambda: opened(relay, "four"), 10, "room for a third")
    assert relay.offer("five").status == 503
    assert relay.figures() == {"sessions": 3, "streams": 3,
                               "ports_free": free - 4}  # one is at rest


def test_too_many_new_sessions(relay):
    """A crowd at once: one comes in, the others are told to wait a second;
    whoever does is served."""
    relay = relay(session={"rate": 1})
    asker = relay.asker
    calls = [f"c{i}" for i in range(CROWD)]
    for call in calls:
        asker.send(asker.request("INVITE", call, "v=0\r\nc=IN IP4 10.0.0.16"
                                 "\r\nm=audio 4000 RTP/AVP 0\r\n"))
    answers = {m.call_id: m for m in (asker.answer() for _ in calls)}
    served = [c for c in calls if answers[c].status == 302]
    assert 1 <= len(served) < CROWD / 2
    for call in set(calls) - set(served):
        assert_refused(answers[call], 503, "Too Many New Sessions", "1")
    assert relay.daemon.metric("rate_exceeded") == CROWD - len(served)
    assert relay.figures()["sessions"] == len(served)
    assert relay.figures()["streams"] == len(served)
    late = next(c for c in calls if c not in served)
    wait_until(lambda: opened(relay, late), 10, "a place a second later")
    relay.reload(session={"rate": 0})
    wait_until(lambda: all([opened(relay, c) for c in calls]), 10,
               "places for all")


def test_too_much_media(deploy):
    """A call of 137 kbit/s where 100 are allowed: it goes on, the next one
    has to wait until it is silent."""
    site = deploy(relayd={"media": {"address": RELAY, "bandwidth": 100,
                                    "ports": [30000, 30999]}})
    asker = Asker(site.net, 5080)
    alice, bob = site.pair()
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    assert asker.offer("one").status == 302
    out.start(talk.near[0])
    back.start(talk.far[0])
    wait_until(lambda: site.relay.metric("bandwidth") > 100000, 10,
               "the bandwidth measured")
    before = site.relay.metric("sessions")
    assert_refused(asker.offer("two"), 503, "Too Much Media", "5")
    assert site.relay.metric("sessions") == before
    assert site.relay.metric("bandwidth_exceeded") == 1
    out.stop()
    back.stop()
    hear_each_other(out, talk.near[0], back, talk.far[0])
    wait_until(lambda: asker.offer("two").status == 302, 10,
               "a place when the line is silent")
    for call in ("one", "two"):
        assert asker.release(call).status == 200
    talk.hang_up()
    site.settled()
    site.unhurt()


def test_the_caller_is_told(deploy):
    """Through the proxies: a clean 503, and a place when there is room."""
    site = deploy(relayd={"session": {"max": 1}})
    alice, bob = site.pair()
    talk = establish(alice, bob)
    carol, dave = site.phone("first17", "carol"), site.phone("second17",
                                                             "dave")
    call = carol.invite(dave.aor, offer_of(carol))
    assert call.wait_final().status == 503
    assert site.relay.metric("sessions") == 1
    assert site.relay.metric("full") > 0
    talk.hang_up()
    site.settled()
    establish(carol, dave).hang_up()
    site.settled()
    site.unhurt()
