"""Numbers that are no clients, with redirectd itself, its patterns and its
passwords: to gateways, in their order, and to redirect servers."""

import pytest

from calls import hear_each_other, is_relay, offer_of, traced
from guarded import DOMAIN, bare, dial, guard, users_file  # noqa: F401
from support.net import THIRD, wait_until
from support.sip import UA
from support.sipmsg import token

DEAD = "203.0.113.99"  # nobody has this address
ROUTES = [f"+49* sip:{THIRD}:5070 sip:{THIRD}:5072",
          f"00* sip:+*@{THIRD}:5070 sip:+*@{THIRD}:5072",
          f"0* sip:+49*@{THIRD}:5070 sip:9*@{THIRD}:5072",
          f"7* redirect:{THIRD}:5070 sip:{THIRD}:5072",
          f"8* sip:{DEAD} sip:{THIRD}:5072"]


@pytest.fixture
def site(guard):
    s = guard(redirectd={"routes": ROUTES})
    s.gateways = [UA(s.net, "third", "gw", port=p)
                  for p in (5070, 5072, 5074)]
    for g in s.gateways:
        g.host = "third"
    s.alice = s.phone("first", "alice")
    return s


def call_number(s, number):
    call, _ = dial(s.alice, f"sip:{number}@{DOMAIN}", offer_of(s.alice))
    return call


@pytest.mark.parametrize("called, first, second", [
    ("+4930123", "+4930123", "+4930123"), ("004930123", "+4930123",
                                           "+4930123"),
    ("030123", "+4930123", "930123"), ("0%2330123", "+49%2330123",
                                       "9%2330123")])
def test_prefixes(site, called, first, second):
    """Each gateway gets the number as its own target has it: the second when
    the first one cannot serve. The relay stands in both."""
    call = call_number(site, called)
    leg = site.gateways[0].incoming()
    assert leg.invite.uri == f"sip:{first}@{THIRD}:5070"
    assert is_relay(leg.invite.media[0][1:])
    leg.reject(503)
    leg = site.gateways[1].incoming()
    assert leg.invite.uri == f"sip:{second}@{THIRD}:5072"
    assert "ph-route" not in leg.invite.text
    leg.reject(486)
    assert call.wait_final().status == 486
    assert site.proxy1.metric("routes_failed") == 1


