"""REGISTERs that are wrong in one way each, and what they get: the status from
redirectd, asked as its proxy does, and through proxyd, as a phone does. Behind
them those that are odd, and good."""

from support.sipmsg import token

ODD_USER = "dave"
AOR = "sip:alice@example.com"
CONTACT = "<sip:alice@192.0.2.9:5090>"
START = "REGISTER sip:example.com SIP/2.0"
INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"'
DROPPED = 0    # no answer: no SIP request, or none that could be answered
UNSENT = None  # a phone cannot say this, or its proxy would make it good


class Case:
    """`heads`: headers in place of the usual ones, by name with _ for -: a
    text, several of them, or None for none. `end`: what stands behind them.
    `raw`: what becomes of all the bytes in the end."""

    def __init__(self, name, status, through=..., start=START, end="",
                 raw=None, says=None, **heads):
        self.name, self.status = name, status
        self.through = status if through is ... else through
        self.start, self.end, self.says = start, end, says
        self.raw = raw or (lambda text: text)
        self.heads = {k.strip("_").replace("_", "-"): v
                      for k, v in heads.items()}

    def build(self, via, path=None):
        """(bytes, branch)"""
        branch = token("z9hG4bK")
        heads = {"Path": path, "Via": f"{via};branch={branch}",
                 "Max-Forwards": "70", "From": f"<{AOR}>;tag={token()}",
                 "To": f"<{AOR}>", "Call-ID": token("bad"),
                 "CSeq": "2 REGISTER", "Contact": CONTACT, "Expires": "600",
                 "Content-Length": "0", **self.heads}
        lines = [self.start]
        for name, value in heads.items():
            for v in [value] if isinstance(value, str) else value or []:
                lines.append(f"{name}: {v.replace('BRANCH', branch)}")
        text = "\r\n".join(lines) + "\r\n" + self.end + "\r\n"
        return self.raw(text.encode("utf-8", "surrogateescape")), branch


def contact(name, value, status=400, **kw):
    return Case(f"contact: {name}", status, Contact=value, **kw)


def uri(name, value, status=400, **kw):
    return Case(f"contact: {name}", status, Contact=f"<{value}>", **kw)


def param(name, value, status=400, **kw):
    return Case(f"contact: {name}", status, Contact=CONTACT + value, **kw)


STAR = [
    Case("star, Expires 60", 400, Contact="*", Expires="60"),
    Case("star, no Expires", 400, Contact="*", Expires=None),
    Case("star, Expires of the highest", 400, Contact="*",
         Expires="4294967295"),
    Case("star and a contact", 400, Contact=["*", CONTACT], Expires="0"),
    Case("a contact and star", 400, Contact=[CONTACT, "*"], Expires="0"),
    Case("star and a contact on one line", 400, Contact=f"*, {CONTACT}",
         Expires="0"),
    Case("two stars", 400, Contact=["*", "*"], Expires="0"),
    Case("star with expires=0", 400, Contact="*;expires=0", Expires=None),
    Case("star with expires=0 and Expires 0", 400, Contact="*;expires=0",
         Expires="0"),
    Case("star with q", 400, Contact="*;q=0.5", Expires="0"),
    Case("star with a name", 400, Contact='"all" *', Expires="0"),
    Case("star and more", 400, Contact="*x", Expires="0"),
]

