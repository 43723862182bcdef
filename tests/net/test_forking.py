"""Several contacts of one client: in parallel, by q, and who of them wins
(RFC 3261 16.6, 16.7)."""

import pytest

from calls import PROOF, deployed, hear_each_other, offer_of, \
    site  # noqa: F401
from support.net import wait_until

HOSTS = [("second", "second17"), ("second", "third"), ("second", "first17"),
         ("first17", "third")]


def ringing(site, *hosts, q=()):
    """Phones of one user, registered with the q of each where given."""
    first = site.phone(hosts[0], "bob", register=False)
    phones = [first] + [site.phone(h, "bob", user=first.user, register=False)
                        for h in hosts[1:]]
    for i, phone in enumerate(phones):
        contact = f"<{phone.contact_uri}>" + (f";q={q[i]}" if q else "")
        assert phone.register(contact=contact).status == 200
    return phones


def provisional(call, status=180):
    return [m for m in call.responses() if m.status == status]


def offered(call, *phones):
    """The leg of each phone, all of them ringing."""
    legs = [p.incoming() for p in phones]
    for leg in legs:
        leg.ring()
    wait_until(lambda: len(provisional(call)) == len(legs), 5,
               "every phone's 180")
    return legs


def hang_up(call, leg):
    assert call.bye().status == 200
    leg.wait_request("BYE")


@pytest.mark.parametrize("hosts", HOSTS, ids="-".join)
def test_all_ring_and_the_first_2xx_wins(site, hosts):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, *hosts)
    call = alice.invite(desk.aor, offer_of(alice))
    at_desk, at_cell = offered(call, desk, cell)
    at_cell.answer(offer_of(cell))
    call.wait_status(200)
    at_desk.wait_request("CANCEL")
    assert at_desk.wait_ack()
    call.ack()
    at_cell.wait_ack()
    hang_up(call, at_cell)


@pytest.mark.parametrize("hosts", HOSTS, ids="-".join)
def test_the_winner_is_heard_and_nobody_else(site, hosts):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, *hosts)
    a, d, c = site.media(alice), site.media(desk), site.media(cell)
    call = alice.invite(desk.aor, offer_of(alice, a))
    at_desk, at_cell = offered(call, desk, cell)
    (_, *at_first), = at_desk.invite.media
    (_, *at_second), = at_cell.invite.media
    at_cell.answer(offer_of(cell, c))
    (_, *near), = call.wait_status(200).media
    at_desk.wait_request("CANCEL")
    call.ack()
    at_cell.wait_ack()
    for _ in range(5 * PROOF):
        d.send(tuple(at_first))
    hear_each_other(a, tuple(near), c, tuple(at_second))
    assert d.ssrc not in {p.ssrc for p in a.received}
    hang_up(call, at_cell)


@pytest.mark.parametrize("hosts", HOSTS, ids="-".join)
def test_early_media_of_two_never_mix(site, hosts):
    """The caller hears the first that speaks, then the one that answers."""
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, *hosts)
    a, d, c = site.media(alice), site.media(desk), site.media(cell)
    call = alice.invite(desk.aor, offer_of(alice, a))
    at_desk, at_cell = desk.incoming(), cell.incoming()
    (_, *to_desk), = at_desk.invite.media
    (_, *to_cell), = at_cell.invite.media
    at_desk.ring(183, offer_of(desk, d))
    (_, *near), = call.wait_status(183).media
    at_cell.ring(183, offer_of(cell, c))
    wait_until(lambda: len(provisional(call, 183)) == 2, 5, "the second 183")
    assert not provisional(call, 183)[-1].body
    for _ in range(5 * PROOF):
        c.send(tuple(to_cell))
    hear_each_other(a, tuple(near), d, tuple(to_desk))
    assert c.ssrc not in {p.ssrc for p in a.received}
    at_cell.answer(offer_of(cell, c))
    (_, *near), = call.wait_status(200).media
    at_desk.wait_request("CANCEL")
    at_desk.wait_ack()
    call.ack()
    hear_each_other(a, tuple(near), c, tuple(to_cell))

    def is_over():
        """The loser speaks, then the winner, who is heard."""
        before = len(a.received)
        for _ in range(PROOF):
            d.send(tuple(to_desk))
        c.send(tuple(to_cell))
        a.wait_packets(1, c.ssrc, after=before)
        return d.ssrc not in {p.ssrc for p in a.received[before:]}
    wait_until(is_over, 5, "the loser's silence")
    assert is_over() and is_over()
    hang_up(call, at_cell)


def test_by_q_one_after_the_other(site):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17", q=("0.3", "0.9"))
    call = alice.invite(desk.aor, offer_of(alice))
    at_cell = cell.incoming()
    at_cell.ring()
    call.wait_status(180)
    assert not desk.messages(lambda m: m.method == "INVITE")
    at_cell.reject(486)
    at_desk = desk.incoming()
    at_desk.answer(offer_of(desk))
    call.wait_status(200)
    call.ack()
    at_desk.wait_ack()
    hang_up(call, at_desk)


