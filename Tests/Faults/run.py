#!/usr/bin/env python3
"""Breaks one of three origins in every way that origins break, under load, and says what clients saw of it.

    run.py [--server FILE] [--seconds N] [--clients N] [--only NAME …] [--write]

ExampleServer and HAProxy stand in front of the same three origins, one after the other in the same run, and get the same
load: clients that send GET over kept-alive connections and never try again themselves. For each fault: requests that
failed, the time from the fault until the origin got no more traffic, the time from the mend until it got traffic again,
and its share before, during and after. --write puts the table into Documentation/Reliability.md.

Needs python3 and haproxy. Nothing outside the standard library is used.
"""
import argparse, asyncio, os, re, signal, socket, subprocess, sys, tempfile, time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Origin:
    """An origin of which everything can be broken while it runs."""

    def __init__(self, number, port):
        self.number, self.port = number, port
        self.mode, self.seen, self.served, self.server, self.open = "well", 0, [], None, set()

    async def start(self, address="127.0.0.1"):
        self.server = await asyncio.start_server(self.serve, address, self.port, reuse_address=True, backlog=1024)

    async def stop(self):
        """As a process that is killed: the port is closed, and so is every connection."""
        if self.server:
            self.server.close()
            for writer in list(self.open):
                writer.transport.abort()
            self.server = None

    async def serve(self, reader, writer):
        self.open.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                is_probe = head.startswith(b"GET /healthz")
                if not is_probe:
                    self.served.append(time.monotonic())
                    self.seen += 1
                mode = self.mode
                if mode == "hung":
                    await asyncio.sleep(3600)
                if mode == "slow":
                    await asyncio.sleep(2)
                if mode == "reset" and not is_probe:
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    writer.transport.abort()
                    return
                if head.startswith(b"GET /long"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 800000\r\n\r\n")
                    for _ in range(80):
                        writer.write(b"x" * 10000)
                        await writer.drain()
                        await asyncio.sleep(0.1)
                    continue
                fails = mode == "all-500" or (mode == "third-500" and self.seen % 3 == 0 and not is_probe)
                body = b"%d" % self.number
                status = b"500 Internal Server Error" if fails else b"200 OK"
                writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


class Load:
    """Clients that ask as fast as they are answered, up to a rate, and note every answer that is not 200."""

    def __init__(self, port, clients, rate=400):
        self.port, self.clients, self.pause = port, clients, clients / rate
        self.answers, self.tasks, self.running = [], [], True

    def start(self):
        self.tasks = [asyncio.create_task(self.client(n)) for n in range(self.clients)]

    async def stop(self):
        self.running = False
        await asyncio.gather(*self.tasks)

    async def client(self, number):
        await asyncio.sleep(number * self.pause / self.clients)
        reader = writer = None
        while self.running:
            began = time.monotonic()
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(b"GET /x HTTP/1.1\r\nHost: edge\r\n\r\n")
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
                length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
                await reader.readexactly(length)
                status = int(head.split()[1])
                if re.search(rb"(?i)connection: close", head):
                    writer.close()
                    writer = None
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, AttributeError):
                status = 0
                if writer:
                    writer.close()
                writer = None
            self.answers.append((began, time.monotonic() - began, status))
            await asyncio.sleep(max(0, self.pause - (time.monotonic() - began)))


def share(origin, origins, since, until):
    counts = [sum(since <= at < until for at in one.served) for one in origins]
    return counts[origins.index(origin)] / max(1, sum(counts))


