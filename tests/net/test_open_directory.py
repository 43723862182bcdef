"""A directory that nobody has a password for, and the first user; users who
come, change and go while it runs."""

import pytest

from calls import Phone, offer_of
from guarded import DOMAIN, bare, command, dial, guard, invites, \
    password_of, register_headers, users_file  # noqa: F401
from support.daemons import Daemon, proxyd_conf, redirectd_conf
from support.net import PROXY1, wait_until

OURS, PHONES = "10.9.0.1", "10.9.0.9"


def try_register(phone):
    return bare(phone, "REGISTER", f"sip:{DOMAIN}", dest=f"<{phone.aor}>",
                headers=register_headers(phone))


@pytest.mark.parametrize("host", ["first", "third"])
def test_public_addresses_are_refused(guard, host):
    """Behind a NAT, or without one: anybody could be anybody."""
    s = guard(users=False)
    assert "level=warn" in s.redirect.log()
    phone = s.phone(host, "alice", register=False)
    assert try_register(phone).status == 403
    for method in ("INVITE", "MESSAGE", "OPTIONS"):
        refused = bare(phone, method, "sip:bob@example.com", headers=[
            ("Contact", f"<{phone.contact_uri}>")])
        assert refused.status == 403
        assert not refused.all("Proxy-Authenticate")
    assert s.contacts("alice") == []
    assert s.redirect.metric("open_refused") == 4


def test_never_required(guard):
    s = guard(users=False, auth={"required": "never"})
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call = alice.invite(bob.aor, offer_of(alice))
    bob.incoming().reject(486)
    assert call.wait_final().status == 486


def test_always_required(guard):
    """There is nobody yet, and nobody can do anything."""
    s = guard(users=False, auth={"required": "always"})
    alice = s.phone("first", "alice", register=False)
    assert alice.register().status == 401
    assert bare(alice, "MESSAGE", "sip:bob@example.com").status == 407
    assert s.redirect.metric("auth_failed") == 1


class Office:
    """proxyd on a private LAN, beside a redirectd: phones at its own LAN."""

    def __init__(self, net, path):
        net.cable(("proxy1", OURS + "/24"), ("third", PHONES + "/24"))
        self.net = net
        self.redirect = Daemon(net, "proxy1", "redirectd", redirectd_conf(
            listen=f"udp:{OURS}:5062", trusted=[OURS + "/32"], auth={},
            store=f"sqlite:{path}"), http=("127.0.0.1", 8062))
        self.proxy = Daemon(net, "proxy1", "proxyd", proxyd_conf(
            "proxy1", listen=[f"udp:{OURS}:5060"], advertise=PROXY1,
            redirect=[f"{OURS}:5062"], trusted=[], lan=["10.9.0.0/24"]))

    def phone(self, user, port):
        ua = Phone(self.net, "third", user, proxy=OURS, port=port,
                   address=PHONES, password=password_of(user))
        return ua


@pytest.fixture
def office(net, tmp_path):
    return Office(net, tmp_path / "directory.db")


def test_phones_at_private_addresses_are_served(office):
    """Without passwords, until somebody has one: then who has none is not."""
    alice, bob = office.phone("alice", 5070), office.phone("bob", 5072)
    assert try_register(alice).status == try_register(bob).status == 200
    call = alice.invite(bob.aor, offer_of(alice))
    bob.incoming().reject(486)
    assert call.wait_final().status == 486

    command(office.redirect.conf_path, "user", "add", "alice@example.com",
            stdin=password_of("alice") + "\n")
    wait_until(lambda: bare(alice, "MESSAGE", bob.aor).status == 407, 5,
               "the challenge")
    assert alice.register().status == 200
    call, _ = dial(alice, bob.aor, offer_of(alice))
    bob.incoming().reject(486)
    assert call.wait_final().status == 486
    wait_until(lambda: bob.register().status == 401, 5, "the end of it")


def test_the_first_user_closes_it(guard):
    """Beside a redirectd that runs, within a second; for that user at once."""
    s = guard(users=False)
    alice = s.phone("first", "alice", register=False)
    assert try_register(alice).status == 403
    s.add_user("alice")
    assert alice.register().status == 200
    bob = s.phone("third", "bob", register=False)
    wait_until(lambda: try_register(bob).status == 401, 5, "the challenge")
    s.add_user("bob")
    assert bob.register().status == 200


