# SPDX-License-Identifier: Apache-2.0
"""What the hosts sent, octet by octet, out of the watcher's capture."""

import hashlib
import hmac
import ipaddress
import struct
from dataclasses import dataclass

from lib.forge import csum


@dataclass(frozen=True)
class Sent:
    """One VRRP packet."""

    mac: str
    src: str
    dst: str
    ttl: int
    payload: bytes  # behind the IP header

    @property
    def version(self):
        return self.payload[0] >> 4

    @property
    def vrid(self):
        return self.payload[1]

    @property
    def priority(self):
        return self.payload[2]

    @property
    def _message_len(self):
        addresses = self.payload[3] * (16 if self.family == 6 else 4)
        return 8 + addresses + (8 if self.version == 2 else 0)

    @property
    def trailer(self):
        """The 28 octets of auth_hmac, or nothing."""
        return self.payload[self._message_len:]

    @property
    def family(self):
        return 6 if ":" in self.src else 4

    @property
    def checksum_right(self):
        """Over IPv4: of the message without trailer; version 3 with or without pseudo-header."""
        message = self.payload[:self._message_len]
        pseudo = b"".join(ipaddress.ip_address(a).packed for a in (self.src, self.dst))
        pseudo += struct.pack("!HH", 112, len(message))
        return csum(message) == 0 or (self.version == 3 and csum(pseudo + message) == 0)

    @property
    def seq(self):
        return int.from_bytes(self.trailer[4:12], "big")

    def signed_with(self, key):
        """Whether the trailer is right, computed here from what the draft says is covered."""
        src = ipaddress.ip_address(self.src)
        covered = bytes([src.version, self.version, self.vrid, 0]) + src.packed.ljust(16, b"\0")
        message = self.payload[:self._message_len]
        covered += message[:6] + b"\0\0" + message[8:] + self.trailer[:12] + bytes(16)
        mac = hmac.new(key, covered, hashlib.sha256).digest()[:16]
        return len(self.trailer) == 28 and self.trailer[12:] == mac


def vrrp(watcher, host=None, vrid=None):
    """The VRRP packets that `host` (or anybody) sent, in their order; rubbish too short for a header is left out."""
    mac = host and host.mac()
    return [p for p in packets(watcher.pcap) if mac in (None, p.mac) and vrid in (None, p.vrid)]


def packets(path):
    """All VRRP packets of a capture."""
    return [p for frame in _frames(path) if (p := _parse(frame)) and len(p.payload) >= 8]


def without(path, macs):
    """A copy of the capture without what these hosts sent: a flood of rubbish takes tshark minutes."""
    copy = path.with_name("judged.pcap")
    with open(copy, "wb") as f:
        f.write(path.read_bytes()[:24])
        for frame, record in records(path):
            if frame[6:12].hex(":") not in macs:
                f.write(record)
    return copy


def write(path, frames):
    """A capture of these Ethernet frames, as the watcher would have written it; returns its path."""
    records = (struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame for frame in frames)
    path.write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 2048, 1) + b"".join(records))
    return path


def _frames(path):
    return (frame for frame, _ in records(path))


def records(path):
    """Of each whole packet in a capture: the frame, and that as it stands there, with its header."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        if at + 16 + length > len(data):  # it is being written
            return
        yield data[at + 16:at + 16 + length], data[at:at + 16 + length]
        at += 16 + length


def _parse(frame):
    mac, kind, packet = frame[6:12].hex(":"), frame[12:14], frame[14:]
    if kind == b"\x08\x00" and packet[9] == 112:
        ip, head, end = ipaddress.IPv4Address, (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        return Sent(mac, str(ip(packet[12:16])), str(ip(packet[16:20])), packet[8], packet[head:end])
    if kind == b"\x86\xdd" and packet[6] == 112:
        ip, end = ipaddress.IPv6Address, 40 + int.from_bytes(packet[4:6], "big")
        return Sent(mac, str(ip(packet[8:24])), str(ip(packet[24:40])), packet[7], packet[40:end])
    return None
