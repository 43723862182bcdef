"""Real phones, without any daemon."""

from registrar import Registrar
from support.net import NAT1, PROXY1, STRANGER
from support.phones import Baresip


def test_two_phones_hear_each_other(net, speech, heard):
    alice = Baresip(net, "third", "alice", says=speech / "alice.wav")
    bob = Baresip(net, "stranger", "bob", says=speech / "bob.wav",
                  answer="manual")
    alice.dial(f"sip:bob@{STRANGER}")
    alice.wait_event("CALL_RINGING")
    bob.wait_event("CALL_INCOMING")
    bob.accept()
    alice.wait_event("CALL_ESTABLISHED")
    bob.wait_event("CALL_ESTABLISHED")
    assert alice.call_id == bob.call_id
    alice.wait_heard(6)
    bob.wait_heard(6)
    alice.hangup()
    alice.wait_event("CALL_CLOSED")
    bob.wait_event("CALL_CLOSED")
    assert heard(speech / "alice.wav", bob.heard())[0] > 0.9
    assert heard(speech / "bob.wav", alice.heard())[0] > 0.9
    assert heard(speech / "alice.wav", alice.heard())[0] < 0.5


def test_a_phone_behind_a_nat_registers(net):
    registrar = Registrar(net)
    alice = Baresip(net, "first", "alice", PROXY1, password="secret")
    alice.wait_registered()
    asked, again = registrar.seen
    assert asked.source[0] == NAT1
    assert asked.get("Via").split()[1].startswith("10.0.0.16:5060")
    assert 'username="alice"' in again.get("Authorization")
    alice.stop()
    registrar.wait_for(lambda: len(registrar.seen) > 2, what="unregister")
    assert "expires=0" in registrar.seen[2].get("Contact")
