# SPDX-License-Identifier: Apache-2.0
"""VRRP packets made by hand, octet by octet, right or wrong, sent from a host at a rate.

    rogue = Forge(pair, pair.client)
    stream = rogue.stream(Advert(priority=200, ttl=254))        # every 0.9 s, until stream.kill()
    rogue.send(Advert(auth=Hmac(key=KEY, offset=-6)), count=2)  # returns when they are out
    takes_over(agent, counter="ip_ttl_err")                     # or stays_backup(agent)

An Advert is what a keepalived would send, and every field can be said otherwise. It leaves as Ethernet frames through
a packet socket, so that neither the kernel's idea of a source address nor its checksums are in the way. The same file
is the program that runs on the host. What was sent is no evidence that it was heard: ask the agent's counters."""

import dataclasses
import hashlib
import hmac
import ipaddress
import json
import math
import socket
import struct
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib.wait import until  # noqa: E402

GROUP4, GROUP6 = "224.0.0.18", "ff02::12"
VIP = "192.168.1.100"
MTU = 1500
# Not every counter of an instance is of refusals.
REFUSALS = {"packet_len_err", "vrid_err", "proto_err", "ip_ttl_err", "vers_err", "invalid_type_rcvd",
            "invalid_authtype", "authtype_mismatch", "auth_failure", "advert_interval_err", "advert_interval_zero",
            "chk_err", "cast_err", "own_src", "addr_count_zero", "unknown_peer", "auth_ext_malformed",
            "auth_ext_stale", "auth_ext_unknown_key", "auth_ext_invalid_hmac", "auth_ext_replay", "auth_ext_missing"}


