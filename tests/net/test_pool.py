"""The pool of relays: whoever joins gets calls, whoever leaves gets none, and
nobody joins who is no relay."""

import signal

import pytest

from calls import Deployment, Site, establish, hear_each_other, offer_of, \
    site  # noqa: F401
from support.daemons import Daemon, proxyd_conf, redirectd_conf, relayd_conf
from support.net import PROXY1, REDIRECT, RELAY, Net, end_process, \
    wait_until
from support.sipmsg import Message, token

CLUSTER = "pinhole"
JOIN = {"redirect": [f"{REDIRECT}:5060"], "expires": 6}
CALLS = 24  # two relays of one size: all on one is one chance in 8 million


class Pool(Deployment):
    """Proxies that know no relay but those that join. They serve the name of
    the cluster as a domain too: what guards it is something else."""

    def get(self):
        if self.net is None:
            self.net = Net()
            self.net.up()
            self.site = Site(
                self.net, proxyd={"relays": ["auto"],
                                  "domains": ["example.com", CLUSTER]},
                redirectd={"pool": {"trusted": [f"{RELAY}/32"]},
                           "store": "memory"},
                relayd={"pool": JOIN})
        for proxy in (self.site.proxy1, self.site.proxy2):
            proxy.wait_metric("relays_usable", lambda n: n == 1)
        return self.site


@pytest.fixture(scope="module")
def deployed(can_net):
    deployment = Pool()
    yield deployment
    deployment.discard()


@pytest.fixture
def second(site):
    """Another relay, on the same host, that has joined."""
    relay = Daemon(site.net, "relay", "relayd", relayd_conf(
        listen=[f"udp:{RELAY}:5070"], pool=JOIN, drain=60,
        media={"address": RELAY, "ports": [31000, 31999]}),
        http=("127.0.0.1", 8061))
    for proxy in (site.proxy1, site.proxy2):
        proxy.wait_metric("relays_usable", lambda n: n == 2)
    yield relay
    end_process(relay.proc)
    wait_until(lambda: pool(site) == [f"{RELAY}:5060"], 20,
               "the pool without it")


def pool(site):
    return sorted(r["relay"] for r in site.redirect.api("relays"))


def on_second(talk):
    return talk.near[0][1] >= 31000


def call(site, caller="first", callee="third"):
    alice, bob = site.phone(caller, "alice"), site.phone(callee, "bob")
    out, back = site.media(alice), site.media(bob)
    talk = establish(alice, bob, offer_of(alice, out), offer_of(bob, back))
    talk.out, talk.back = out, back
    return talk


def hear(talk):
    hear_each_other(talk.out, talk.near[0], talk.back, talk.far[0])


def call_on_second(site):
    """A call that the second relay got."""
    for _ in range(CALLS):
        talk = call(site)
        if on_second(talk):
            return talk
        talk.hang_up()
    raise AssertionError("none of the calls went there")


def test_a_second_relay_gets_calls_as_soon_as_it_has_joined(site, second):
    assert pool(site) == [f"{RELAY}:5060", f"{RELAY}:5070"]
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    talks = [establish(alice, bob) for _ in range(CALLS)]
    there = sum(map(on_second, talks))
    assert 0 < there < CALLS
    assert second.metric("sessions") == there
    assert site.relay.metric("sessions") == CALLS - there
    for talk in talks:
        talk.hang_up()


def test_a_draining_relay_gets_no_call_and_keeps_those_it_has(site, second):
    old = call_on_second(site)
    second.signal(signal.SIGTERM)
    assert wait_until(lambda: pool(site), 10) == [f"{RELAY}:5060"]
    for proxy in (site.proxy1, site.proxy2):
        proxy.wait_metric("relays_usable", lambda n: n == 1)
    alice, bob = site.phone("second", "alice"), site.phone("third", "bob")
    talks = [establish(alice, bob) for _ in range(CALLS)]
    assert not any(map(on_second, talks))
    for talk in talks:
        talk.hang_up()
    # A re-INVITE finds its relay.
    old.call.reinvite(offer_of(old.call.ua, old.out))
    asked = old.leg.wait_reinvite()
    old.leg.answer(offer_of(old.leg.ua, old.back))
    old.call.wait_status(200)
    old.call.ack()
    old.leg.wait_ack()
    assert [m[1:] for m in asked.media] == old.far
    hear(old)
    old.hang_up()
    assert second.proc.wait(15) == 0


def test_a_relay_that_is_killed_costs_no_call(site, second):
    """The calls that come next are answered without the caller having asked
    twice; the directory forgets it."""
    alice, bob = site.phone("first", "alice"), site.phone("third", "bob")
    second.kill()
    talks = [establish(alice, bob) for _ in range(CALLS)]
    assert not any(map(on_second, talks))
    for talk in talks:
        invites = [raw for _, _, raw in alice.sent
                   if raw.startswith(b"INVITE")
                   and talk.call_id.encode() in raw]
        assert len(invites) == 1
        talk.hang_up()
    wait_until(lambda: pool(site) == [f"{RELAY}:5060"], 20, "it has run out")
    site.proxy1.wait_metric("relays_usable", lambda n: n == 1)


