"""baresip, a real phone without a screen, on a host of the test network.

    alice = Baresip(net, "first", "alice", PROXY1, says="alice.wav")
    alice.wait_registered()
    call = alice.dial("sip:bob@example.com")
    alice.wait_event("CALL_ESTABLISHED")
    alice.wait_heard(6.0)
    alice.hangup()
    alice.wait_event("CALL_CLOSED")

Remote-controlled over its ctrl_tcp module (JSON in netstrings).
"""

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
import wave
from pathlib import Path

from .net import ADDRESS, end_process, wait_until

TIMEOUT = 15.0

_MODULES = ("g711", "aufile", "sndfile")
_APPS = ("account", "contact", "menu", "ctrl_tcp")
_MODULE_DIRS = ("/usr/lib/baresip/modules",
                "/usr/lib/x86_64-linux-gnu/baresip/modules",
                "/usr/local/lib/baresip/modules")

_CONFIG = """\
poll_method epoll
sip_listen {ip}:{port}
net_interface eth0
audio_source aufile,{says}
audio_player nil
audio_alert nil
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
call_max_calls 4
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 1-10
snd_path {recordings}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
"""


def netstring(data):
    return b"%d:%s," % (len(data), data)


def read_netstring(buffer):
    """(one netstring's content or None, the rest of the buffer)."""
    length, colon, rest = buffer.partition(b":")
    if not colon:
        return None, buffer
    size = int(length)
    if len(rest) <= size:
        return None, buffer
    if rest[size:size + 1] != b",":
        raise ValueError("broken netstring from baresip")
    return rest[:size], rest[size + 1:]


def seconds_recorded(path):
    """How many seconds of audio a WAV file that is being written holds."""
    try:
        return max(0, path.stat().st_size - 44) / 16000
    except OSError:
        return 0.0


