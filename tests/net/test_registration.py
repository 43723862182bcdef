"""Registration through the NAT (Figs. 3a and 3b), as phone, proxies and
directory each see it."""

import pytest

from calls import NAT_OF, deployed, establish, offer_of, seen_from, \
    site, traced, vias  # noqa: F401
from support.net import NAT1, PROXY1, PROXY2
from support.sipmsg import host_port, uri_of, uri_param


def bindings(site, phone):
    """What redirectd holds of the phone; [] where it holds nothing."""
    try:
        return site.redirect.api("clients",
                                 id=phone.aor.split(":")[1])["bindings"]
    except LookupError:
        return []


def nat_client(proxy, phone):
    """The phone's channel in the proxy's NAT client table, or None."""
    name = phone.aor.split(":")[1]
    return next((host_port(c["channel"]) for c in proxy.api("clients")
                 if c["id"] == name), None)


def registration_id(phone):
    return phone._register["call_id"]


@pytest.mark.parametrize("host", ["first", "second"])
def test_the_phone_is_shown_its_own_contact(site, host):
    phone = site.phone(host, "alice", register=False)
    ok = phone.register()
    assert ok.status == 200
    contact, = ok.all("Contact")
    assert uri_of(contact) == phone.contact_uri
    (sent_by, _, _, _), = vias(ok)
    assert sent_by == (phone.ip, phone.port)


def test_fig_3b_what_the_directory_is_told(site):
    """122: the observed address and port replace the phone's in Contact; the
    phone's own stand beside them; the proxy is the Path."""
    alice = site.phone("first", "alice")
    call_id = registration_id(alice)
    nat = seen_from(site.proxy1, call_id, alice, "REGISTER")
    sent, = traced(site.proxy1, call_id, "in", start="REGISTER")
    told, = traced(site.redirect, call_id, "in", start="REGISTER")
    assert told.uri == sent.uri == "sip:example.com"
    assert told.peer == (PROXY1, 5060)
    assert told.get("Contact") == (f"<sip:{alice.user}@{NAT1}:{nat[1]};"
                                   f"ph-own={alice.ip}:{alice.port}>")
    assert [host_port(uri_of(p)) for p in told.all("Path")] \
        == [(PROXY1, 5060)]
    proxy, phone = vias(told)
    assert proxy[0] == (PROXY1, 5060)
    assert phone == ((alice.ip, alice.port), NAT1, str(nat[1]), sent.branch)
    for name in ("From", "To", "Call-ID", "CSeq", "Expires"):
        assert told.get(name) == sent.get(name)


def test_a_public_phone_is_registered_as_it_is(site):
    carol = site.phone("third", "carol")
    told, = traced(site.redirect, registration_id(carol), "in",
                   start="REGISTER")
    assert told.get("Contact") == f"<{carol.contact_uri}>"
    assert [b["contact"] for b in bindings(site, carol)] \
        == [carol.contact_uri]
    assert nat_client(site.proxy2, carol) is None


def test_both_tables_hold_the_observed_address(site):
    """119 and the client table 104: where and by whom the phone is
    reached."""
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    for phone, proxy, at in ((alice, site.proxy1, PROXY1),
                             (bob, site.proxy2, PROXY2)):
        nat = seen_from(proxy, registration_id(phone), phone, "REGISTER")
        one, = bindings(site, phone)
        assert host_port(one["contact"]) == nat
        assert nat[0] == NAT_OF[phone.host]
        assert uri_param(one["contact"], "ph-own") \
            == f"{phone.ip}:{phone.port}"
        assert host_port(one["proxy"]) == (at, 5060)
        assert nat_client(proxy, phone) == nat
    assert nat_client(site.proxy2, alice) is None


def test_refresh_keeps_one_binding(site):
    alice = site.phone("first", "alice")
    before, = bindings(site, alice)
    entries = site.proxy1.metric("nat_clients")
    answer = alice.refresh(expires=1800)
    assert answer.status == 200
    assert [uri_of(c) for c in answer.all("Contact")] == [alice.contact_uri]
    after, = bindings(site, alice)
    assert after["contact"] == before["contact"]
    assert after["cseq"] == before["cseq"] + 1
    assert 0 < after["expires"] <= 1800
    assert site.proxy1.metric("nat_clients") == entries


def test_a_retransmitted_register_does_no_harm(site):
    alice = site.phone("first", "alice")
    sent, = traced(site.proxy1, registration_id(alice), "in",
                   start="REGISTER")
    raw = next(raw for _, _, raw in alice.sent
               if raw.startswith(b"REGISTER"))
    alice.send_raw(raw)
    alice.wait_for(lambda: sum(m.status == 200 for m in alice.received) == 2,
                   what="the answer again")
    assert alice.received[0].raw == alice.received[1].raw
    assert len(traced(site.redirect, registration_id(alice), "in",
                      start="REGISTER")) == 1
    assert len(bindings(site, alice)) == 1 and sent.cseq == 1