CONTACTS = [
    contact("tel", "<tel:+49891234>"),
    contact("mailto", "<mailto:alice@example.com>"),
    contact("http", "<http://example.com/>"),
    contact("urn", "<urn:uuid:1>"),
    contact("no scheme", "<alice@192.0.2.9>"),
    contact("a word", "alice"),
    contact("empty", ""),
    contact("empty brackets", "<>"),
    contact("a comma", ","),
    contact("two without a comma", f"{CONTACT} {CONTACT}"),
    contact("nothing but parameters", ";expires=60"),
    uri("no host", "sip:"),
    uri("no host behind the user", "sip:alice@"),
    uri("no host before the port", "sip:alice@:5060"),
    uri("no user before the at", "sip:@192.0.2.9"),
    uri("open bracket", "sip:alice@[2001:db8::9"),
    uri("no address in brackets", "sip:alice@[2001::db8::9]"),
    uri("port 65536", "sip:alice@192.0.2.9:65536"),
    uri("port 0", "sip:alice@192.0.2.9:0"),
    uri("port of letters", "sip:alice@192.0.2.9:sip"),
    uri("port below 0", "sip:alice@192.0.2.9:-1"),
    uri("blank", "sip:al ice@192.0.2.9"),
    uri("broken escape", "sip:al%zzice@192.0.2.9"),
    uri("half an escape", "sip:alice%4@192.0.2.9"),
    uri("quote", 'sip:al"ice@192.0.2.9'),
    uri("bracket", "sip:al<ice@192.0.2.9"),
    uri("8 bits", "sip:\u00e4lice@192.0.2.9"),
    uri("8 bits in the host", "sip:alice@\u00e4.example.com"),
    uri("no UTF-8", "sip:al\udcffice@192.0.2.9"),
    uri("control character", "sip:al\x01ice@192.0.2.9"),
    uri("NUL", "sip:al\0ice@192.0.2.9"),
    uri("DEL", "sip:al\x7fice@192.0.2.9"),
    uri("path behind", "sip:alice@192.0.2.9/x"),
    uri("fragment", "sip:alice@192.0.2.9#x"),
    uri("600 characters", f"sip:{'a' * 600}@192.0.2.9"),
    uri("a parameter of 600", f"sip:alice@192.0.2.9;x={'a' * 600}"),
    uri("60,000 characters", f"sip:{'a' * 60000}@192.0.2.9"),
    contact("not closed", "<sip:alice@192.0.2.9"),
    contact("not opened", "sip:alice@192.0.2.9>"),
    contact("name not closed", f'"alice {CONTACT}'),
    contact("headers without brackets", "sip:alice@192.0.2.9?Subject=x"),
    Case("contact: a good one and one without host", 400,
         Contact=[CONTACT, "<sip:>"]),
    Case("contact: a good one and no SIP URI", 400,
         Contact=f"{CONTACT}, <tel:+49891234>"),
    Case("contact: a good one and one too short", 423,
         Contact=[CONTACT, "<sip:alice@192.0.2.8>;expires=1"],
         says="Min-Expires"),
    Case("contact: a removal and one without host", 400,
         Contact=["<sip:alice@192.0.2.1>;expires=0", "<sip:>"]),
]

PARAMETERS = [
    param("expires twice", ";expires=60;expires=0"),
    param("q twice", ";q=0.1;q=0.2"),
    param("instance twice", f";+sip.instance={INSTANCE}" * 2),
    param("reg-id twice", f";reg-id=1;reg-id=2;+sip.instance={INSTANCE}"),
    param("q beyond 1", ";q=1.1"),
    param("q of 2", ";q=2"),
    param("q of 1000", ";q=1000"),
    param("q below 0", ";q=-0.5"),
    param("q with a sign", ";q=+0.5"),
    param("q of letters", ";q=high"),
    param("q empty", ";q="),
    param("q quoted", ';q="0.5"'),
    param("q of hexadecimal digits", ";q=0x1"),
    param("q with two points", ";q=0.5.5"),
    param("instance without quotes", ";+sip.instance=<urn:uuid:1>"),
    param("instance empty", ';+sip.instance=""'),
    param("instance without value", ";+sip.instance"),
    param("instance of 200", f';+sip.instance="<urn:uuid:{"0" * 200}>"'),
    param("instance with an escape", ';+sip.instance="a\\"b"'),
    param("instance not closed", ';+sip.instance="<urn:uuid:1>'),
    param("reg-id 0", f";reg-id=0;+sip.instance={INSTANCE}"),
    param("reg-id 2^31", f";reg-id=2147483648;+sip.instance={INSTANCE}"),
    param("reg-id 2^32+1", f";reg-id=4294967297;+sip.instance={INSTANCE}"),
    param("reg-id of letters", f";reg-id=one;+sip.instance={INSTANCE}"),
    param("reg-id below 0", f";reg-id=-1;+sip.instance={INSTANCE}"),
    param("reg-id empty", f";reg-id=;+sip.instance={INSTANCE}"),
    param("300 parameters", ";a=b" * 300, 513),
]

EXPIRES = [
    Case("Expires of letters", 400, Expires="soon"),
    Case("Expires below 0", 400, Expires="-1"),
    Case("Expires empty", 400, Expires=""),
    Case("Expires of hexadecimal digits", 400, Expires="0x10"),
    Case("Expires 2^32", 400, Expires="4294967296"),
    Case("Expires of 30 digits", 400, Expires="9" * 30),
    Case("Expires twice", 400, Expires=["600", "0"]),
    Case("Expires below expires.min", 423, Expires="59", says="Min-Expires"),
    Case("Expires 1", 423, Expires="1", says="Min-Expires"),
    Case("expires below expires.min", 423,
         Contact=f"{CONTACT};expires=59", says="Min-Expires"),
]

