"""A phone that is not heard any more: its calls wait for its next poll or
REGISTER, and are then delivered as the answer to that (seed 004, text at steps
44 and 100)."""

import pytest

from calls import Site, offer_of
from support.net import Net, wait_until

WAIT = 4  # seconds
CRLF = b"\r\n\r\n"


@pytest.fixture(scope="module")
def deployed(can_net):
    with Net() as net:
        yield Site(net, proxyd={
            "keepalive": 1,
            "pinhole": {"method": "options", "missed": 2, "wait": WAIT}})


@pytest.fixture
def site(deployed):
    yield deployed
    deployed.leave()
    deployed.settled()
    deployed.healthy()


def client(site, phone):
    """What the proxy knows of the one binding of a phone."""
    name = phone.aor.removeprefix("sip:")
    one, = [c for c in site.proxy2.api("clients") if c["id"] == name]
    return one


def answers(phone):
    """Wait until an OPTIONS of the proxy has been answered."""
    before = len(phone.messages(lambda m: m.method == "OPTIONS"))
    phone.wait_for(lambda: len(phone.messages(
        lambda m: m.method == "OPTIONS")) >= before + 2, what="OPTIONS")


@pytest.fixture
def bob(site):
    """A phone behind a NAT that is there, and does not answer any more."""
    phone = site.phone("second", "bob")
    answers(phone)
    assert not client(site, phone)["marked"]
    phone.auto_options = False
    wait_until(lambda: client(site, phone)["marked"], 10, "the mark")
    return phone


@pytest.fixture
def waiting(site, bob):
    """A call that waits for him, of which he has heard nothing."""
    carol = site.phone("third", "carol")
    held = site.proxy2.metric("calls_held")
    call = carol.invite(bob.aor, offer_of(carol))
    site.proxy2.wait_metric("calls_held", lambda n: n == held + 1)
    return call


def invites(phone):
    return phone.messages(lambda m: m.method == "INVITE")


def delivered(call, phone):
    leg = phone.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486


def test_the_call_is_the_answer_to_the_next_poll(site, bob, waiting):
    assert waiting.wait_status(182)
    assert not invites(bob)
    bob.send_raw(CRLF)
    delivered(waiting, bob)
    assert not client(site, bob)["marked"]


def test_any_request_is_a_poll(site, bob, waiting):
    bob.request("MESSAGE", "sip:nobody@example.com")
    delivered(waiting, bob)


def test_the_next_register_delivers_it_on_its_new_channel(site, bob, waiting):
    """The phone has been away, and its NAT has another mapping for it."""
    bob.close()
    again = site.phone("second", "bob", register=False)
    again.user, again.port, again._register = \
        bob.user, bob.port, bob._register
    assert again.refresh().status == 200
    delivered(waiting, again)
    assert not client(site, again)["marked"]


def test_a_phone_that_is_there_after_all_is_found_by_the_probe(site, bob):
    carol = site.phone("third", "carol")
    bob.auto_options = True
    call = carol.invite(bob.aor, offer_of(carol))
    delivered(call, bob)
    assert 182 not in [m.status for m in call.responses()]


def test_it_waits_for_a_bounded_time(site, bob, waiting):
    final = waiting.wait_final()
    assert final.status == 480
    assert int(final.get("Retry-After")) > 0
    assert not invites(bob)
    assert site.proxy2.metric("calls_held") == 0


def test_it_is_cancelled_while_it_waits(site, bob, waiting):
    waiting.cancel()
    assert waiting.wait_final().status == 487
    assert site.proxy2.metric("calls_held") == 0
    bob.send_raw(CRLF)
    wait_until(lambda: not client(site, bob)["marked"], 10, "heard again")
    assert not invites(bob)


def test_the_next_phone_rings_when_nothing_is_heard(site, bob):
    """He has another one, which is asked when this has had its turn."""
    usual = site.proxy2.conf
    site.proxy2.configure({**usual, "forking": {"ring": 1}})
    site.proxy2.reload()
    try:
        desk = site.phone("second17", "bob", user=bob.user, register=False)
        contact = f"<{desk.contact_uri}>;q=0.3"
        assert desk.register(contact=contact).status == 200
        carol = site.phone("third", "carol")
        call = carol.invite(bob.aor, offer_of(carol))
        leg = desk.incoming()
        leg.answer(offer_of(desk))
        assert call.wait_final().status == 200
        call.ack()
        leg.wait_ack()
        assert not invites(bob)
        assert call.bye().status == 200
        leg.wait_request("BYE")
    finally:
        site.proxy2.configure(usual)
        site.proxy2.reload()


def test_several_wait_and_all_are_delivered(site, bob, waiting):
    dave = site.phone("first", "dave")
    second = dave.invite(bob.aor, offer_of(dave))
    site.proxy2.wait_metric("calls_held", lambda n: n == 2)
    bob.send_raw(CRLF)
    for leg in bob.incoming(), bob.incoming():
        leg.reject(486)
    assert {waiting.wait_final().status, second.wait_final().status} == {486}


def test_a_proxy_that_ends_says_so_to_those_who_wait(site, bob):
    carol = site.phone("third", "carol")
    patient = {**site.proxy2.conf, "pinhole": {
        **site.proxy2.conf["pinhole"], "wait": 60}}
    usual = site.proxy2.conf
    site.proxy2.configure(patient)
    site.proxy2.reload()
    site.proxy2.wait_log("configuration reloaded")
    call = carol.invite(bob.aor, offer_of(carol))
    site.proxy2.wait_metric("calls_held", lambda n: n == 1)
    assert site.proxy2.terminate(timeout=10) == 0
    try:
        assert call.wait_final().status == 503
    finally:
        site.proxy2.configure(usual)
        site.proxy2.start()