def test_the_next_q_has_its_turn_when_nobody_answers(deployed, site):
    conf = site.proxy2.conf
    site.proxy2.configure({**conf, "forking": {"ring": 1}})
    site.proxy2.reload()
    try:
        alice = site.phone("first", "alice")
        desk, cell = ringing(site, "second", "second17", q=("0.3", "0.9"))
        call = alice.invite(desk.aor, offer_of(alice))
        at_cell = cell.incoming()
        at_cell.ring()
        at_desk = desk.incoming()
        at_cell.wait_request("CANCEL")
        at_desk.answer(offer_of(desk))
        call.wait_status(200)
        call.ack()
        hang_up(call, at_desk)
    finally:
        site.proxy2.configure(conf)
        site.proxy2.reload()


@pytest.mark.parametrize("one,other,best", [
    (486, 404, 486), (480, 302, 302), (486, 603, 603), (500, 486, 486),
    (486, 415, 415), (503, 503, 500)])
def test_the_best_failure_goes_back(site, one, other, best):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    call = alice.invite(desk.aor, offer_of(alice))
    at_desk, at_cell = offered(call, desk, cell)
    at_desk.reject(one)
    at_desk.wait_ack()
    assert call.status == 180
    at_cell.reject(other)
    assert call.wait_final().status == best


def test_603_ends_the_ringing_of_all(site):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    call = alice.invite(desk.aor, offer_of(alice))
    at_desk, at_cell = offered(call, desk, cell)
    at_desk.reject(603)
    at_cell.wait_request("CANCEL")
    assert call.wait_final().status == 603


def test_the_challenges_of_all_go_back(site):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    call = alice.invite(desk.aor, offer_of(alice))
    at_desk, at_cell = offered(call, desk, cell)
    at_desk.respond(407, headers=[("Proxy-Authenticate",
                                   'Digest realm="desk", nonce="1"')])
    at_cell.respond(401, headers=[("WWW-Authenticate",
                                   'Digest realm="cell", nonce="2"')])
    answer = call.wait_final()
    assert answer.status in (401, 407)
    text = "".join(answer.all("Proxy-Authenticate") +
                   answer.all("WWW-Authenticate"))
    assert 'realm="desk"' in text and 'realm="cell"' in text


def test_cancel_reaches_all_that_ring(site):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    call = alice.invite(desk.aor, offer_of(alice))
    legs = offered(call, desk, cell)
    call.cancel()
    for leg in legs:
        leg.wait_request("CANCEL")
    assert call.wait_final().status == 487


def test_a_late_second_2xx_goes_to_the_caller_who_ends_it(site):
    """RFC 3261 13.2.2.4, 16.7 step 5."""
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    call = alice.invite(desk.aor, offer_of(alice))
    at_desk, at_cell = offered(call, desk, cell)
    take = at_desk._request  # the CANCEL comes too late for it
    at_desk._request = lambda m: m.method == "CANCEL" or take(m)
    at_cell.answer(offer_of(cell))
    at_desk.answer(offer_of(desk))
    wait_until(lambda: len({m.to_tag for m in call.responses()
                            if m.status == 200}) == 2, 5, "both 2xx")
    first, second = [m for m in call.responses() if m.status == 200][:2]
    for ok in (second, first):
        call.remote, call.remote_tag = ok.contact, ok.to_tag
        call.routes = list(reversed(ok.all("Record-Route")))
        call.ack()
        assert call.bye().status == 200


def test_message_goes_to_all(site):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    assert alice.transact("MESSAGE", desk.aor, body=b"hello", headers=[
        ("Content-Type", "text/plain")]).status == 200
    for phone in (desk, cell):
        phone.wait_message(lambda m: m.method == "MESSAGE")


def test_max_breadth_is_shared_out(site):
    """RFC 5393 5.3.3: what came, over all that ring at one time."""
    alice = site.phone("first", "alice")
    phones = ringing(site, "second", "second17")
    call = alice.invite(phones[0].aor, offer_of(alice),
                        headers=[("Max-Breadth", "5")])
    legs = offered(call, *phones)
    assert [leg.invite.get("Max-Breadth") for leg in legs] == ["2", "2"]
    call.cancel()
    assert call.wait_final().status == 487


def test_without_breadth_they_ring_one_after_the_other(site):
    alice = site.phone("first", "alice")
    desk, cell = ringing(site, "second", "second17")
    call = alice.invite(desk.aor, offer_of(alice),
                        headers=[("Max-Breadth", "1")])
    wait_until(lambda: any(p.messages(lambda m: m.method == "INVITE")
                           for p in (desk, cell)), 5, "an INVITE")
    first, then = (desk, cell) if desk.messages(
        lambda m: m.method == "INVITE") else (cell, desk)
    leg = first.incoming()
    leg.ring()
    call.wait_status(180)
    assert not then.messages(lambda m: m.method == "INVITE")
    leg.reject(486)
    leg = then.incoming()
    leg.answer(offer_of(then))
    call.wait_status(200)
    call.ack()
    hang_up(call, leg)
