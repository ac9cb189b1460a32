"""What loads a server and says how it went: wrk for requests, pgbench for statements, hashes for passwords."""
import os
import re
import socket
import subprocess
import tempfile
from dataclasses import dataclass


class Failed(Exception):
    """A measurement that counts for nothing: some answer was no success."""


@dataclass
class Answers:
    rate: float  # a second
    p50_ms: float
    p99_ms: float
    count: int
    bytes_s: float


UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}
SIZES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


def _milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
    return float(number) * UNITS[unit]


def _bytes(text):
    number, unit = re.fullmatch(r"([\d.]+)([A-Z]+)", text).groups()
    return float(number) * SIZES[unit]


def _only(pattern, text):
    return re.search(pattern, text, re.MULTILINE).group(1)


def begin(url, token="", connections=64, seconds=4, script=None):
    """Starts wrk; script: Lua that makes the requests."""
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "--timeout", "10s"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    file = None
    if script:
        file = tempfile.NamedTemporaryFile("w", suffix=".lua")
        file.write(script)
        file.flush()
        command += ["-s", file.name]
    process = subprocess.Popen(command + [url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    process.script = file  # it goes with the process
    return process


def end(process, may_be_refused=False):
    """Waits for it. Any answer but 2xx, and any connection that broke, fails it."""
    output, _ = process.communicate()
    wrong = None if may_be_refused else re.search(r"Non-2xx.*|Socket errors.*", output)
    if wrong or process.returncode != 0:
        raise Failed(wrong.group() if wrong else output.strip())
    return Answers(
        rate=float(_only(r"^Requests/sec:\s*([\d.]+)", output)),
        p50_ms=_milliseconds(_only(r"^\s+50%\s+(\S+)", output)),
        p99_ms=_milliseconds(_only(r"^\s+99%\s+(\S+)", output)),
        count=int(_only(r"(\d+) requests in", output)),
        bytes_s=_bytes(_only(r"^Transfer/sec:\s*(\S+)", output)),
    )


def run(*arguments, **options):
    return end(begin(*arguments, **options))


def transactions(url, script, clients, seconds, variables):
    """Transactions a second of pgbench, one a line of SQL; any that fails, fails it."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", file.name]
        for name, value in variables.items():
            command += ["-D", f"{name}={value}"]
        # Where the frame's statements find their tables; and planned once, as in the services' sessions (db_url.c).
        environment = dict(os.environ, PGOPTIONS="-c search_path=auth -c plan_cache_mode=force_generic_plan")
        done = subprocess.run(command + [url], env=environment, capture_output=True, text=True)
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    if done.returncode != 0 or (failed and failed.group(1) != "0"):
        raise Failed(done.stderr.strip() or failed.group())
    return float(_only(r"^tps = ([\d.]+)", done.stdout))


def hashes(program, seconds, memory_kib, iterations, *kept):
    done = subprocess.run([program, str(seconds), str(memory_kib), str(iterations), *kept], capture_output=True, text=True, check=True)
    return float(done.stdout)


class Idle:
    """Connections that have had one answer each and then lie idle."""

    def __init__(self, port, path, token, count):
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self.sockets = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=10)
            self.sockets.append(client)
            client.sendall(request)
            if not client.recv(65536).startswith(b"HTTP/1.1 200"):
                raise Failed("an idle connection's first request was refused")

    def close(self):
        for client in self.sockets:
            client.close()


def open_files():
    """Raises the limit of open files as far as it goes."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most