IDENTITY = [
    Case("To missing", 400, To=None),
    Case("To empty", 400, To=""),
    Case("To twice", 400, To=[f"<{AOR}>", "<sip:bob@example.com>"]),
    Case("To of two", 400, To=f"<{AOR}>, <sip:bob@example.com>"),
    Case("To tel", 400, To="<tel:+49891234>"),
    Case("To mailto", 400, To="<mailto:alice@example.com>"),
    Case("To without scheme", 400, To="<alice@example.com>"),
    Case("To without user", 400, To="<sip:example.com>"),
    Case("To with an empty user", 400, To="<sip:@example.com>"),
    Case("To without host", 400, To="<sip:alice@>"),
    Case("To of 300", 400, To=f"<sip:{'a' * 300}@example.com>"),
    Case("To of 60,000", 400, To=f"<sip:{'a' * 60000}@example.com>"),
    Case("To of a host of 300", 400, through=404,
         To=f"<sip:alice@{'a' * 300}.example.com>"),
    Case("To with a broken escape", 400, To="<sip:al%6ice@example.com>"),
    Case("To with 8 bits", 400, To="<sip:\u00e4lice@example.com>"),
    Case("To with a blank", 400, To="<sip:al ice@example.com>"),
    Case("To with headers", 400, To=f"{AOR}?Subject=x"),
    Case("To of a host that is none", 400, through=404,
         To="<sip:alice@exam_ple!.com>"),
    Case("From missing", 400, From=None),
    Case("From empty", 400, From=""),
    Case("From twice", 400, From=[f"<{AOR}>;tag=a", f"<{AOR}>;tag=b"]),
    Case("From broken", 400, From=f"<{AOR};tag=a"),
    Case("Call-ID missing", 400, Call_ID=None),
    Case("Call-ID empty", 400, Call_ID=""),
    Case("Call-ID twice", 400, Call_ID=["one", "two"]),
    Case("Call-ID of two words", 400, Call_ID="one two"),
    Case("Call-ID of 300", 400, Call_ID="c" * 300),
    Case("Call-ID of 60,000", 400, Call_ID="c" * 60000),
    Case("CSeq missing", DROPPED, CSeq=None),
    Case("CSeq empty", DROPPED, CSeq=""),
    Case("CSeq without number", 400, CSeq="REGISTER"),
    Case("CSeq without method", 400, CSeq="2"),
    Case("CSeq of another method", 400, CSeq="2 INVITE"),
    Case("CSeq of letters", 400, CSeq="two REGISTER"),
    Case("CSeq below 0", 400, CSeq="-1 REGISTER"),
    Case("CSeq 2^31", 400, CSeq="2147483648 REGISTER"),
    Case("CSeq 2^32", 400, CSeq="4294967296 REGISTER"),
    Case("CSeq 2^32+2", 400, CSeq="4294967298 REGISTER"),
    Case("CSeq of 30 digits", 400, CSeq="9" * 30 + " REGISTER"),
    Case("CSeq twice", 400, CSeq=["2 REGISTER", "3 REGISTER"]),
    Case("out of order", 500, through=UNSENT, Call_ID="held-alice",
         CSeq="5 REGISTER", Contact="<sip:alice@192.0.2.1>"),
    Case("out of order: a removal", 500, through=UNSENT,
         Call_ID="held-alice", CSeq="4 REGISTER",
         Contact="<sip:alice@192.0.2.1>", Expires="0"),
    Case("out of order: star", 500, Call_ID="held-alice", CSeq="5 REGISTER",
         Contact="*", Expires="0"),
]

