"""A NAT that has forgotten a phone gives it another mapping: the phone is
called there from its first message on, before it registers again."""

import pytest

from calls import deployed, offer_of, seen_from, site  # noqa: F401
from support.sipmsg import host_port
from test_registration import bindings, nat_client


def on_another_port(site, phone):
    """The same phone after its NAT was rebooted: it still calls itself what
    it did, and comes from another port of the NAT."""
    moved = site.phone(phone.host, "moved", register=False)
    phone.close()
    moved.user, moved.port = phone.user, phone.port
    moved._register = phone._register
    return moved


def called(site, phone):
    carol = site.phone("third", "carol")
    call = carol.invite(phone.aor, offer_of(carol))
    leg = phone.incoming()
    leg.reject(486)
    assert call.wait_final().status == 486


@pytest.fixture
def bob(site):
    return site.phone("second", "bob")


def speaks(phone, uri, method="MESSAGE"):
    """What the phone says first from where it is now, and the answer."""
    m = phone.request(method, uri)
    return m, phone.final(m)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_called_from_its_first_message_on(site, bob, method):
    dave = site.phone("first", "dave")
    old = nat_client(site.proxy2, bob)
    moved = on_another_port(site, bob)
    if method == "INVITE":
        call = moved.invite(dave.aor, offer_of(moved))
        dave.incoming().reject(486)
        first, final = call.invite, call.wait_final()
        assert final.status == 486
    else:
        first, final = speaks(moved, dave.aor, method)
        assert final.status == 200
    new = nat_client(site.proxy2, moved)
    assert new != old
    assert new == seen_from(site.proxy2, first.call_id, moved, method)
    # what the directory has is its name for it still
    one, = bindings(site, moved)
    assert host_port(one["contact"]) == old
    called(site, moved)


def test_its_register_makes_the_new_one_its_name(site, bob):
    dave = site.phone("first", "dave")
    moved = on_another_port(site, bob)
    assert speaks(moved, dave.aor)[1].status == 200
    new = nat_client(site.proxy2, moved)
    assert moved.refresh().status == 200
    one, = bindings(site, moved)
    assert host_port(one["contact"]) == nat_client(site.proxy2, moved) == new
    entry, = [c for c in site.proxy2.api("clients")
              if c["id"] == moved.aor.removeprefix("sip:")]
    assert entry["registered"] == entry["channel"]
    called(site, moved)


def test_a_neighbour_takes_no_calls(site, bob):
    """Behind the same NAT, with another address of its own."""
    dave = site.phone("first", "dave")
    mallory = site.phone("second17", "mallory", register=False)
    mallory.user = bob.user
    mallory.ip = "10.0.0.17"
    old = nat_client(site.proxy2, bob)
    speaks(mallory, dave.aor)
    assert nat_client(site.proxy2, bob) == old
    called(site, bob)


def test_nobody_from_another_place_takes_calls(site, bob):
    """What says who it is, and that it has the phone's own address, comes
    from somewhere else."""
    dave = site.phone("first", "dave")
    mallory = site.phone("first17", "mallory", register=False,
                         proxy="203.0.113.2")
    mallory.user, mallory.ip, mallory.port = bob.user, bob.ip, bob.port
    old = nat_client(site.proxy2, bob)
    speaks(mallory, dave.aor)
    assert nat_client(site.proxy2, bob) == old
    called(site, bob)


def test_a_message_that_leads_nowhere_moves_nothing(site, bob):
    """The directory has not let it through."""
    old = nat_client(site.proxy2, bob)
    moved = on_another_port(site, bob)
    assert speaks(moved, "sip:nobody@example.com")[1].status == 404
    assert nat_client(site.proxy2, moved) == old