def csum(data):
    """RFC 1071: of an even or odd number of octets; 0 for data that holds its own right checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


@dataclasses.dataclass(frozen=True)
class Hmac:
    """An auth_hmac trailer. Without `seq`, each packet gets a new one from the clock, `offset` seconds off."""

    key: bytes
    id: int = 1
    offset: float = 0.0
    seq: int | None = None
    type: int = 1
    reserved: int = 0


@dataclasses.dataclass(frozen=True)
class Advert:
    """One advert. The family is that of `src`."""

    src: str = "192.168.1.50"
    dst: str | None = None  # the group of the family
    dst_mac: str | None = None  # Host.mac() of the receiver; None: dst is a group
    version: int = 3
    type: int = 1
    vrid: int = 51
    priority: int = 200
    vips: tuple = (VIP,)
    count: int | None = None  # what the Count field says, if not the number of VIPs
    interval: float = 1.0  # seconds
    rsvd: int = 0  # version 3: the nibble before Max Adver Int
    auth_type: int | None = None  # version 2: 1 with a password, else 0
    password: bytes | None = None
    auth: Hmac | None = None
    checksum: str = "pseudo"  # version 3 on IPv4: pseudo, plain, or group (pseudo-header with the group as destination)
    flip: tuple = ()  # (octet, mask) of the VRRP message with its trailer, after all checksums
    cut: int = 0  # so many octets are missing at the end
    tail: bytes = b""  # behind everything, and in the IP length
    pad: bytes = b""  # behind everything, not in the IP length: Ethernet padding
    message: bytes | None = None  # instead of all of that
    ttl: int = 255
    tos: int = 0xc0
    ip_id: int = 1
    protocol: int = 112
    fragment: int = 0  # flags and offset of a single packet, as they stand in the header
    options: bytes = b""  # IP options, a multiple of four
    mtu: int = MTU  # larger packets leave in fragments (IPv4)
    total_length: int | None = None  # what the IP header says

    @property
    def family(self):
        return ipaddress.ip_address(self.src).version

    @property
    def _dst(self):
        return self.dst or (GROUP4 if self.family == 4 else GROUP6)

    def _vrrp(self, checksum=0):
        """The VRRP message without trailer."""
        count = len(self.vips) if self.count is None else self.count
        head = struct.pack("!BBBB", self.version << 4 | self.type, self.vrid, self.priority, count)
        if self.version == 2:
            auth_type = (0 if self.password is None else 1) if self.auth_type is None else self.auth_type
            head += struct.pack("!BB", auth_type, round(self.interval) & 0xff)
        else:
            head += struct.pack("!H", self.rsvd << 12 | round(self.interval * 100) & 0xfff)
        body = b"".join(ipaddress.ip_address(v).packed for v in self.vips)
        if self.version == 2:
            body += (self.password or b"")[:8].ljust(8, b"\0")
        return head + struct.pack("!H", checksum) + body

    def _trailer(self):
        if not self.auth:
            return b""
        a, seq = self.auth, self.auth.seq
        if seq is None:
            ns = time.time_ns() + round(a.offset * 1e9)
            seq = ns // 10**9 % 2**32 << 32 | ns % 10**9 * 65536 // 10**9 << 16
        ext = struct.pack("!BBHQ", a.type, a.id, a.reserved, seq)
        pseudo = bytes([self.family, self.version, self.vrid, 0])
        pseudo += ipaddress.ip_address(self.src).packed.ljust(16, b"\0")
        return ext + hmac.new(a.key, pseudo + self._vrrp() + ext + bytes(16), hashlib.sha256).digest()[:16]

    def payload(self):
        """What stands behind the IP header."""
        if self.message is not None:
            return self.message + self.tail
        trailer, covered = self._trailer(), self._vrrp()
        src, dst = (ipaddress.ip_address(a).packed for a in (self.src, self._dst))
        if self.family == 6:
            covered += trailer
            covered = src + dst + struct.pack("!IxxxB", len(covered), 112) + covered
        elif self.version != 2 and self.checksum != "plain":
            if self.checksum == "group":
                dst = ipaddress.ip_address(GROUP4).packed
            covered = src + dst + struct.pack("!BBH", 0, 112, len(covered)) + covered
        data = bytearray(self._vrrp(csum(covered)) + trailer)
        for octet, mask in self.flip:
            data[octet] ^= mask
        return bytes(data[:len(data) - self.cut]) + self.tail

    def _ip4(self, data, fragment, total_length=None):
        head_len = 20 + len(self.options)
        head = struct.pack("!BBHHHBBH", 0x40 | head_len // 4, self.tos, total_length or head_len + len(data),
                           self.ip_id, fragment, self.ttl, self.protocol, 0)
        head += ipaddress.ip_address(self.src).packed + ipaddress.ip_address(self._dst).packed + self.options
        return head[:10] + struct.pack("!H", csum(head)) + head[12:] + data

    def packets(self):
        """IP packets: one, or its fragments."""
        data = self.payload()
        if self.family == 6:
            head = struct.pack("!IHBB", 6 << 28 | self.tos << 20, self.total_length or len(data), self.protocol,
                               self.ttl)
            return [head + ipaddress.ip_address(self.src).packed + ipaddress.ip_address(self._dst).packed + data]
        room = (self.mtu - 20 - len(self.options)) // 8 * 8
        if len(data) <= room:
            return [self._ip4(data, self.fragment, self.total_length)]
        pieces = [(at, data[at:at + room]) for at in range(0, len(data), room)]
        return [self._ip4(piece, at // 8 | (0x2000 if at + room < len(data) else 0)) for at, piece in pieces]

    def frames(self, src_mac):
        """Ethernet frames. The pad goes behind each."""
        dst = ipaddress.ip_address(self._dst)
        if self.dst_mac:
            mac = bytes.fromhex(self.dst_mac.replace(":", ""))
        elif dst.version == 6:
            mac = b"\x33\x33" + dst.packed[12:]
        else:
            mac = b"\x01\x00\x5e" + bytes([dst.packed[1] & 0x7f]) + dst.packed[2:]
        kind = struct.pack("!H", 0x0800 if dst.version == 4 else 0x86dd)
        return [mac + src_mac + kind + packet + self.pad for packet in self.packets()]

    def fixed(self):
        """The same octets each time it is sent, also with an auth_hmac that follows the clock: a replay."""
        return dataclasses.replace(self, message=self.payload(), tail=b"", auth=None)


class Forge:
    """Sends from a host of a test network. From then on nobody judges what that host sends, unless told to."""

    def __init__(self, lan, host, judged=False):
        self.host = host
        self._jobs = 0
        if not judged:
            lan.watcher.allow_rubbish_from(host)

    def _start(self, adverts, every, count):
        job = json.dumps({"every": every, "count": count, "adverts": [_to_json(a) for a in adverts]})
        self._jobs += 1
        path = self.host.write(f"/run/forge.{self._jobs}.json", job)
        process = self.host.popen([sys.executable, "-B", __file__, path], "forge")
        process.wait_log(r"^sending$", 20)
        return process

    def stream(self, *adverts, every=0.9):
        """Sends all `adverts`, one after the other, each `every` seconds; returns the Process when they begin."""
        return self._start(adverts, every, 0)

    def send(self, *adverts, count=1, every=0.01):
        """Sends all `adverts` `count` times, and returns when they are out."""
        process = self._start(adverts, every, count)
        assert process.wait(60 + count * every) == 0, process.text()


def stays_backup(agent, name="VI_1", every=0.9):
    """What a Forge streams `every` seconds is heeded: the agent hears it for three Down times and never is master."""

    def counters():
        return agent.instance(name)["counters"]

    rounds = math.ceil(3 * agent.instance(name)["down_s"] / every) + 1
    goal = counters()["advert_rcvd"] + rounds
    until(lambda: counters()["advert_rcvd"] >= goal, 10 + 5 * rounds * every,
          lambda: f"{name} to accept {rounds} adverts: {agent.instance(name)}", step=0.05)
    assert counters()["become_master"] == 0 and agent.instance(name)["state"].upper() == "BACKUP"


def takes_over(agent, name="VI_1", seconds=20, counter=None):
    """What a Forge streams is not heeded: the agent becomes master, and of its counters of refusals only that rises."""
    agent.wait_state("MASTER", seconds, name)
    risen = refusals(agent.instance(name))
    assert set(risen) == ({counter} if counter else set()), risen


def refusals(status):
    """The counters of refused adverts that are not zero, from the status of an instance."""
    return {k: v for k, v in status["counters"].items() if k in REFUSALS and v}


def _to_json(advert):
    def plain(o):
        return {k: {"hex": v.hex()} if isinstance(v, bytes) else v for k, v in o.items()}

    d = plain(dataclasses.asdict(advert))
    return d | {"auth": d["auth"] and plain(d["auth"])}


def _from_json(d):
    def back(o):
        return {k: bytes.fromhex(v["hex"]) if isinstance(v, dict) and "hex" in v else v for k, v in o.items()}

    return Advert(**(back(d) | {"auth": d["auth"] and Hmac(**back(d["auth"]))}))


def _run(path):
    """The program on the host."""
    with open(path, encoding="ascii") as f:
        job = json.load(f)
    adverts = [_from_json(d) for d in job["adverts"]]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind(("eth0", 0))
    src_mac = sock.getsockname()[4]
    # What does not follow the clock is made once: at ten thousand a second there is no time for more.
    ready = [None if a.auth and a.auth.seq is None else a.frames(src_mac) for a in adverts]
    start, done, told = time.monotonic(), 0, False
    while not job["count"] or done < job["count"]:
        due = math.floor((time.monotonic() - start) / job["every"]) + 1
        while done < due and (not job["count"] or done < job["count"]):
            for advert, frames in zip(adverts, ready):
                for frame in frames or advert.frames(src_mac):
                    try:
                        sock.send(frame)
                    except OSError as e:  # the link is down, or the queue is full: as lost as on a wire
                        print(e, flush=True)
            done += 1
        if not told:
            print("sending", flush=True)
            told = True
        time.sleep(max(0.0005, min(start + done * job["every"] - time.monotonic(), 1)))


if __name__ == "__main__":
    _run(sys.argv[1])