ROUTE = [
    Case("Path missing", 400, through=UNSENT, Path=None),
    Case("Path empty", 400, through=UNSENT, Path=""),
    Case("Path broken", 400, through=UNSENT, Path="<sip:203.0.113.1"),
    Case("Path of a phone broken", UNSENT, through=400,
         Path="<sip:203.0.113.1"),
    Case("Path that is a name", 400, through=UNSENT,
         Path="<sip:proxy.example.com;lr>"),
    Case("Path of 2,000", 400, through=UNSENT, Path=[
        "<sip:203.0.113.1:5060;lr>", f"<sip:{'p' * 2000}@192.0.2.1;lr>"]),
    Case("Path of a phone of 2,000", UNSENT, through=400,
         Path=f"<sip:{'p' * 2000}@192.0.2.1;lr>"),
    Case("Path that is no SIP URI", 400, Path="<tel:+49891234>"),
    Case("Via missing", DROPPED, Via=None),
    Case("Via empty", DROPPED, Via=""),
    Case("Via of letters", DROPPED, Via="proxy;branch=BRANCH"),
    Case("300 Vias", DROPPED,
         Via=[f"SIP/2.0/UDP 192.0.2.{i % 200}:5060;branch=z9hG4bK{i}"
              for i in range(300)]),
    Case("300 Vias on one line", 513, UNSENT, Via=", ".join(
        ["SIP/2.0/UDP 203.0.113.1:5070;branch=BRANCH"] +
        [f"SIP/2.0/UDP 192.0.2.{i % 200}:5060;branch=z9hG4bK{i}"
         for i in range(300)])),
    Case("Max-Forwards below 0", 400, Max_Forwards="-1"),
    Case("Max-Forwards 256", 400, Max_Forwards="256"),
    Case("Max-Forwards of letters", 400, Max_Forwards="many"),
    Case("Max-Forwards used up", UNSENT, through=483, Max_Forwards="0"),
    Case("Require of what nobody has", 420, Require="gruu, x-none",
         says="Unsupported"),
    Case("Proxy-Require of what nobody has", UNSENT, through=420,
         Proxy_Require="x-none", says="Unsupported"),
    Case("outbound, not through the first hop", 439, through=UNSENT,
         Supported="path, outbound",
         Contact=f"{CONTACT};reg-id=1;+sip.instance={INSTANCE}"),
    Case("a domain that is not served", UNSENT, through=404,
         To="<sip:alice@example.net>"),
    Case("name of the relays", 403, To="<sip:relay@pinhole>", through=404),
]

SIZE = [
    Case("11 contacts", 403, Contact=[
        f"<sip:alice@192.0.2.{i}>" for i in range(11)]),
    Case("100 contacts", 403, Contact=[
        f"<sip:alice@192.0.2.{i}>" for i in range(100)]),
    Case("200 contacts on one line", 403, Contact=", ".join(
        f"<sip:alice@192.0.2.{i}>" for i in range(200))),
    Case("300 contacts", 513, Contact=[
        f"<sip:alice@192.0.2.1:{6000 + i}>" for i in range(300)]),
    Case("2,000 contacts on one line", 513, Contact=", ".join(
        f"<sip:alice@192.0.2.1:{6000 + i}>" for i in range(2000))),
    Case("1,000 header lines", 513, end="X: y\r\n" * 1000),
    Case("1,000 continuation lines", 513,
         end="Subject: x\r\n" + " y\r\n" * 1000),
    Case("60,000 blanks", 400, end=" " * 60000 + "\r\n", through=400,
         Contact="sip:alice@192.0.2.9 x"),
    Case("10,000 nested brackets", 400, Contact="<" * 10000),
    Case("10,000 quotes", 400, Contact='"' * 10001),
    Case("10,000 escaped quotes", 400, Contact='"' + '\\"' * 10000),
]

SHAPE = [
    Case("Content-Length beyond the end", 400, Content_Length="10"),
    Case("Content-Length below 0", 400, Content_Length="-1"),
    Case("Content-Length of letters", 400, Content_Length="x"),
    Case("Content-Length of 30 digits", 400, Content_Length="9" * 30),
    Case("Content-Length twice", 400, Content_Length=["0", "5"]),
    Case("Authorization broken", 400, Authorization=""),
    Case("line without colon", 400, end="nonsense\r\n"),
    Case("colon without name", 400, end=": nonsense\r\n"),
    Case("control character", 400, Subject="a\x01b"),
    Case("NUL", 400, Subject="a\0b"),
    Case("CR alone", 400, Subject="a\rb"),
    Case("version 3.0", 505, start="REGISTER sip:example.com SIP/3.0"),
    Case("version of letters", 400, start="REGISTER sip:example.com SIP/two"),
    Case("no version", 400, start="REGISTER sip:example.com"),
    Case("two blanks", 400, start="REGISTER  sip:example.com SIP/2.0"),
    Case("URI in brackets", 400, start="REGISTER <sip:example.com> SIP/2.0"),
    Case("URI with headers", 400,
         start="REGISTER sip:example.com?a=b SIP/2.0"),
    Case("method of small letters", 404, start="register sip:example.com "
         "SIP/2.0", CSeq="2 register"),
    Case("line ends without CR", 400,
         raw=lambda text: text.replace(b"\r\n", b"\n")),
    Case("no empty line", 400, raw=lambda text: text[:-2]),
    Case("first header folded", DROPPED, start=START + "\r\n x"),
    Case("a response", DROPPED, start="SIP/2.0 200 OK"),
    Case("no SIP", DROPPED, raw=lambda text: b"GET / HTTP/1.1\r\n\r\n"),
    Case("cut off", DROPPED, raw=lambda text: text[:20]),
    Case("noise", DROPPED, raw=lambda text: bytes(b ^ 0x5a for b in text)),
]