def test_a_directory_that_was_restarted_costs_no_call(site):
    """It has forgotten the pool; the proxies have not."""
    site.redirect.restart(kill=True)
    talk = call(site)
    hear(talk)
    talk.hang_up()
    wait_until(lambda: pool(site), 20, "the relay has joined again")


def test_a_relay_that_was_restarted_is_taken_back(site):
    site.relay.restart(kill=True)
    talk = call(site)
    hear(talk)
    talk.hang_up()


def register(ip, port, cluster=CLUSTER, contact=None):
    contact = contact or f"sip:relay@{ip}:{port}"
    head = [("Via", f"SIP/2.0/UDP {ip}:{port};rport;"
                    f"branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:relay@{cluster}>;tag={token('t')}"),
            ("To", f"<sip:relay@{cluster}>"), ("Call-ID", token("j")),
            ("CSeq", "1 REGISTER"),
            ("Contact", f"<{contact}>;q=1.000;expires=30")]
    return Message.build(f"REGISTER sip:{cluster} SIP/2.0", head)


@pytest.mark.parametrize("host, contact, status", [
    ("stranger", None, 403), ("third", f"sip:relay@{RELAY}:5060", 403),
    ("proxy1", None, 403), ("relay", f"sip:relay@{RELAY}:5060", 403),
    ("relay", "sip:relay@203.0.113.66:5080", 403)],
    ids=["stranger", "stranger as the relay", "proxy", "another port",
         "another host"])
def test_who_is_no_relay_does_not_join(site, host, contact, status):
    mallory = site.phone(host, "mallory", register=False,
                         proxy=(REDIRECT, 5060))
    m = mallory.send(register(mallory.ip, mallory.port, contact=contact))
    assert mallory.final(m).status == status
    assert pool(site) == [f"{RELAY}:5060"]


def test_another_cluster_is_not_kept_here(site):
    mallory = site.phone("relay", "mallory", register=False,
                         proxy=(REDIRECT, 5060))
    m = mallory.send(register(mallory.ip, mallory.port, cluster="elsewhere"))
    assert mallory.final(m).status == 403
    assert pool(site) == [f"{RELAY}:5060"]


@pytest.mark.parametrize("host", ["first", "third"])
def test_a_phone_is_no_relay(site, host):
    """Through its proxy it neither registers as one nor asks for one."""
    mallory = site.phone(host, "mallory", proxy=PROXY1)
    m = mallory.send(register(mallory.ip, mallory.port))
    assert mallory.final(m).status == 403
    for method, body in (("OPTIONS", b""), ("MESSAGE", b""),
                         ("INVITE", offer_of(mallory))):
        for uri in (f"sip:relay@{CLUSTER}", f"sip:%72elay@{CLUSTER}",
                    f"sip:relay@{PROXY1};ph-domain={CLUSTER}",
                    f"sip:relay@{RELAY}"):
            m = mallory.request(
                method, uri, body=body, dest=f"<sip:relay@{CLUSTER}>",
                headers=[("Contact", f"<{mallory.contact_uri}>"),
                         ("Content-Type", "application/sdp" if body
                          else None)])
            assert mallory.final(m).status == 404, (method, uri)
    assert pool(site) == [f"{RELAY}:5060"]
    assert site.relay.metric("sessions") == 0


def test_the_requests_of_the_pool_are_in_no_trace(site):
    """They would push the calls out of it."""
    for daemon in (site.proxy1, site.redirect):
        for entry in daemon.api("calls"):
            call_id = entry if isinstance(entry, str) else entry["call_id"]
            text = "".join(e["text"] for e in daemon.trace(call_id))
            assert f"From: <sip:{PROXY1}" not in text
            assert f"Contact: <sip:relay@{RELAY}:5060>;q=" not in text


def test_a_directory_that_no_relay_has_joined_again(net):
    """It has just been restarted; the other one knows the relays, also for a
    proxy that has just been restarted itself."""
    trusted = {"trusted": [f"{RELAY}/32"]}
    directories = [f"{REDIRECT}:5060", f"{REDIRECT}:5070"]
    first = Daemon(net, "redirect", "redirectd", redirectd_conf(pool=trusted))
    Daemon(net, "redirect", "redirectd", redirectd_conf(
        listen=f"udp:{directories[1]}", pool=trusted),
        http=("127.0.0.1", 8061))
    Daemon(net, "relay", "relayd", relayd_conf(
        pool={"redirect": directories, "expires": 60}))
    proxy = Daemon(net, "proxy1", "proxyd", proxyd_conf(
        redirect=directories, relays=["auto"]))
    wait_until(lambda: first.api("relays"), 10, "the relay in both")
    first.restart()
    proxy.restart()
    proxy.wait_metric("relays_usable", lambda n: n == 1)
    assert first.api("relays") == []
