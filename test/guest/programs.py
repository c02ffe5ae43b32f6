# SPDX-License-Identifier: BSD-3-Clause
"""Unmodified programs in the guest serve ordinary clients, and are clients themselves."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from driver import CLIENT, TOOL, expect, guest_address, until
from registry import registrar

TESTS = []
test = registrar(TESTS)
GUEST = guest_address(1)
FILES = Path(os.environ.get("OUTSOCK_TEST_FILES", "/var/tmp/outsock-test"))


def outsourced(bed, port):
    """The listener on @port is the module's: the test would prove nothing with a native one."""
    lines = bed.guest_sockets()
    expect(any(re.search(rf":{port}\b", line) and "LISTEN" in line for line in lines),
           f"no outsourced listener on port {port} in:\n" + "\n".join(lines))


def redis(bed):
    bed.guest_start("redis-server", "--port", "6379", "--bind", "0.0.0.0", "--save", "",
                    "--protected-mode", "no", "--dir", "/tmp")
    bed.wait_port(6379)
    outsourced(bed, 6379)


def rates(text):
    found = dict(re.findall(r'^"([^"]+)","([\d.]+)"', text, re.M))
    return {name: float(rate) for name, rate in found.items()}


@test("redis")
def redis_benchmark(bed):
    """redis-server: redis-cli, redis-benchmark with 50 connections and with pipelining."""
    redis(bed)
    cli = ("redis-cli", "-h", GUEST)
    expect(bed.client(*cli, "set", "key", "value").stdout == "OK\n", "SET is not OK")
    expect(bed.client(*cli, "get", "key").stdout == "value\n", "GET gives something else")
    for extra in ((), ("-P", "16")):
        out = bed.client("redis-benchmark", "-h", GUEST, "-c", "50", "-n", "20000", "-t", "set,get",
                         "--csv", *extra).stdout
        expect(set(rates(out)) == {"SET", "GET"}, f"redis-benchmark {extra}:\n{out}")
    info = bed.client(*cli, "info", "stats").stdout
    served = int(re.search(r"total_commands_processed:(\d+)", info).group(1))
    expect(served >= 80000, f"redis has served {served} commands, not 80,000")


NGINX = """
daemon off; worker_processes 1; pid /tmp/nginx.pid; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile {sendfile}; keepalive_requests 100000;
  client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f;
  uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server {{ listen 80; listen [::]:8080 ipv6only=off; root {root};
           location = /small {{ return 200 "outsock\\n"; }} }}
}}
"""


def big_file(size):
    """A file of that size which no compression or repetition makes easy, made once."""
    FILES.mkdir(parents=True, exist_ok=True)
    path = FILES / f"big-{size}"
    if not path.exists() or path.stat().st_size != size:
        with tempfile.NamedTemporaryFile(dir=FILES, delete=False) as f:
            block = hashlib.shake_256(b"outsock").digest(1 << 20)
            for i in range(size >> 20):
                f.write(i.to_bytes(8, "little") + block[8:])
        os.chmod(f.name, 0o644)
        os.rename(f.name, path)
    return path


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            h.update(block)
    return h.hexdigest()


@test("nginx")
def nginx(bed):
    """nginx: 256 MB with their SHA-256 (sendfile), a dual-stack listener, wrk with keep-alive."""
    path = big_file(256 << 20)
    conf = FILES / "nginx.conf"
    conf.write_text(NGINX.format(root=FILES, sendfile="on"))
    bed.guest_start("nginx", "-e", "stderr", "-c", conf)
    bed.wait_port(80)
    outsourced(bed, 80)
    pipe = f"curl -sSf http://{GUEST}/{path.name} | sha256sum"
    got = bed.client("sh", "-c", pipe).stdout.split()[0]
    expect(got == sha256(path), f"SHA-256 of 256 MB is {got}")
    expect(bed.client("curl", "-sSf", f"http://{GUEST}:8080/small").stdout == "outsock\n",
           "the dual-stack listener answers something else")
    out = bed.client("wrk", "-t", "1", "-c", "20", "-d", "3s", f"http://{GUEST}/small").stdout
    done = re.search(r"(\d+) requests in", out)
    expect(done and int(done.group(1)) > 0 and "Socket errors" not in out and "Non-2xx" not in out,
           f"wrk:\n{out}")