def test_unregistration(site):
    """Both tables are left, and the next call is told 480."""
    alice, bob = site.phone("third", "alice"), site.phone("first", "bob")
    assert bindings(site, bob) and nat_client(site.proxy1, bob)
    gone = bob.unregister()
    assert gone.status == 200 and gone.all("Contact") == []
    assert bindings(site, bob) == []
    assert nat_client(site.proxy1, bob) is None
    call = alice.invite(bob.aor, offer_of(alice))
    assert call.wait_final().status == 480


def test_unregistration_of_everything(site):
    alice = site.phone("first", "alice")
    assert alice.register(contact="*", expires=0).status == 200
    assert bindings(site, alice) == []
    assert nat_client(site.proxy1, alice) is None


def test_registered_again_after_unregistration(site):
    alice, bob = site.phone("first", "alice"), site.phone("second", "bob")
    assert bob.unregister().status == 200
    assert bob.register().status == 200
    establish(alice, bob).hang_up()


def test_a_query_shows_the_bindings(site):
    """A REGISTER without Contact asks only (RFC 3261 10.2.3); the phone's
    own Contact comes back."""
    alice = site.phone("first", "alice")
    r = alice._register
    r["cseq"] += 1
    answer = alice.transact(
        "REGISTER", f"sip:{alice.domain}", call_id=r["call_id"],
        cseq=r["cseq"], tag=r["tag"], dest=f"<{alice.aor}>")
    assert answer.status == 200
    assert [uri_of(c) for c in answer.all("Contact")] == [alice.contact_uri]
    assert nat_client(site.proxy1, alice)
    assert len(bindings(site, alice)) == 1


def test_too_short_is_told_so(site):
    alice = site.phone("first", "alice", register=False)
    answer = alice.register(expires=1)
    assert answer.status == 423 and answer.get("Min-Expires") == "60"
    assert bindings(site, alice) == []
    assert nat_client(site.proxy1, alice) is None


def test_a_new_address_of_the_nat_replaces_the_old(site):
    """The NAT has forgotten the pinhole: the phone's next REGISTER is seen
    from another port, and that is where the next call goes."""
    alice, bob = site.phone("third", "alice"), site.phone("first", "bob")
    old = nat_client(site.proxy1, bob)
    bob.close()
    moved = site.phone("first", "bob", register=False)
    moved.user, moved.port, moved._register = bob.user, bob.port, bob._register
    assert moved.refresh().status == 200
    new = nat_client(site.proxy1, bob)
    assert new != old and new[0] == NAT1
    one, = bindings(site, bob)
    assert host_port(one["contact"]) == new
    establish(alice, moved).hang_up()


def test_two_phones_of_one_client(site):
    """The same client id, registered from two places: each REGISTER shows
    the phones their own Contacts, and both bindings are held."""
    alice = site.phone("first", "alice")
    again = site.phone("first17", "alice", register=False)
    again.user = alice.user
    answer = again.register()
    assert sorted(uri_of(c) for c in answer.all("Contact")) \
        == sorted([alice.contact_uri, again.contact_uri])
    assert len(bindings(site, alice)) == 2


@pytest.mark.parametrize("word", ["ph-own=198.51.100.1:1", "ph-domain=a.b",
                                  "ph-relay=203.0.113.4:5060"])
def test_words_of_the_dialect_are_not_believed_of_a_phone(site, word):
    carol = site.phone("third", "carol", register=False)
    answer = carol.register(contact=f"<{carol.contact_uri};{word}>")
    assert answer.status == 200
    assert [b["contact"] for b in bindings(site, carol)] \
        == [carol.contact_uri]
    assert nat_client(site.proxy2, carol) is None


def test_a_path_of_the_phone_does_not_displace_the_proxy(site):
    bob = site.phone("second", "bob", register=False)
    assert bob.register(headers=[("Path", "<sip:203.0.113.66:5060;lr>")]) \
        .status == 200
    one, = bindings(site, bob)
    assert host_port(one["proxy"]) == (PROXY2, 5060)
    establish(site.phone("third", "alice"), bob).hang_up()


def test_a_stranger_does_not_speak_with_the_directory(site):
    """redirectd obeys the proxies alone."""
    alice = site.phone("first", "alice")
    stranger = site.phone("stranger", "mallory", register=False)
    stranger.user = alice.user
    stranger.proxy = ("203.0.113.3", 5060)
    before = bindings(site, alice)
    assert stranger.register().status == 403
    assert bindings(site, alice)[0]["contact"] == before[0]["contact"]
    assert len(bindings(site, alice)) == 1