class Gateway:
    def __init__(self, name, command, port):
        self.name, self.command, self.port, self.process = name, command, port, None

    async def start(self):
        self.log = tempfile.NamedTemporaryFile(prefix=self.name)
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.05)
        sys.exit(f"{self.name} does not start:\n{open(self.log.name).read()[-2000:]}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


def ours(server, port, origins):
    command = [server, "--listen", f"127.0.0.1:{port}", "--health-path", "/healthz", "--health-interval", "1",
               "--retry-status", "500", "--try-timeout", "1000", "--balancing", "round-robin", "--threads", "1"]
    for origin in origins:
        command += ["--upstream", f"127.0.0.1:{origin.port}"]
    return Gateway("ExampleServer", command, port)


def haproxy(folder, port, origins):
    servers = "\n".join(f"    server s{o.number} 127.0.0.1:{o.port} check inter 1s fall 3 rise 2 observe layer7 "
                        f"error-limit 10 on-error mark-down" for o in origins)
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w") as file:
        file.write(f"""global
    nbthread 1
defaults
    mode http
    timeout client 30s
    timeout connect 1s
    timeout server 1s
    timeout check 1s
    retries 2
    option redispatch 1
    retry-on conn-failure empty-response response-timeout 500 502 503 504
listen edge
    bind 127.0.0.1:{port}
    balance roundrobin
    option httpchk GET /healthz
{servers}
""")
    return Gateway("HAProxy", ["haproxy", "-db", "-f", path], port)


async def break_it(fault, origin, origins):
    if fault in ("killed", "restarted"):
        await origin.stop()
    elif fault == "all sick":
        for one in origins:
            await one.stop()
    else:
        origin.mode = {"hung": "hung", "slow": "slow", "resets": "reset", "500 to a third": "third-500"}[fault]


async def mend_it(fault, origin, origins):
    if fault == "all sick":
        for one in origins:
            await one.start()
    elif fault in ("killed", "restarted"):
        await origin.start()
    origin.mode = "well"


FAULTS = ["killed", "restarted", "hung", "slow", "resets", "500 to a third", "all sick"]


async def one_fault(gateway, fault, origins, seconds, clients):
    sick = origins[0]
    for origin in origins:
        origin.served.clear()
    load = Load(gateway.port, clients)
    load.start()
    start = time.monotonic()
    await asyncio.sleep(seconds / 2)
    broken = time.monotonic()
    await break_it(fault, sick, origins)
    await asyncio.sleep(0.3 if fault == "restarted" else seconds)
    mended = time.monotonic()
    await mend_it(fault, sick, origins)
    # Long enough for the first ejection to end.
    await asyncio.sleep(seconds + 12)
    await load.stop()
    end = time.monotonic()
    failed = [a for a in load.answers if a[2] != 200]
    slow = [a for a in load.answers if a[1] > 0.5]
    during = [at for at in sick.served if broken <= at < mended]
    # Ejected: the last request that it saw before half a second without one.
    last = broken
    for at in during:
        if at - last < 0.7:
            last = at
    back = [at for at in sick.served if at > mended + 0.01]
    return {
        "fault": fault, "gateway": gateway.name, "requests": len(load.answers), "failed": len(failed),
        "slow": len(slow),
        "503": sum(a[2] == 503 for a in failed), "out": last - broken if during else 0.0,
        "back": back[0] - mended if back else None,
        "before": share(sick, origins, start, broken), "during": share(sick, origins, broken + 1.5, mended),
        "after": share(sick, origins, end - seconds / 2, end),
    }


def row(r):
    back = "–" if r["back"] is None else f"{r['back']:.1f} s"
    return (f"| {r['fault']} | {r['gateway']} | {r['requests']:,} | {r['failed']} | {r['slow']} | {r['out']:.1f} s | {back} | "
            f"{r['before']:.2f} | {r['during']:.2f} | {r['after']:.2f} |")


async def drained(server, folder):
    """An endpoint leaves the watched file in the middle of downloads of 8 s: each must arrive whole."""
    ports = free_ports(4)
    origins = [Origin(n + 1, ports[n]) for n in range(3)]
    for origin in origins:
        await origin.start()
    listing = os.path.join(folder, "endpoints")
    write = lambda chosen: (open(listing + ".new", "w").write("".join(f"127.0.0.1:{o.port}\n" for o in chosen)),
                            os.rename(listing + ".new", listing))
    write(origins)
    gateway = Gateway("ExampleServer", [server, "--listen", f"127.0.0.1:{ports[3]}", "--discover", f"file:{listing}",
                                        "--balancing", "round-robin", "--threads", "1"], ports[3])
    await gateway.start()
    await asyncio.sleep(2)

    async def download():
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET /long HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")
        data = await reader.read(-1)
        writer.close()
        return len(data.partition(b"\r\n\r\n")[2])

    tasks = [asyncio.create_task(download()) for _ in range(30)]
    await asyncio.sleep(1)
    write(origins[1:])
    # The file is looked at every few seconds.
    await asyncio.sleep(5.5)
    seen = origins[0].seen
    load = Load(gateway.port, 8)
    load.start()
    sizes = await asyncio.gather(*tasks)
    await load.stop()
    gateway.stop()
    for origin in origins:
        await origin.stop()
    return len(sizes), sum(size == 800000 for size in sizes), origins[0].seen - seen, sum(a[2] != 200 for a in load.answers)


class NameServer(asyncio.DatagramProtocol):
    """Knows the origins for 5 s at a time, until it fails."""

    def __init__(self, addresses):
        self.addresses, self.fails = addresses, False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        end = 12
        while data[end]:
            end += data[end] + 1
        question, kind = data[12:end + 5], int.from_bytes(data[end + 1:end + 3], "big")
        records = self.addresses if kind == 1 and not self.fails else []
        flags = b"\x81\x82" if self.fails else b"\x81\x80"
        answer = b"".join(b"\xc0\x0c\0\x01\0\x01\0\0\0\x05\0\x04" + socket.inet_aton(a) for a in records)
        self.transport.sendto(data[:2] + flags + b"\0\x01" + len(records).to_bytes(2, "big") + b"\0\0\0\0" + question + answer,
                              sender)


async def dns_fails(server, seconds):
    """The name server answers SERVFAIL, then is gone: the endpoints stay."""
    ports = free_ports(3)
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    origins = [Origin(n + 1, ports[0]) for n in range(3)]
    for origin, address in zip(origins, addresses):
        await origin.start(address)
    loop = asyncio.get_running_loop()
    transport, names = await loop.create_datagram_endpoint(lambda: NameServer(addresses), ("127.0.0.1", ports[1]))
    gateway = Gateway("ExampleServer", [server, "--listen", f"127.0.0.1:{ports[2]}", "--threads", "1",
                                        "--discover", f"dns:origin.test.:{ports[0]}", "--name-server",
                                        f"127.0.0.1:{ports[1]}"], ports[2])
    await gateway.start()
    await asyncio.sleep(2)
    load = Load(gateway.port, 8)
    load.start()
    await asyncio.sleep(seconds / 2)
    names.fails = True
    await asyncio.sleep(max(seconds, 12))
    transport.close()
    await asyncio.sleep(max(seconds, 12))
    await load.stop()
    gateway.stop()
    for origin in origins:
        await origin.stop()
    return len(load.answers), sum(a[2] != 200 for a in load.answers), sum(len(o.served) > 0 for o in origins)


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="an ExampleServer that was built before, instead of building one")
    parser.add_argument("--seconds", type=float, default=8, help="how long a fault lasts; 8 unless given")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--only", nargs="*", default=FAULTS)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    server = arguments.server
    if not server:
        subprocess.run(["swift", "build", "-c", "release", "--product", "ExampleServer"], cwd=ROOT, check=True)
        path = subprocess.run(["swift", "build", "-c", "release", "--show-bin-path"], cwd=ROOT, check=True,
                              capture_output=True, text=True).stdout.strip()
        server = os.path.join(path, "ExampleServer")
    lines = ["| fault | gateway | requests | failed | over 0.5 s | out after | back after | share before | during | after |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for fault in arguments.only:
            for kind in (ours, haproxy):
                ports = free_ports(4)
                origins = [Origin(n + 1, ports[n]) for n in range(3)]
                for origin in origins:
                    await origin.start()
                gateway = kind(server if kind is ours else folder, ports[3], origins)
                await gateway.start()
                await asyncio.sleep(1.5)
                result = await one_fault(gateway, fault, origins, arguments.seconds, arguments.clients)
                lines.append(row(result))
                print(lines[-1], flush=True)
                gateway.stop()
                for origin in origins:
                    await origin.stop()
        downloads, whole, new, failed = await drained(server, folder)
        drain = (f"An endpoint taken out of its file during {downloads} downloads of 8 s: {whole} arrived whole, it got {new} new "
                 f"requests from then on, and {failed} other requests failed.")
        print(drain, flush=True)
        asked, lost, used = await dns_fails(server, arguments.seconds)
        source = (f"The name server answered SERVFAIL, then was gone: {lost} of {asked} requests failed, {used} of 3 origins "
                  f"served them.")
        print(source)
    if arguments.write:
        page = os.path.join(ROOT, "Documentation", "Reliability.md")
        text = open(page).read()
        command = f"Tests/Faults/run.py --seconds {arguments.seconds:g}"
        figures = (f"\nMeasured on {time.strftime('%Y-%m-%d')} by `{command}`.\n\n" + "\n".join(lines)
                   + f"\n\n{drain}\n\n{source}\n\n")
        begin, end = "<!-- figures: begin -->\n", "<!-- figures: end -->"
        text = text[:text.index(begin) + len(begin)] + figures + text[text.index(end):]
        open(page, "w").write(text)


asyncio.run(main())
