"""A stack of the release build of its own, with its processes: what they take of CPU and memory, and more of them."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, "build", os.environ.get("PRESET", "release"))
PASSWORD = "correct-horse"
TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
READY_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _settings(**more):
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "PG", "DATABASE_URL"))}
    settings.update(LOG_FORMAT="json", LOG_LEVEL="info", ENVIRONMENT="development")
    settings.update(more)
    return settings


class Process:
    """One of ours, by its process id."""

    def __init__(self, process_id):
        self.id = int(process_id)

    def _stat(self):
        with open(f"/proc/{self.id}/stat") as file:
            return file.read().rpartition(")")[2].split()

    def cpu_us(self):
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) * TICK_US

    def is_session_of(self, postgres):
        """Whether it serves a client: not the checkpointer, nor the like."""
        try:
            with open(f"/proc/{self.id}/cmdline") as file:
                return int(self._stat()[1]) == postgres.id and "[local]" in file.read()
        except OSError:
            return False

    def resident_kib(self):
        with open(f"/proc/{self.id}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Rss:"))

    def mappings(self):
        """Of each mapping: the part of a file that it is (None: of none), KiB that are resident, and of these its own."""
        with open(f"/proc/{self.id}/smaps") as file:
            for line in file:
                if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                    fields = line.split()
                    part = (fields[5], fields[2]) if fields[4] != "0" else None
                elif line.startswith("Rss:"):
                    resident, own = int(line.split()[1]), 0
                elif line.startswith("Private_Dirty:"):
                    own = int(line.split()[1])
                    yield part, resident, resident if part is None else own


# Without triggers: a million rooms would each be checked for an owner who is gone.
ROOMS = """
set session_replication_role = replica;
insert into rooms.room (name, description, is_private, max_participants, is_active, participant_count, owner_id)
    select 'room ' || i, 'description ' || i, false, 10, true, 5, 1000000 + i % 1000 from generate_series({first}, {last}) i;
insert into rooms.participant (room_id, user_id)
    select r, u from generate_series({first}, least({last}, 1000)) r, generate_series(1000001, 1000005) u;
vacuum analyze rooms.room, rooms.participant;
checkpoint;
"""


class Stack:
    """In build/NAME. It has one user, whose token is self.token, and no rooms yet."""

    def __init__(self, name):
        self.folder = os.path.join(ROOT, "build", name)
        self.port = free_port()
        self.environment = _settings(VAR=self.folder, BACKEND_PORT=str(self.port), ADMIN_PORT=str(free_port()))
        self.started = []  # beside the stack's own
        self.rooms = 0
        self._stack("remove", stdout=subprocess.DEVNULL)
        self._stack("up", stdout=subprocess.DEVNULL)
        self.url = self.origin(self.port)
        self.database = self._output([os.path.join(ROOT, "deploy/postgres"), "url", os.path.join(self.folder, "postgres")])
        self.bus = os.path.realpath(os.path.join(self.folder, "run"))
        self.token = self.register("bench")
        self.user = int(self.sql("select id from users.person where username = 'bench'"))

    @staticmethod
    def origin(port):
        return f"http://127.0.0.1:{port}/api"

    def _stack(self, verb, **options):
        subprocess.run([os.path.join(ROOT, "deploy/stack"), verb], env=self.environment, check=True, **options)

    def _output(self, command):
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        for child in self.started:
            child.terminate()
        for child in self.started:
            child.wait()
        self._stack("down")

    def remove(self):
        self.close()
        self._stack("remove")

    # ---- the database ----

    def sql(self, text):
        done = subprocess.run(["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", self.database], input=text, text=True, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"psql: {done.stderr}")
        return done.stdout.strip()

    def grow_to(self, count):
        if count > self.rooms:
            self.sql(ROOMS.format(first=self.rooms + 1, last=count))
            self.rooms = count

    # ---- processes ----

    def process(self, name):
        with open(os.path.join(self.folder, "processes", name)) as file:
            return Process(file.read())

    def servers(self):
        return [self.process(name) for name in os.listdir(os.path.join(self.folder, "processes")) if name != "postgres"]

    def servers_cpu_us(self):
        """What the servers have taken so far, all together."""
        return sum(process.cpu_us() for process in self.servers() + [Process(child.pid) for child in self.started])

    def sessions_cpu_us(self):
        """The same of the sessions of Postgres."""
        everybody = [Process(name) for name in os.listdir("/proc") if name.isdigit()]
        return sum(process.cpu_us() for process in everybody if process.is_session_of(self.process("postgres")))

    def start(self, program, *arguments, ready=None, **settings):
        """A program beside the stack's own, of the same settings but for these; ready: the port on which it then listens."""
        log = open(os.path.join(self.folder, "log", os.path.basename(program) + ".log"), "a")
        environment = dict(self.environment, BUS_DIR=self.bus, DATABASE_URL=self.database, **settings)
        environment.setdefault("JWT_SECRET_FILE", os.path.join(self.folder, "jwt_secret"))
        child = subprocess.Popen([os.path.join(BUILD, program), *arguments], env=environment, stdout=log, stderr=log)
        self.started.append(child)
        if ready:
            self._await(child, ready)
        return Process(child.pid)

    def _await(self, child, port):
        until = time.monotonic() + READY_S
        while time.monotonic() < until and child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.02)
        sys.exit(f"bench: {child.args[0]} does not listen, see {self.folder}/log")

    def stop(self, process):
        child = next(child for child in self.started if child.pid == process.id)
        child.terminate()
        child.wait()
        self.started.remove(child)

    def gateway(self, program="gateway", **settings):
        """Another gateway of the same services; returns it and its port."""
        port = free_port()
        process = self.start(program, ready=port, BACKEND_PORT=str(port), ADMIN_PORT="0", **settings)
        self.await_success(f"{self.origin(port)}/rooms/1")
        return process, port

    def resident_kib(self):
        """What all servers take of the machine's memory: pages of files that they share lie there once."""
        own, shared = 0, {}
        for process in self.servers():
            for part, resident, private in process.mappings():
                own += private
                shared[part] = max(shared.get(part, 0), resident - private)
        return own + sum(shared.values())

    def static_folder(self):
        folder = os.path.join(self.folder, "static")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        return folder

    # ---- requests, one at a time ----

    def register(self, name):
        """A new user's token."""
        form = urllib.parse.urlencode({"username": name, "email": f"{name}@example.org", "password": PASSWORD})
        with urllib.request.urlopen(f"{self.url}/auth/register", form.encode()) as reply:
            return json.load(reply)["access_token"]

    def log_in(self, name):
        """Again and again, until it is let in."""
        form = urllib.parse.urlencode({"username": name, "password": PASSWORD})
        self._await_success(urllib.request.Request(f"{self.url}/auth/login", form.encode()))

    def await_success(self, url):
        return self._await_success(urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"}))

    @staticmethod
    def _await_success(request):
        until = time.monotonic() + READY_S
        while True:
            try:
                with urllib.request.urlopen(request) as reply:
                    return reply.read()
            except OSError as error:
                if time.monotonic() > until:
                    sys.exit(f"bench: {request.full_url}: {error}")
                time.sleep(0.05)
