"""A phone that registers through another proxy than before: the next call goes
to where it is now. What becomes of its old binding binding.h tells."""

import pytest

from calls import Site, establish, offer_of
from support.net import NAT1, NAT2, PROXY1, PROXY2, Net
from support.redis_server import Redis
from support.sipmsg import host_port

INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
OTHER = {PROXY1: PROXY2, PROXY2: PROXY1}
STORES = ["memory", "sqlite", "redis"]


@pytest.fixture(scope="module", params=STORES)
def stored(request, can_net, tmp_path_factory):
    with Net() as net:
        store = {"memory": lambda: "memory",
                 "sqlite": lambda: "sqlite:" + str(
                     tmp_path_factory.mktemp("store") / "clients.db"),
                 "redis": lambda: Redis(net).url}[request.param]()
        yield Site(net, redirectd={"store": store})


@pytest.fixture
def site(stored):
    """Whatever it was, nothing is left of its calls."""
    yield stored
    stored.settled()
    stored.healthy()
    stored.leave()




def contact(phone, reg_id=None, instance=None):
    value = f"<{phone.contact_uri}>"
    if reg_id:
        value += f";reg-id={reg_id}"
    return value + (f";+sip.instance={instance}" if instance else "")


def moved(site, phone, host, **kw):
    """The same phone on another host, or on the same, registered through the
    other proxy."""
    there = site.phone(host, "moved", proxy=OTHER[phone.proxy[0]],
                       register=False)
    there.user = phone.user
    answer = there.register(contact=contact(there, **kw))
    assert answer.status == 200
    return there


def places(site, phone):
    """{(host, serving proxy)} of all that is registered."""
    client, = [c for c in site.redirect.api("clients")["clients"]
               if c["id"] == phone.aor.split(":")[1]]
    return {(host_port(b["contact"])[0], host_port(b["proxy"])[0])
            for b in client["bindings"]}


def called(site, phone):
    """From behind both NATs: it is called through its proxy of now."""
    for host in ("first17", "second17"):
        caller = site.phone(host, "caller")
        talk = establish(caller, phone)
        assert talk.leg.invite.source == phone.proxy
        talk.hang_up()


def test_a_public_phone(site):
    """Its URI is the same: the old binding is replaced."""
    phone = site.phone("third", "carol")
    assert places(site, phone) == {(phone.ip, PROXY2)}
    phone.proxy = (PROXY1, 5060)
    assert phone.refresh().status == 200
    assert places(site, phone) == {(phone.ip, PROXY1)}
    called(site, phone)


@pytest.mark.parametrize("host, nats", [
    ("first", (NAT1, NAT1)), ("second", (NAT1, NAT2)),
    ("third", (NAT1, "203.0.113.14"))])
def test_a_phone_that_names_itself(site, host, nats):
    """By +sip.instance and reg-id (RFC 5626): wherever it is, the old binding
    is replaced."""
    phone = site.phone("first", "alice", register=False)
    assert phone.register(
        contact=contact(phone, 1, INSTANCE)).status == 200
    assert places(site, phone) == {(nats[0], PROXY1)}
    there = moved(site, phone, host, reg_id=1, instance=INSTANCE)
    assert places(site, there) == {(nats[1], PROXY2)}
    called(site, there)


def answered_at(there, caller, old=None):
    """A call that the phone takes where it is now. Its INVITE comes the new
    way; the old place, if there is one, rings as well."""
    call = caller.invite(there.aor, offer_of(caller))
    leg = there.incoming()
    assert leg.invite.source == there.proxy
    if old:
        other = old.incoming()
        other.ring()
    leg.answer(offer_of(there))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    if old:
        other.wait_request("CANCEL")
    assert call.bye().status == 200
    leg.wait_request("BYE")


@pytest.mark.parametrize("instance", [None, INSTANCE])
def test_another_network(site, instance):
    """Nothing says that it is the same phone, which may be at two places:
    both are called."""
    phone = site.phone("first", "alice", register=False)
    assert phone.register(
        contact=contact(phone, None, instance)).status == 200
    there = moved(site, phone, "second", instance=instance)
    assert places(site, there) == {(NAT1, PROXY1), (NAT2, PROXY2)}
    answered_at(there, site.phone("third", "caller"), phone)
    assert there.register(contact="*", expires=0).status == 200
    assert places(site, there) == set()


def test_another_network_and_nobody_at_the_old_place(net):
    """What it has left behind there does not keep it from being called."""
    site = Site(net)
    phone = site.phone("first", "alice")
    there = moved(site, phone, "second")
    assert places(site, there) == {(NAT1, PROXY1), (NAT2, PROXY2)}
    phone.close()
    for host in ("third", "second17"):
        answered_at(there, site.phone(host, "caller"))
    for name in ("proxy1", "proxy2"):   # nobody answers at the old place
        site.pinhole.all[name].wait_metric("sessions", lambda n: n == 0,
                                           timeout=60)
    site.settled()
    site.healthy()
