"""An office: proxyd on a private LAN behind a 1:1 NAT, whose public address it
advertises, and phones on that LAN."""

import pytest

from calls import Phone, offer_of
from support.daemons import Daemon, proxyd_conf, redirectd_conf

OURS, PHONES = "10.9.0.1", "10.9.0.9"


@pytest.fixture
def office(net):
    """Makes the site, with more configuration of proxyd."""
    net.cable(("proxy1", OURS + "/24"), ("third", PHONES + "/24"))

    def make(**conf):
        Daemon(net, "proxy1", "redirectd", redirectd_conf(
            listen=f"udp:{OURS}:5062", trusted=[OURS + "/32"]),
            http=("127.0.0.1", 8062))
        return Daemon(net, "proxy1", "proxyd", proxyd_conf(
            "proxy1", listen=[f"udp:{OURS}:5060"], advertise="203.0.113.1",
            redirect=[f"{OURS}:5062"], trusted=[], **conf))
    return make


def phone(net, name, port):
    ua = Phone(net, "third", name, proxy=OURS, port=port, address=PHONES)
    assert ua.register().status == 200
    return ua


def test_phones_on_the_lan_call_each_other(net, office):
    office(lan=["10.9.0.0/24"])
    alice, bob = phone(net, "alice", 5070), phone(net, "bob", 5072)
    call = alice.invite(bob.aor, offer_of(alice))
    leg = bob.incoming()
    leg.answer(offer_of(bob))
    call.wait_status(200)
    assert leg.invite.body == call.invite.body  # no relay stands between


@pytest.mark.parametrize("lan", [[], ["10.8.0.0/24"]], ids=["none", "other"])
def test_private_addresses_that_nobody_named_are_never_contacted(net, office,
                                                                 lan):
    proxy = office(lan=lan)
    alice, bob = phone(net, "alice", 5070), phone(net, "bob", 5072)
    call = alice.invite(bob.aor, offer_of(alice))
    assert call.wait_final().status == 403
    assert proxy.metric("rejected_target") == 1
    assert not bob.messages(lambda m: m.method == "INVITE")


def test_lan_is_read_again(net, office):
    proxy = office()
    alice, bob = phone(net, "alice", 5070), phone(net, "bob", 5072)
    assert alice.transact("OPTIONS", bob.aor).status == 403
    proxy.configure({**proxy.conf, "lan": ["10.9.0.0/24"]})
    proxy.reload()
    alice.wait_for(lambda: alice.transact("OPTIONS", bob.aor).status == 200,
                   what="OPTIONS answered by the phone")
