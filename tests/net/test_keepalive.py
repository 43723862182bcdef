"""A phone behind a NAT that forgets an idle mapping sooner than the phone
speaks again is called all the same: its proxy keeps the pinhole open, and goes
on with it after a crash."""

import pytest

from calls import Site, offer_of
from support.net import Net, wait_until

NAT_FORGETS = 3  # seconds
KEEPALIVE = 1
INVITE_TIMEOUT = 32  # Timer B


LONG = 2 * NAT_FORGETS // KEEPALIVE  # so many keepalives


@pytest.fixture
def make(can_net):
    """make(proxyd=…, redirectd=…) -> a site behind forgetful NATs"""
    with Net(udp_timeout=NAT_FORGETS) as net:
        made = []

        def make(proxyd=None, **changes):
            made.append(Site(net, proxyd={"keepalive": KEEPALIVE,
                                          **(proxyd or {})}, **changes))
            return made[0]
        yield make
        for site in made:
            site.leave()
            site.healthy()


@pytest.fixture
def site(make):
    return make()


def count(phone):
    return sum(m.is_keepalive for m in phone.received)


def options(phone):
    return phone.messages(lambda m: m.method == "OPTIONS")


def called(site, phone):
    carol = site.phone("third", "carol")
    call = carol.invite(phone.aor, offer_of(carol))
    leg = phone.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486
    site.settled()


def recalled(proxy, bindings=1):
    proxy.wait_metric("bindings_recalled", lambda n: n == bindings)
    proxy.wait_metric("nat_clients", lambda n: n == bindings)


def test_idle_phone_is_called(site):
    bob = site.phone("second", "bob")
    bob.wait_keepalive(LONG)
    called(site, bob)


def test_options_keep_a_pinhole_open_too(make):
    site = make({"pinhole": {"method": "options"}})
    bob = site.phone("second", "bob")
    bob.wait_for(lambda: len(options(bob)) >= LONG, what="OPTIONS")
    assert options(bob)[0].uri == bob.contact_uri
    assert count(bob) == 0
    # never two at a time: each was answered before the next came
    assert len({m.cseq for m in options(bob)}) == len(options(bob))
    site.proxy2.wait_metric("keepalives_answered", lambda n: n >= LONG)
    called(site, bob)


def test_after_a_crash_the_idle_phone_is_still_called(site):
    """It says nothing from its REGISTER on; the mapping of its NAT would be
    gone twice over."""
    bob, dave = site.phone("second", "bob"), site.phone("second17", "dave")
    site.phone("first", "alice")
    bob.wait_keepalive(2)
    said = len(bob.sent), len(dave.sent)
    before = count(bob), count(dave)
    site.proxy2.restart(kill=True)
    recalled(site.proxy2, 2)
    bob.wait_keepalive(before[0] + LONG)
    dave.wait_keepalive(before[1] + LONG)
    assert (len(bob.sent), len(dave.sent)) == said
    called(site, bob)
    called(site, dave)


def test_a_directory_that_is_away_is_asked_until_it_is_back(make, tmp_path):
    site = make(redirectd={"store": f"sqlite:{tmp_path}/directory"})
    site.phone("second", "bob")
    site.redirect.kill()
    site.proxy2.restart(kill=True)
    site.proxy2.wait_metric("recall_failed", lambda n: n >= 1)
    assert site.proxy2.api("clients") == []
    site.redirect.start()
    recalled(site.proxy2)
    site.proxy2.wait_metric("keepalives_out", lambda n: n >= 2)


def test_a_call_that_nobody_answered_marks_the_pinhole(site):
    """A plain CRLF has no answer, so it takes a call to find a phone gone;
    the next one waits for it."""
    bob, carol = site.phone("second", "bob"), site.phone("third", "carol")
    bob.auto_options = False
    lost = carol.invite(bob.aor, offer_of(carol))
    bob.incoming()
    assert lost.wait_final(timeout=INVITE_TIMEOUT + 5).status == 408
    assert [c["marked"] for c in site.proxy2.api("clients")] == [True]
    call = carol.invite(bob.aor, offer_of(carol))
    assert call.wait_status(182)
    bob.send_raw(b"\r\n")
    bob.incoming().reject(486)
    assert call.wait_final().status == 486


def test_two_phones_of_one_client_are_both_kept(site):
    one = site.phone("second", "bob")
    other = site.phone("second17", "bob", register=False)
    other.user = one.user
    assert other.register().status == 200
    one.wait_keepalive(2)
    other.wait_keepalive(2)
    assert len(site.proxy2.api("clients")) == 2
    assert one.unregister().status == 200
    wait_until(lambda: len(site.proxy2.api("clients")) == 1, 10, "one left")
    before = count(one), count(other)
    other.wait_keepalive(before[1] + 2)
    assert count(one) == before[0]


def test_only_registered_clients_get_keepalives(site):
    bob, dave = site.phone("second", "bob"), site.phone("second17", "dave")
    bob.wait_keepalive()
    assert bob.unregister().status == 200
    assert [c["id"] for c in site.proxy2.api("clients")] == \
        [dave.aor.removeprefix("sip:")]
    before = count(dave), count(bob)
    dave.wait_keepalive(before[0] + 2)
    assert count(bob) == before[1]
