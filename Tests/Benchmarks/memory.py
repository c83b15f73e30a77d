"""Resident memory of a server, as its clients see it grow.

    memory.py slow PID URL           reads the answer at about 64 MB/s, in bursts; prints the growth in MB
    memory.py idle PID URL COUNT     opens connections, one request on each; prints the bytes that each one holds
"""

import resource
import socket
import sys
import time
from urllib.parse import urlsplit

BURST = 4 << 20
BURSTS_PER_SECOND = 16


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Rss:"))


def connect(url):
    connection = socket.create_connection((url.hostname, url.port), timeout=30)
    connection.sendall(f"GET {url.path or '/'} HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
    return connection


def head_of(connection):
    """The length of the body, and what came behind the head."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            sys.exit("the server closed the connection before the answer")
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    if " 200" not in lines[0]:
        sys.exit(f"the server answered {lines[0]}")
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value), len(rest)
    sys.exit("the answer has no Content-Length")


def ask(url):
    """A connection that has been served once."""
    connection = connect(url)
    length, count = head_of(connection)
    while count < length:
        part = connection.recv(65536)
        if not part:
            sys.exit("the answer was cut short")
        count += len(part)
    return connection


def slow(pid, url):
    # What a server keeps of any large answer is not growth: it has served a part of one before.
    warm = connect(url)
    _, count = head_of(warm)
    while count < 64 << 20:
        count += len(warm.recv(65536))
    warm.close()
    time.sleep(1)
    before = most = resident(pid)

    connection = connect(url)
    length, count = head_of(connection)
    due = time.monotonic()
    while count < length:
        until = min(length, count + BURST)
        while count < until:
            part = connection.recv(min(65536, until - count))
            if not part:
                sys.exit("the answer was cut short")
            count += len(part)
        most = max(most, resident(pid))
        due += 1 / BURSTS_PER_SECOND
        time.sleep(max(0, due - time.monotonic()))
    connection.close()
    print(f"{(most - before) / 1e6:.1f}")


def idle(pid, url, count):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # The first connections pay for what the server makes once.
    warm = [ask(url) for _ in range(min(count, 100))]
    time.sleep(1)
    before = resident(pid)
    held = [ask(url) for _ in range(count)]
    time.sleep(1)
    print(max(0, resident(pid) - before) // len(held))
    for connection in warm + held:
        connection.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["slow", pid, url]:
            slow(int(pid), urlsplit(url))
        case ["idle", pid, url, count]:
            idle(int(pid), urlsplit(url), int(count))
        case _:
            sys.exit(__doc__)