class Baresip:
    """proxy None: no outbound proxy, no registration. says is an 8 kHz mono
    WAV for the microphone; baresip ends a call at the end of it, so silence
    is added. params: more of the account line (";medianat=…")."""

    def __init__(self, net, host, user, proxy=None, says=None, port=5060,
                 domain="example.com", answer="auto", regint=None,
                 password=None, params="", control=4444, rtp=4000,
                 start=True):
        self.net, self.host, self.user, self.domain = net, host, user, domain
        self.control = control
        self.answer, self.params = answer, params
        self.password = password
        self.proxy = proxy
        self.regint = (600 if proxy else 0) if regint is None else regint
        self.dir = Path(tempfile.mkdtemp(prefix=f"pinhole-{user}-",
                                         dir=net.folder))
        self.recordings = self.dir / "recordings"
        self.recordings.mkdir()
        self.log_path = self.dir / "log"
        self.events = []
        self._answers = []
        self._changed = threading.Condition()
        self._socket = None
        self._reader = None
        self.proc = None
        net.own(self)
        self._microphone(says)
        self._configure(port, rtp)
        if start:
            self.start()

    def _microphone(self, says):
        """What it says, then a minute of silence; only silence for None."""
        frames = b""
        if says:
            with wave.open(str(says)) as w:
                if (w.getframerate(), w.getnchannels(),
                        w.getsampwidth()) != (8000, 1, 2):
                    raise ValueError(f"{says}: not 8 kHz mono 16 bit")
                frames = w.readframes(w.getnframes())
        self.said_path = self.dir / "microphone.wav"
        with wave.open(str(self.said_path), "wb") as w:
            w.setframerate(8000)
            w.setnchannels(1)
            w.setsampwidth(2)
            w.writeframes(frames + bytes(16000 * 60))

    def _configure(self, port, rtp):
        modules = next((d for d in _MODULE_DIRS if Path(d).is_dir()), None)
        if modules is None:
            raise FileNotFoundError("no baresip modules: "
                                    "apt-get install baresip-core")
        config = _CONFIG.format(
            ip=ADDRESS[self.host], port=port, says=self.said_path, rtp=rtp,
            rtp_end=rtp + 90, recordings=self.recordings,
            control=self.control, modules=modules)
        config += "".join(f"module {m}.so\n" for m in _MODULES)
        config += "".join(f"module_app {m}.so\n" for m in _APPS)
        (self.dir / "config").write_text(config)
        account = f"<sip:{self.user}@{self.domain}>;regint={self.regint}"
        if self.proxy:
            account += f';outbound="sip:{self.proxy}"'
        if self.password:
            account += f";auth_pass={self.password}"
        account += f";answermode={self.answer};audio_codecs=PCMU/8000/1"
        (self.dir / "accounts").write_text(account + self.params + "\n")
        (self.dir / "contacts").write_text("")

    def start(self):
        with open(self.log_path, "ab") as log:
            self.proc = self.net.popen(self.host, "baresip", "-f", self.dir,
                                       "-v", stdout=log, stderr=log)
        wait_until(self._connect, TIMEOUT,
                   lambda: f"baresip {self.user} up; its log:\n{self.log()}")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _connect(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"baresip {self.user} ended:\n{self.log()}")
        try:
            self._socket = self.net.tcp(self.host,
                                        ("127.0.0.1", self.control))
        except ConnectionError:
            return False
        self._socket.settimeout(None)
        return True

    def _read(self):
        buffer = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            item, buffer = read_netstring(buffer)
            while item is not None:
                self._take(json.loads(item))
                item, buffer = read_netstring(buffer)

    def _take(self, item):
        with self._changed:
            (self.events if item.get("event") else self._answers).append(item)
            self._changed.notify_all()

    def log(self):
        """What it printed, without the bit rates shown five times a second
        and without colours."""
        try:
            text = self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return re.sub(r"\s*\r?\[\d+:\d\d:\d\d\] audio=.*|\x1b\[[\d;]*m",
                      "", text)

    # Control.

    def command(self, name, params="", timeout=TIMEOUT):
        """One command of baresip's menu; returns what it printed."""
        token = f"{name}-{time.monotonic_ns()}"
        text = json.dumps({"command": name, "params": params, "token": token})
        self._socket.sendall(netstring(text.encode()))
        return self._wait(
            lambda: next((a for a in self._answers
                          if a.get("token") == token), None),
            timeout, f"answer to {name}").get("data", "")

    def dial(self, uri):
        return self.command("dial", uri)

    def hangup(self):
        return self.command("hangup")

    def accept(self):
        """Answer the ringing call (answer="manual" only)."""
        return self.command("accept")

    def hold(self):
        return self.command("hold")

    def resume(self):
        return self.command("resume")

    def _wait(self, predicate, timeout, what):
        with self._changed:
            value = self._changed.wait_for(predicate, timeout)
        if not value:
            kinds = ", ".join(e["type"] for e in self.events) or "none"
            raise TimeoutError(f"{self.user}: not within {timeout} s: {what}; "
                               f"events: {kinds}; log:\n{self.log()}")
        return value

    def event(self, kind):
        """The latest event of a type (CALL_ESTABLISHED, …), or None."""
        with self._changed:
            return next((e for e in reversed(self.events)
                         if e["type"] == kind), None)

    def wait_event(self, kind, count=1, timeout=TIMEOUT):
        """Wait until there were `count` events of a type; the latest."""
        def look():
            got = [e for e in self.events if e["type"] == kind]
            return got[-1] if len(got) >= count else None
        return self._wait(look, timeout, kind)

    def wait_registered(self, timeout=TIMEOUT):
        # The registration may be over before the control connection is.
        wait_until(lambda: self.event("REGISTER_OK") or "OK" in
                   self.command("reginfo"), timeout,
                   lambda: f"{self.user} registered; its log:\n{self.log()}")

    @property
    def call_id(self):
        """The Call-ID of the latest call an event told of."""
        with self._changed:
            return next((e["id"] for e in reversed(self.events)
                         if e.get("class") == "call" and "id" in e), None)

    # What was said and heard.

    def _recordings(self, side):
        return sorted(self.recordings.glob(f"dump-*-{side}.wav"))

    def heard(self):
        """The WAV file of what it heard in its latest call, or None."""
        found = self._recordings("dec")
        return found[-1] if found else None

    def said(self):
        """The WAV file of what it said in its latest call, or None."""
        found = self._recordings("enc")
        return found[-1] if found else None

    def wait_heard(self, seconds, timeout=30.0):
        """Wait until it has heard (anything) for so long."""
        wait_until(lambda: self.heard()
                   and seconds_recorded(self.heard()) >= seconds, timeout,
                   lambda: f"{self.user} hears {seconds} s; heard "
                           f"{self.heard() and seconds_recorded(self.heard())}",
                   interval=0.1)

    def stop(self):
        """End it as its user would: it unregisters first."""
        if self.proc is not None and self.proc.poll() is None:
            self.proc.terminate()
            try:
                self.proc.wait(5.0)
            except subprocess.TimeoutExpired:
                pass

    def kill(self):
        """End it as a power failure would."""
        self.proc.kill()
        self.proc.wait()

    def close(self):
        self.stop()
        if self.proc is not None:
            end_process(self.proc)
        if self._socket is not None:
            self._socket.close()
        if self._reader is not None:
            self._reader.join(5.0)
        shutil.rmtree(self.dir, ignore_errors=True)
