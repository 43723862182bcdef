"""The two sides of an established call: where each was told to send, and what
they say and hear."""

from calls import establish, hear_each_other, offer_of


class Party:
    """One side of an established call: its leg of it, its media, and where
    it was told to send."""

    def __init__(self, leg, media, told):
        self.leg, self.media, self.told = leg, media, told

    def offer(self, *attributes):
        return offer_of(self.leg.ua, self.media, attributes=attributes)


def parties(site, caller, callee, side):
    """An established call in which both were heard; the party of `side`
    first."""
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    one, other = (Party(talk.call, out, talk.near[0]),
                  Party(talk.leg, back, talk.far[0]))
    both_hear(one, other)
    return (one, other) if side == "caller" else (other, one)


def both_hear(one, other):
    hear_each_other(one.media, one.told, other.media, other.told)
    assert one.media.sources() == {one.told}
    assert other.media.sources() == {other.told}


def reinvite(one, other, offer, answer):
    """A re-INVITE of `one`, from INVITE to ACK: (as `other` got it, 200)."""
    one.leg.reinvite(offer)
    asked = other.leg.wait_reinvite()
    assert asked.uri == other.leg.ua.contact_uri
    assert asked.source == other.leg.ua.proxy
    other.leg.answer(answer)
    ok = one.leg.wait_status(200)
    one.leg.ack()
    ack = other.leg.wait_ack()
    assert ack.source == other.leg.ua.proxy and ack.all("Route") == []
    return asked, ok


def check_ports_kept(site, one, other, asked, ok):
    """The same resource as before, for either."""
    assert [m[1:] for m in asked.media] == [other.told]
    assert [m[1:] for m in ok.media] == [one.told]
    assert site.relay.metric("sessions") == 1
    assert site.relay.metric("streams") == 1
