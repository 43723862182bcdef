"""Requests that come round again: a loop is refused, a spiral is a call."""

import pytest

from calls import Phone, deployed, offer_of, site  # noqa: F401
from support.net import PROXY1, PROXY2
from support.sipmsg import Message, host_port, token, uri_of


class Pbx(Phone):
    """A proxy that is none of ours: a registered phone which sends on what it
    gets to where `forward` says (a Request-URI; None: as it came), over its
    own proxy, with a Record-Route of its own."""

    def __init__(self, *args, **kw):
        self.forward = None
        super().__init__(*args, **kw)

    @property
    def _me(self):
        return f"{self.ip}:{self.port}"

    def _datagram(self, raw, source):
        m = Message(raw, source)
        if "reg" in m.call_id:
            super()._datagram(raw, source)
            return
        self.received.append(m)
        if m.is_request:
            self._pass_on(m)
        else:
            self._pass_back(m)

    def _pass_on(self, m):
        head, routes = [], m.all("Route")
        if routes and host_port(uri_of(routes[0])) == (self.ip, self.port):
            routes = routes[1:]
        uri = m.uri if m.to_tag else self.forward or self.asked
        head.append(("Via", self.via(f"z9hG4bK{m.branch[7:]}p")))
        if m.method == "INVITE" and not m.to_tag:
            head.append(("Record-Route", f"<sip:{self._me};lr>"))
        head += [("Route", r) for r in routes]
        head += [(n, v) for n, v in m.headers
                 if n not in ("Route", "Content-Length")]
        out = Message.build(f"{m.method} {uri} SIP/2.0", head, m.body)
        to = host_port(uri_of(routes[0])) if routes else self.proxy
        self._transmit(out.raw, to)

    def _pass_back(self, m):
        head = [(n, v) for n, v in m.headers if n != "Content-Length"]
        del head[next(i for i, (n, _) in enumerate(head) if n == "Via")]
        out = Message.build(m.start, head, m.body)
        self._transmit(out.raw, (PROXY2 if self.proxy[0] == PROXY2
                                 else PROXY1, 5060))


@pytest.fixture
def pbx(site):
    ua = Pbx(site.net, "third", "pbx1", proxy=PROXY1, port=5092)
    ua.asked = "sip:pbx1@example.com"
    ua.host = "third"
    site._here.append(ua)
    assert ua.register().status == 200
    return ua


def test_a_loop(site, pbx):
    """It sends back what it gets, for the client it is itself: 482 as soon as
    it is seen, not after 70 hops."""
    alice = site.phone("first", "alice")
    call = alice.invite("sip:pbx1@example.com", offer_of(alice))
    assert call.wait_final().status == 482
    asked = [m for m in pbx.received if m.method == "INVITE" and m.is_request]
    assert len(asked) == 1
    assert site.proxy1.metric("rejected_hops") >= 1


def test_a_spiral(site, pbx):
    """It sends the call on to another client: the same proxy twice, and a call
    like any other, which either side can end."""
    for ends in ("caller", "callee"):
        alice = site.phone("stranger", "alice")
        bob = site.phone("third", "bob", proxy=PROXY1)
        pbx.forward = bob.aor
        call = alice.invite("sip:pbx1@example.com", offer_of(alice))
        leg = bob.incoming()
        ours = [host_port(v.split(None, 1)[1])[0]
                for v in leg.invite.all("Via")]
        assert ours.count(PROXY1) == 2
        leg.answer(offer_of(bob))
        call.wait_status(200)
        call.ack()
        leg.wait_ack()
        one, other = (call, leg) if ends == "caller" else (leg, call)
        assert one.bye().status == 200
        other.wait_request("BYE")


def test_a_spiral_that_becomes_a_loop(site, pbx):
    """Two clients that are forwarded to each other."""
    other = Pbx(site.net, "third", "pbx2", proxy=PROXY1, port=5094)
    other.host = "third"
    site._here.append(other)
    assert other.register().status == 200
    pbx.forward, other.forward = "sip:pbx2@example.com", "sip:pbx1@example.com"
    alice = site.phone("stranger", "alice")
    call = alice.invite("sip:pbx1@example.com", offer_of(alice))
    assert call.wait_final().status == 482
    assert sum(m.method == "INVITE" and m.is_request
               for m in pbx.received + other.received) == 2


def test_a_via_of_ours_that_a_phone_has_made_up(site):
    """It cannot make a loop of what is none."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    first = alice.request("MESSAGE", bob.aor)
    seen = bob.wait_message(lambda m: m.method == "MESSAGE")
    assert alice.final(first).status == 200
    ours = next(v for v in seen.all("Via") if PROXY1 in v)
    again = alice.request("MESSAGE", bob.aor, headers=[("Via", ours)],
                          call_id=token("c"))
    assert alice.final(again).status == 200