def iperf(bed, *options):
    out = bed.client("iperf3", "-J", "-c", GUEST, *options).stdout
    result = json.loads(out)
    expect("error" not in result, f"iperf3 {options}: {result.get('error')}")
    return result["end"]


@test("iperf3")
def iperf3(bed):
    """iperf3: TCP in both directions, UDP."""
    bed.guest_start("iperf3", "-s")
    bed.wait_port(5201)
    outsourced(bed, 5201)
    for options in (("-n", "32M"), ("-n", "32M", "-R"), ("-n", "32M", "-P", "4")):
        end = iperf(bed, *options)
        sent, received = end["sum_sent"]["bytes"], end["sum_received"]["bytes"]
        # The receiver stops counting when the sender has given its last bytes to the socket.
        expect(received > 0.25 * sent > 0, f"iperf3 {options}: {sent} sent, {received} received")
    for options in (("-u", "-b", "5M", "-n", "1M"), ("-u", "-b", "5M", "-n", "1M", "-R")):
        end = iperf(bed, *options)
        expect(end["sum"]["packets"] > 0 and end["sum"]["lost_percent"] < 50,
               f"iperf3 {options}: {end['sum']}")


GO = '''package main

import (
	"fmt"
	"io"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%s %d\\n", r.Method, n)
	})
	panic(http.ListenAndServe(":8000", nil))
}
'''


@test("go")
def go_server(bed):
    """A static Go program serves HTTP on a dual-stack listener (no libc to catch it in)."""
    FILES.mkdir(parents=True, exist_ok=True)
    source, program = FILES / "server.go", FILES / "server"
    source.write_text(GO)
    subprocess.run(["go", "build", "-o", program, source], check=True, capture_output=True,
                   env={**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOFLAGS": "",
                        "GOCACHE": str(FILES / "go-cache"), "GOPATH": str(FILES / "go")})
    kind = subprocess.run(["readelf", "-l", program], capture_output=True, text=True).stdout
    expect("INTERP" not in kind, "the Go program is not static")
    bed.guest_start(program)
    bed.wait_port(8000)
    outsourced(bed, 8000)
    url = f"http://{GUEST}:8000/"
    expect(bed.client("curl", "-sSf", url).stdout == "GET 0\n", "GET")
    out = bed.client("sh", "-c", f"head -c 3000000 /dev/zero | curl -sSf --data-binary @- {url}")
    expect(out.stdout == "POST 3000000\n", f"POST of 3,000,000 bytes: {out.stdout}")


@test("connect-out")
def connect_out(bed):
    """Programs in the guest connect to servers in the client; a closed port is refused."""
    bed.client_start(sys.executable, TOOL, "serve", "7000")
    bed.client(sys.executable, TOOL, "wait", CLIENT, "7000")
    out = bed.guest(sys.executable, TOOL, "verify", CLIENT, "7000", "-c", "5", "-b", "2000000")
    expect(out.stdout.count("exact 2000000") == 5, out.stdout)
    refused = bed.guest("curl", "-sS", f"http://{CLIENT}:7001/", check=False)
    expect(refused.returncode == 7, f"curl to a closed port: {refused.returncode} {refused.stderr}")


@test("dns")
def dns(bed):
    """DNS over UDP, both ways: dnsmasq in the client, and in the guest (where it is a wildcard
    server, and asks for IP_PKTINFO)."""
    server = ("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts",
              "--conf-file=/dev/null", "--pid-file=", "--user=root", "--port=5300",
              "--address=/outsock.test/192.0.2.7", "--no-daemon")
    question = ("+short", "+notcp", "+tries=20", "+time=1", "-p", "5300", "outsock.test")
    bed.client_start(*server, f"--listen-address={CLIENT}", "--bind-interfaces")
    out = bed.guest("dig", f"@{CLIENT}", *question).stdout
    expect(out == "192.0.2.7\n", f"dig in the guest: {out}")
    bed.guest_start(*server)
    until(lambda: any("udp4" in line and ":5300 " in line for line in bed.guest_sockets()),
          "the DNS server")
    out = bed.client("dig", f"@{GUEST}", *question).stdout
    expect(out == "192.0.2.7\n", f"dig in the client: {out}")