BAD = [*STAR, *CONTACTS, *PARAMETERS, *EXPIRES, *IDENTITY, *ROUTE, *SIZE,
       *SHAPE]


class Odd(Case):
    """One that is borne: `granted` seconds, of each of `n` contacts."""

    def __init__(self, name, granted=600, n=1, through=..., **kw):
        kw.setdefault("To", f"<sip:{ODD_USER}@example.com>")
        super().__init__(name, 200, through, **kw)
        self.granted, self.n = granted, n


# RFC 3261 20.10: malformed values are as good as none.
_NO_EXPIRES = ("soon", "-1", "+5", "0x10", "5s", "1e3", '"60"')

GOOD = [
    *[Odd(f"expires={text}", 3600, Contact=f"{CONTACT};expires={text}",
          Expires=None) for text in _NO_EXPIRES],
    *[Odd(f"expires={text}, Expires 600", 600, Expires="600",
          Contact=f"{CONTACT};expires={text}") for text in _NO_EXPIRES],
    *[Odd(f"expires={text}", 7200, Contact=f"{CONTACT};expires={text}",
          Expires=None) for text in ("4294967295", "4294967296", "9" * 30)],
    Odd("Expires 2^32-1", 7200, Expires="4294967295"),
    Odd("neither", 3600, Expires=None),
    Odd("a date of old", 3600, Expires="Thu, 01 Dec 1994 16:00:00 GMT"),
    Odd("Expires 0060", 60, Expires="0060"),
    Odd("expires of two contacts", 60, 2, Contact=[
        f"{CONTACT};expires=60", "<sip:alice@192.0.2.8>;expires=60"]),
    Odd("one contact ten times", 600, 1, Contact=[CONTACT] * 10),
    Odd("a comma too many", Contact=f"{CONTACT},"),
    Odd("no port behind the colon", Contact="<sip:alice@192.0.2.9:>"),
    Odd("slashes of the user", Contact="<sip://alice@192.0.2.9>"),
    Odd("without brackets", Contact="sip:alice@192.0.2.9"),
    Odd("with a name", Contact=f'"\u00c4lice \\"A\\"" {CONTACT}'),
    Odd("a host that is a name", Contact="<sip:alice@phone.example.com>"),
    Odd("IPv6", Contact="<sip:alice@[2001:db8::9]:5060>"),
    Odd("sips", Contact="<sips:alice@192.0.2.9>"),
    *[Odd(f"q={q}", Contact=f"{CONTACT};q={q}")
      for q in ("0", "1", "0.", "1.0", "1.000", "0.5", ".5", "0.12345")],
    Odd("reg-id without instance", Contact=f"{CONTACT};reg-id=1"),
    Odd("parameters of no meaning", Contact=f"{CONTACT};a;b=c;a;b=d"),
    Odd("From without tag", From=f"<{AOR}>"),
    Odd("From of somebody else", From="<sip:bob@example.com>;tag=x"),
    Odd("CSeq 0", CSeq="0 REGISTER"),
    Odd("CSeq 2^31-1", CSeq="2147483647 REGISTER"),
    Odd("CSeq with many blanks", CSeq="2      REGISTER"),
    Odd("Call-ID of 255", Call_ID="c" * 255),
    Odd("no hops left", through=UNSENT, Max_Forwards="0"),
    Odd("no Max-Forwards", Max_Forwards=None),
    Odd("60 Vias", through=UNSENT, Via=[
        "SIP/2.0/UDP 203.0.113.1:5070;branch=BRANCH"] +
        [f"SIP/2.0/UDP 192.0.2.{i}:5060;branch=z9hG4bK{i}"
         for i in range(59)]),
    Odd("a subject of 20,000", Subject="s" * 20000),
    Odd("200 folds", end="Subject: x\r\n" + " y\r\n" * 200),
    Odd("200 header lines", end="X: y\r\n" * 200),
    Odd("8 bits where nobody looks", end="X-Odd: \u00e4\udcff\r\n"),
    Odd("a body", end="Content-Type: text/plain\r\n", Content_Length="2",
        raw=lambda text: text + b"hi"),
    Odd("a Path of the phone", through=UNSENT, Path=[
        "<sip:203.0.113.1:5060;lr>", "<sip:203.0.113.66:5060;lr>"]),
]
