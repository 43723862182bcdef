"""What a proxy wants of a session, in the relay request (proto/README.md,
Options): said by the proxy, obeyed or refused by the relay."""

import pytest

from asking import relay  # noqa: F401
from calls import establish, traced
from robust import deploy  # noqa: F401
from support.net import wait_until
from support.sipmsg import uri_param

NAMES = ("ph-resequence", "ph-learn", "ph-toward")


def asked(site, talk):
    """The options of every relay request of a call: of the offer and of the
    answer."""
    def requests():
        return traced(site.relay, talk.call_id, "in", start="INVITE")

    wait_until(lambda: len(requests()) >= 2, 5, "the answer's request")
    return {tuple(uri_param(m.uri, name) for name in NAMES)
            for m in requests()}


@pytest.mark.parametrize("conf, options", [
    pytest.param({}, (None, None, None), id="nothing"),
    pytest.param({"relay": {"resequence": 60, "learn": "open"}},
                 ("60", "open", None), id="both"),
    pytest.param({"relay": {"resequence": 0}}, ("0", None, None), id="not"),
])
def test_the_proxy_says_what_it_is_configured_for(deploy, conf, options):
    site = deploy(proxyd=conf)
    talk = establish(*site.pair())
    assert asked(site, talk) == {options}
    talk.hang_up()
    site.settled()
    site.unhurt()


def test_the_proxy_says_something_else_after_a_reload(deploy):
    site = deploy()
    alice, bob = site.pair()
    for proxy in (site.proxy1, site.proxy2):
        proxy.configure({**proxy.conf, "relay": {"learn": "strict"}})
        proxy.reload()
        proxy.wait_log("configuration reloaded")
    talk = establish(alice, bob)
    assert asked(site, talk) == {(None, "strict", None)}
    talk.hang_up()
    site.settled()


@pytest.mark.parametrize("options", [
    ";ph-resequence=30", ";ph-learn=strict", ";ph-learn=signalled",
    ";ph-learn=open", ";ph-toward=203.0.113.50", ";ph-future=1"])
def test_the_relay_takes_what_it_knows(relay, options):
    relay = relay()
    assert relay.offer("one", options=options).status == 302
    assert relay.release("one").status == 200
    assert relay.daemon.metric("bad_option") == 0


@pytest.mark.parametrize("options", [
    ";ph-resequence=201", ";ph-resequence=-1", ";ph-resequence",
    ";ph-learn=sometimes", ";ph-learn=", ";ph-toward=phone.example",
    ";ph-toward=0.0.0.0"])
def test_the_relay_refuses_what_is_none(relay, options):
    relay = relay()
    before = relay.figures()
    answer = relay.offer("one", options=options)
    assert (answer.status, answer.reason) == \
        (400, "Bad Option of a Relay Request")
    assert relay.daemon.metric("bad_option") == 1
    assert relay.figures() == before
    assert relay.release("one").status == 481