def test_a_user_that_is_deleted(guard):
    """Its password opens nothing any more; it may be called until its
    registration runs out."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    s.command("user", "del", "alice@example.com")
    wait_until(lambda: alice.transact("MESSAGE", bob.aor).status == 407, 5,
               "the end of alice")
    assert alice.refresh().status == 401
    call = alice.invite(bob.aor, offer_of(alice))
    call.authenticate(call.wait_status(407))
    assert call.wait_final().status == 407
    assert not invites(bob)
    assert bob.refresh().status == 200


def test_the_last_user_is_deleted(guard):
    """The directory is open again: public addresses are refused."""
    s = guard(users=False)
    s.add_user("alice")
    alice = s.phone("first", "alice", register=False)
    wait_until(lambda: alice.register().status == 200, 5, "alice")
    s.command("user", "del", "alice@example.com")
    wait_until(lambda: try_register(alice).status == 403, 5, "the refusal")


def test_another_password(guard):
    """A call that is up goes on; the next one needs the new password, the old
    one is good no more."""
    s = guard()
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    call, _ = dial(alice, bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    s.command("user", "passwd", "alice@example.com", stdin="another\n")
    wait_until(lambda: alice.refresh().status == 401, 5, "the change")
    call.reinvite(offer_of(alice))
    leg.wait_reinvite()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    assert alice.transact("MESSAGE", bob.aor).status == 407
    alice.password = "another"
    assert alice.refresh().status == 200
    assert alice.transact("MESSAGE", bob.aor).status == 200
    assert bob.refresh().status == 200


def test_mode_by_reload(guard):
    s = guard(auth={"required": "never"})
    alice, bob = s.phone("first", "alice"), s.phone("second", "bob")
    assert bare(alice, "MESSAGE", bob.aor).status == 200
    for mode, status in (("always", 407), ("never", 200), ("auto", 407)):
        s.redirect.configure({**s.redirect.conf, "auth": {"required": mode}})
        s.redirect.reload()
        wait_until(lambda: bare(alice, "MESSAGE", bob.aor).status == status,
                   5, mode)


# Who needs no password.


@pytest.fixture
def carrier(guard):
    """A site, and a gateway of its at 203.0.113.14."""
    s = guard(proxyd={"gateways": ["203.0.113.14/32"]})
    s.gateway = Phone(s.net, "third", "+49401", proxy=PROXY1, port=5090,
                      domain="carrier.example")
    s.gateway.host = "third"
    return s


def test_a_gateway_calls_in(carrier):
    s = carrier
    alice = s.phone("first", "alice")
    call = s.gateway.invite(alice.aor, offer_of(s.gateway))
    leg = alice.incoming()
    leg.answer(offer_of(alice))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    assert bare(s.gateway, "MESSAGE", alice.aor).status == 200
    assert not s.gateway.messages(lambda m: m.status in (401, 407))


def test_a_gateway_registers_nobody(carrier):
    carrier.gateway.user, carrier.gateway.domain = "alice", DOMAIN
    assert try_register(carrier.gateway).status in (401, 403)
    assert carrier.contacts("alice") == []


@pytest.mark.parametrize("word", ["ph-vouched", "ph-served", "ph-vouched=1",
                                  "ph-served=;ph-vouched=", "PH-VOUCHED",
                                  "ph-abroad=x%40y", "ph%2Dvouched"])
def test_words_of_the_dialect_of_a_phone(guard, word):
    """In the Request-URI, To and From: it is asked as ever."""
    s = guard()
    bob = s.phone("second", "bob")
    mallory = s.phone("first", "mallory", register=False)
    for method in ("INVITE", "MESSAGE"):
        refused = bare(mallory, method, f"{bob.aor};{word}",
                       dest=f"<{bob.aor};{word}>", headers=[
                           ("Contact", f"<{mallory.contact_uri};{word}>")])
        assert refused.status in (400, 407)
    mallory.user = "alice"
    refused = bare(mallory, "REGISTER", f"sip:{DOMAIN};{word}",
                   dest=f"<sip:alice@{DOMAIN};{word}>",
                   headers=register_headers(mallory))
    assert refused.status in (400, 401, 403)
    assert s.contacts("alice") == [] and not invites(bob)


@pytest.fixture
def guests(guard):
    """example.com's callers prove who they are, others need not."""
    return guard(auth={"domains": [DOMAIN]},
                 proxyd={"domains": [DOMAIN, "other.example"]})


def test_callers_of_other_domains(guests):
    """They call in, and are not led out; they do not register."""
    s = guests
    bob = s.phone("second", "bob")
    guest = s.phone("third", "carol", proxy=PROXY1, domain="other.example",
                    register=False)
    call = guest.invite(bob.aor, offer_of(guest))
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    call.ack()
    leg.wait_ack()
    assert call.bye().status == 200
    assert try_register(guest).status == 401
    assert bare(guest, "REGISTER", f"sip:{DOMAIN}",
                dest=f"<sip:alice@{DOMAIN}>",
                headers=register_headers(guest)).status == 401
    assert s.contacts("alice") == []


def test_a_guest_in_the_name_of_a_user(guests):
    """Also in capitals."""
    s = guests
    bob = s.phone("second", "bob")
    guest = s.phone("third", "alice", register=False, proxy=PROXY1)
    for guest.domain in (DOMAIN, "EXAMPLE.com"):
        assert bare(guest, "INVITE", bob.aor, headers=[
            ("Contact", f"<{guest.contact_uri}>")]).status == 407
    assert not invites(bob)


def test_a_guest_is_not_led_out(guard):
    """Static routes cost money: they are for users."""
    s = guard(auth={"domains": [DOMAIN]},
              redirectd={"routes": ["+* sip:203.0.113.14:5070"]})
    gateway = Phone(s.net, "third", "+4930123", port=5070)
    guest = s.phone("stranger", "carol", domain="other.example",
                    register=False)
    call = guest.invite(f"sip:+4930123@{DOMAIN}", offer_of(guest))
    assert call.wait_final().status in (403, 404)
    assert not gateway.messages(lambda m: m.method == "INVITE")