def test_call_over_the_second_gateway(site):
    s, gateway = site, site.gateways[1]
    out, back = s.media(s.alice), s.media(gateway)
    call, _ = dial(s.alice, f"sip:030123@{DOMAIN}", offer_of(s.alice, out))
    s.gateways[0].incoming().reject(500)
    leg = gateway.incoming()
    leg.ring()
    call.wait_status(180)
    leg.answer(offer_of(gateway, back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    hear_each_other(out, ok.media[0][1:], back, leg.invite.media[0][1:])
    assert leg.bye().status == 200
    call.wait_request("BYE")


@pytest.mark.parametrize("status", [404, 480, 486, 603])
def test_answers_that_are_final(site, status):
    call = call_number(site, "+4930123")
    site.gateways[0].incoming().reject(status)
    assert call.wait_final().status == status
    site.settled()
    assert not site.gateways[1].messages()


def test_all_fail(site):
    call = call_number(site, "+4930123")
    for g in site.gateways[:2]:
        g.incoming().reject(503)
    assert call.wait_final().status == 500


def test_silent_gateway(site):
    """It is asked last the next time."""
    for attempt in range(2):
        call = call_number(site, "8123")
        site.gateways[1].incoming().reject(486)
        assert call.wait_final().status == 486
        assert bool(traced(site.proxy1, call.call_id, "out", DEAD,
                           "INVITE")) == (attempt == 0)


def test_redirect_server(site):
    """It is told which domain was called; its 302 is followed; where it does
    not serve, the next target is."""
    server, other, callee = site.gateways
    call = call_number(site, "7123")
    leg = server.incoming()
    assert leg.invite.uri == f"sip:7123@{THIRD}:5070;ph-domain={DOMAIN}"
    server.respond(leg.invite, 302, tag=token(), headers=[
        ("Contact", f"<sip:there@{THIRD}:5074>")])
    leg = callee.incoming()
    assert leg.invite.uri == f"sip:there@{THIRD}:5074"
    leg.answer(offer_of(callee))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    assert site.proxy1.metric("redirections") == 1

    call = call_number(site, "7124")
    server.incoming().reject(503)
    other.incoming().reject(486)
    assert call.wait_final().status == 486


@pytest.mark.parametrize("host", ["first", "stranger"])
def test_redirect_server_that_takes_the_call(site, host):
    """As any gateway would: with a relay where one is needed."""
    server, caller = site.gateways[0], site.alice
    if host == "stranger":
        caller = site.phone(host, "bob")
    out, back = site.media(caller), site.media(server)
    call, _ = dial(caller, f"sip:7123@{DOMAIN}", offer_of(caller, out))
    leg = server.incoming()
    leg.answer(offer_of(server, back))
    ok = call.wait_status(200)
    call.ack()
    leg.wait_ack()
    near, far = ok.media[0][1:], leg.invite.media[0][1:]
    assert is_relay(near) == is_relay(far) == (host == "first")
    hear_each_other(out, near, back, far)
    assert call.bye().status == 200
    assert "ph-fork" not in leg.invite.text


def test_other_methods(site):
    assert site.alice.transact("MESSAGE", f"sip:+4930@{DOMAIN}").status == 481
    got = site.gateways[0].wait_message(lambda m: m.method == "MESSAGE")
    assert got.uri == f"sip:+4930@{THIRD}:5070"
    assert got.get("Proxy-Authorization") is None


def test_only_who_has_a_password(site):
    """Nobody else calls out, nor hears which numbers there are."""
    mallory = site.phone("stranger", "mallory", register=False)
    for number in ("+4930123", "030123", "555"):
        assert bare(mallory, "INVITE", f"sip:{number}@{DOMAIN}", headers=[
            ("Contact", f"<{mallory.contact_uri}>")]).status == 407
    assert mallory.transact("MESSAGE", f"sip:+4930@{DOMAIN}").status == 407
    assert not any(g.messages() for g in site.gateways)


def test_clients_come_first(site):
    """A client whose id a pattern matches is no number; nor is one that is not
    registered now, or an alias."""
    s = site
    s.add_user("0815")
    s.command("alias", "add", f"0816@{DOMAIN}", f"0815@{DOMAIN}")
    uri = f"sip:0815@{DOMAIN}"
    phone = s.phone("second", "0815", register=False)
    assert phone.register().status == 200
    wait_until(lambda: s.alice.transact("MESSAGE", uri.replace(
        "0815", "0816")).status == 200, 5, "the alias")
    assert s.alice.transact("MESSAGE", uri).status == 200
    assert phone.unregister().status == 200
    assert s.alice.transact("MESSAGE", uri).status == 480
    before = [len(g.messages()) for g in s.gateways]
    assert s.alice.transact("MESSAGE", uri.replace("0815", "0816")).status \
        == 480
    assert [len(g.messages()) for g in s.gateways] == before


def test_numbers_without_a_route(site):
    assert site.alice.transact("MESSAGE", f"sip:555@{DOMAIN}").status == 404


def test_routes_by_reload(site):
    """SIGHUP reads them anew; what cannot be read changes nothing."""
    s = site
    uri = f"sip:555@{DOMAIN}"
    assert s.alice.transact("MESSAGE", uri).status == 404
    s.redirect.configure({**s.redirect.conf, "routes": [
        f"5* sip:{THIRD}:5072", f"+* sip:{THIRD}:5074"]})
    s.redirect.reload()
    wait_until(lambda: s.alice.transact("MESSAGE", uri).status == 481, 5,
               "the new route")
    assert s.alice.transact("MESSAGE", f"sip:+49301@{DOMAIN}").status == 481
    assert [bool(g.messages()) for g in s.gateways] == [False, True, True]
    good = s.redirect.conf
    s.redirect.configure({**good, "routes": ["no route"]})
    s.redirect.reload()
    s.redirect.wait_log('found \\"no route\\"')
    assert s.alice.transact("MESSAGE", uri).status == 481
    s.redirect.log_path.write_text("")  # of which an error was wanted
    s.redirect.configure({**good, "routes": []})
    s.redirect.reload()
    wait_until(lambda: s.alice.transact("MESSAGE", uri).status == 404, 5,
               "the end of it")
