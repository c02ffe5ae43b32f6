#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The smallest DNS server (RFC 1035, 4.1): dns.py PORT ADDRESS answers each A query with ADDRESS.

dnsmasq and its kind bind to the addresses of interfaces; this one binds as most UDP servers do.
"""
import socket
import sys


def answer(query, address):
    end = query.index(b"\0", 12) + 5
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
    return query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] + record


def main():
    port, address = int(sys.argv[1]), sys.argv[2]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    print("listening", flush=True)
    while True:
        query, peer = sock.recvfrom(65535)
        sock.sendto(answer(query, address), peer)


main()
