"""Watches every interface of this host and reports what leaves a set of networks.

Usage: capture.py CIDR... ; ends at the end of standard input, then prints one line of JSON:
{"packets": seen in all, "dropped": by the kernel, "leaks": {"source > destination protocol": packets}}.
A packet leaks when exactly one of its ends lies in the networks; broadcasts and multicasts of the link are not looked at,
since they never leave it.
"""

import ipaddress
import json
import select
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE = 33

networks = [(int(n.network_address), int(n.netmask)) for n in map(ipaddress.ip_network, sys.argv[1:])]


def inside(address: int) -> bool:
    return any(address & mask == network for network, mask in networks)


def link_local(address: int) -> bool:
    return address >> 28 == 0xE or address == 0xFFFFFFFF


watcher = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
watcher.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
watcher.setblocking(False)
packets = 0
leaks: dict[str, int] = {}
buffer = bytearray(64)


def look() -> None:
    global packets
    while True:
        try:
            size, link = watcher.recvfrom_into(buffer)
        except BlockingIOError:
            return
        packets += 1
        if link[1] != 0x0800 or size < 20:
            continue
        source, destination = struct.unpack_from("!II", buffer, 12)
        if inside(source) == inside(destination) or link_local(destination):
            continue
        protocol = buffer[9]
        ports = ""
        if protocol in (6, 17) and size >= 24:
            header = (buffer[0] & 15) * 4
            ports = " %d>%d" % struct.unpack_from("!HH", buffer, header)
        key = f"{socket.inet_ntoa(struct.pack('!I', source))} > {socket.inet_ntoa(struct.pack('!I', destination))} {protocol}{ports}"
        if key in leaks or len(leaks) < 200:
            leaks[key] = leaks.get(key, 0) + 1


print("watching", flush=True)
while True:
    ready, _, _ = select.select([watcher, sys.stdin], [], [])
    if watcher in ready:
        look()
    if sys.stdin in ready and not sys.stdin.read(1):
        break
look()
_, dropped = struct.unpack("II", watcher.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
print(json.dumps({"packets": packets, "dropped": dropped, "leaks": leaks}), flush=True)
