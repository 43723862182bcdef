"""Twinkle, another real phone, in its version without a screen, on a host of
the test network.

    alice = Twinkle(net, "first", "alice", PROXY1)
    alice.wait_registered()
    alice.do("call bob")
    alice.wait("far end answered call")
    alice.do("bye")
    alice.wait("call ended")

Remote-controlled as its user would, by its command line. It has no sound: it
sends silence, a packet every 20 ms, and throws away what it gets.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .net import wait_until

TIMEOUT = 15.0

_SOUND = """\
pcm.!default { type null }
ctl.!default { type null }
"""

_SYSTEM = """\
dev_ringtone=alsa:default
dev_speaker=alsa:default
dev_mic=alsa:default
validate_audio_dev=no
play_ringtone=no
play_ringback=no
sip_port={port}
rtp_port={rtp}
"""

# The domain is no name that anybody knows: all requests go to the proxy.
_USER = """\
user_name={user}
user_domain={domain}
registrar={proxy}
auth_name={user}
auth_pass={password}
register_at_startup=yes
registration_time={expires}
outbound_proxy={proxy}
all_requests_to_proxy=yes
sip_transport={transport}
codecs={codecs}
speex_dsp_vad=no
ext_100rel={rel}
"""


class Twinkle:
    """rel: how it takes to RFC 3262: "supported", "required" or "disabled"."""

    def __init__(self, net, host, user, proxy, port=5060, rtp=8000, transport="udp",
                 rel="supported", domain="example.com", expires=3600,
                 codecs="g711u", password=""):
        self.net, self.host, self.user = net, host, user
        self.dir = Path(tempfile.mkdtemp(prefix=f"pinhole-{user}-"))
        self.log_path = self.dir / "screen"
        self.proc = None
        net.own(self)
        (self.dir / ".asoundrc").write_text(_SOUND)
        home = self.dir / ".twinkle"
        home.mkdir()
        (home / "twinkle.sys").write_text(_SYSTEM.format(port=port, rtp=rtp))
        (home / "user.cfg").write_text(_USER.format(
            user=user, domain=domain, proxy=proxy, transport=transport,
            rel=rel, expires=expires, codecs=codecs,
            password=password))
        self._start()

    def _start(self):
        with open(self.log_path, "ab") as screen:
            self.proc = self.net.popen(
                self.host, "twinkle-console", "user.cfg", text=True,
                stdin=subprocess.PIPE, stdout=screen, stderr=screen,
                env={**os.environ, "HOME": str(self.dir)})

    def screen(self):
        """All that it has shown."""
        return self.log_path.read_text(errors="replace")

    def do(self, command):
        """Type one line."""
        self.proc.stdin.write(command + "\n")
        self.proc.stdin.flush()

    def wait(self, text, count=1, timeout=TIMEOUT):
        """Wait until it has shown this `count` times."""
        wait_until(lambda: self.screen().count(text) >= count, timeout,
                   lambda: f"{self.user}: '{text}' {count} times; its "
                           f"screen:\n{self.screen()}")

    def wait_registered(self):
        self.wait("registration succeeded")

    def close(self):
        """As a power failure would: it takes its time to say goodbye."""
        if self.proc is not None:
            self.proc.kill()
            self.proc.wait()
            self.proc.stdin.close()
        shutil.rmtree(self.dir, ignore_errors=True)
