"""The rows of the table: each measures one promise, both sides in turns, and says whether it is kept."""
import os
import re
import statistics
import time
from dataclasses import dataclass

import load
from stack import BUILD, PASSWORD, ROOT, Stack

ROWS = []
ROOMS, MANY_ROOMS = 1000, 1_000_000
WRITERS = 64  # connections of those who write
WRITING_CONNECTIONS = int(os.environ.get("DB_CONNECTIONS", 3)) - 1  # a service's to the database; the first one only reads
PEOPLE = 16  # who read the same, log in, or refresh
PASSWORD_COST = 19456, 2  # the defaults of PASSWORD_MEMORY_KIB and PASSWORD_ITERATIONS


@dataclass
class Row:
    work: str
    goal: str
    measure: callable  # bench → (text, whether the goal is met)


def row(work, goal):
    def add(measure):
        ROWS.append(Row(work, goal, measure))
        return measure

    return add


# ---- arithmetic ----


def turn_about(bench, *sides):
    """Each side once a turn, in turns; the first turn only warms up. Returns a list of results for each side."""
    results = [[] for _ in sides]
    for turn in range(bench.turns + 1):
        for side, result in zip(sides, results):
            measured = side()
            if turn > 0:
                result.append(measured)
    return results


def median_ratio(these, those, of=lambda result: result.rate):
    return statistics.median(of(this) / of(that) for this, that in zip(these, those))


def median(results, of=lambda result: result.rate):
    return statistics.median(of(result) for result in results)


def told(ratio, these, those, unit="requests/s"):
    return f"{ratio:.2f} × ({median(these):,.0f} against {median(those):,.0f} {unit})"


# ---- reading ----


def room_script(prefix, rooms):
    return f'request = function() return wrk.format("GET", "{prefix}/rooms/" .. math.random({rooms})) end'


def read_rooms(bench, connections, rooms=ROOMS, url=None):
    return load.run(url or bench.stack.url, bench.stack.token, connections, bench.seconds, room_script("/api", rooms))


def read_limit(bench, connections, rooms=ROOMS):
    return load.run(bench.limit_url, "", connections, bench.seconds, room_script("", rooms))


@row("GET one room, token checked, 256 connections, straight from Postgres", "≥ 0.9 × limit")
def many_connections(bench):
    here, limit = turn_about(bench, lambda: read_rooms(bench, 256), lambda: read_limit(bench, 256))
    ratio = median_ratio(here, limit)
    return told(ratio, here, limit), ratio >= 0.9


@row("the same, 8 connections", "≥ 0.75 × limit, and p99 ≤ 2 × limit's")
def few_connections(bench):
    here, limit = turn_about(bench, lambda: read_rooms(bench, 8), lambda: read_limit(bench, 8))
    ratio, late = median_ratio(here, limit), median_ratio(here, limit, lambda answers: answers.p99_ms)
    return f"{told(ratio, here, limit)}; p99 {late:.1f} ×", ratio >= 0.75 and late <= 2


def by_turns(bench, names):
    """Registers people. Lua: headers of a request of theirs, number i."""
    tokens = ", ".join(f'"Bearer {bench.stack.register(f"{names}{i}")}"' for i in range(PEOPLE))
    return f'tokens = tokens or {{{tokens}}} local headers = {{Host = "localhost", Authorization = tokens[i % {PEOPLE} + 1]}}'


@row("GET one room, hot", "≥ 1.3 × limit, never stale")
def hot_room(bench):
    script = f'local i = 0 request = function() i = i + 1 {by_turns(bench, "fan")} return wrk.format("GET", "/api/rooms/1", headers) end'
    here, limit = turn_about(
        bench, lambda: load.run(bench.stack.url, "", 256, bench.seconds, script), lambda: read_limit(bench, 256, 1)
    )
    ratio = median_ratio(here, limit)
    return f"{told(ratio, here, limit)}, by {PEOPLE} people; nothing is cached: integration_fresh", ratio >= 1.3


@row("GET /rooms, 100 a page", "bytes/s ≥ 0.8 × a static file of that size from the same gateway")
def page_of_rooms(bench):
    folder = bench.stack.static_folder()
    gateway, port = bench.stack.gateway("tests/bench/bench_gateway", BENCH_STATIC=folder)
    page = bench.stack.await_success(f"{bench.stack.origin(port)}/rooms")
    with open(os.path.join(folder, "page.json"), "wb") as file:
        file.write(page)
    here, static = turn_about(
        bench,
        lambda: load.run(f"{bench.stack.origin(port)}/rooms", bench.stack.token, 256, bench.seconds),
        lambda: load.run(f"http://127.0.0.1:{port}/static/page.json", "", 256, bench.seconds),
    )
    bench.stack.stop(gateway)
    ratio = median_ratio(here, static, lambda answers: answers.bytes_s)
    rates = [median(side, lambda answers: answers.bytes_s / 1e6) for side in (here, static)]
    return f"{ratio:.2f} × ({rates[0]:,.0f} against {rates[1]:,.0f} MB/s, {len(page):,} bytes each)", ratio >= 0.8


# ---- writing ----


def statement(path, **parameters):
    """A service's statement for pgbench: a1, a2 … are what its $1, $2 … become."""
    with open(os.path.join(ROOT, path)) as file:
        text = re.sub(r"--.*", "", file.read())
    return " ".join(re.sub(r"\$(\d+)", lambda match: parameters[f"a{match.group(1)}"], text).split()) + ";\n"


class Numbers:
    """Room numbers for writers: each turn of each side gets some that nobody has had."""

    TURN = 30_000

    def __init__(self, first):
        self.next = first

    def take(self):
        self.next += self.TURN
        return self.next - self.TURN


def written(bench, work, script, statements, numbers):
    """script: the Lua function of number i that is the request; statements: the SQL of number :n."""

    def by_http():
        begin = numbers.take()
        lua = f"local i = {begin} local function make(i) {script} end request = function() i = i + 1 return make(i) end"
        return load.run(bench.stack.url, bench.stack.token, WRITERS, bench.seconds, lua)

    def by_pgbench():
        begin = numbers.take()
        share = Numbers.TURN // WRITING_CONNECTIONS
        code = f"\\set i :i + 1\n\\set n {begin} + :client_id * {share} + :i\n{statements}"
        variables = {"i": 0, "user": bench.stack.user}
        rate = load.transactions(bench.stack.database, code, WRITING_CONNECTIONS, bench.seconds, variables)
        return load.Answers(rate, 0, 0, 0, 0)

    here, there = turn_about(bench, by_http, by_pgbench)
    ratio = median_ratio(here, there)
    return f"{work} {told(ratio, here, there, 'a second')}", ratio


POST_ROOM = 'return wrk.format("POST", "/api/rooms", nil, string.format(\'{"name":"made %d"}\', i))'
FOR_ROOM = 'return wrk.format("POST", string.format("/api/rooms/%d/{}", i))'


def create(bench):
    arguments = {f"a{i}": "null" for i in range(1, 14)}
    arguments.update(a1=":user", a2="('made ' || :n::bigint)", a4="false", a5="''", a6="10", a7="true")
    arguments.update(a8="false", a9="false", a10="false")
    script = 'wrk.headers["Content-Type"] = "application/json" ' + POST_ROOM
    return written(bench, "create", script, statement("services/room/sql/room_create.sql", **arguments), Numbers(2 * MANY_ROOMS))


def join(bench):
    sql = statement("services/room/sql/room_join.sql", a1=":n", a2=":user", a3="false", a4="''")
    return written(bench, "join", FOR_ROOM.format("join"), sql, Numbers(10_000))


def leave(bench):
    sql = statement("services/room/sql/room_leave.sql", a1=":n", a2=":user", a3="false")
    return written(bench, "leave", FOR_ROOM.format("leave"), sql, Numbers(MANY_ROOMS // 2))


def refresh(bench):
    headers = by_turns(bench, "refresher")
    first = bench.stack.sql(f"select id, user_id from auth.session order by id desc offset {PEOPLE - 1} limit 1")
    session, user = first.split("|")
    script = f'{headers} return wrk.format("POST", "/api/auth/refresh", headers)'
    sql = f"\\set session {session} + :n % {PEOPLE}\n\\set owner {user} + :n % {PEOPLE}\n"
    sql += statement("common/tries/sql/throttle_count.sql", a1="'refresh'", a2="'127.0.0.1'", a3="1000000", a4="900")
    sql += statement("services/user/sql/user_get.sql", a1=":owner")
    sql += statement(
        "services/auth/sql/session_renew.sql", a1=":session", a2=":owner", a3="repeat('ab', 32)", a4="repeat('cd', 32)", a5="2592000",
        a6="7776000", a7="'127.0.0.1'", a8="''",
    )
    return written(bench, "refresh", script, sql, Numbers(0))


@row("create, join, leave, refresh", "≥ 0.9 × pgbench running the same statements in the same transactions, same connections")
def writing(bench):
    bench.stack.grow_to(MANY_ROOMS)
    half = MANY_ROOMS // 2
    bench.stack.sql(f"""
        set session_replication_role = replica;
        insert into rooms.participant (room_id, user_id)
            select i, {bench.stack.user} from generate_series({half}, {half + 400_000}) i on conflict do nothing;
        update rooms.room set participant_count = participant_count + 1 where id between {half} and {half + 400_000};
        vacuum analyze rooms.room, rooms.participant; checkpoint""")
    results = [measure(bench) for measure in (create, join, leave, refresh)]
    return "; ".join(text for text, _ in results), min(ratio for _, ratio in results) >= 0.9


# ---- logging in ----


def login_script(names):
    return f"""
        wrk.headers["Content-Type"] = "application/json"
        local i = 0
        request = function()
            i = i + 1
            local body = string.format('{{"username":"{names}%d","password":"{PASSWORD}"}}', i % {PEOPLE})
            return wrk.format("POST", "/api/auth/login", nil, body)
        end"""


def make_people(bench, names):
    for i in range(PEOPLE):
        bench.stack.register(f"{names}{i}")


@row("login", "≥ 0.9 × what the cores can hash at the configured cost")
def logging_in(bench):
    make_people(bench, "entrant")
    program = os.path.join(BUILD, "tests/bench/bench_hashes")

    def hash_alone(*kept):
        return load.Answers(load.hashes(program, bench.seconds, *PASSWORD_COST, *kept), 0, 0, 0, 0)

    here, cores, kept = turn_about(
        bench,
        lambda: load.run(bench.stack.url, "", 16, bench.seconds, login_script("entrant")),
        hash_alone,
        lambda: hash_alone("kept"),
    )
    ratio = median_ratio(here, cores)
    best = told(median_ratio(here, kept), here, kept, "a second")
    return f"{told(ratio, here, cores, 'a second')}; in memory that is kept, as we do: {best}", ratio >= 0.9


@row("GETs while logins saturate", "≥ 0.6 × GETs alone, p99 ≤ 5 ×")
def reading_beside_logins(bench):
    make_people(bench, "crowd")

    def beside():
        storm = load.begin(bench.stack.url, "", 64, bench.seconds + 1, login_script("crowd"))
        time.sleep(0.5)
        answers = read_rooms(bench, 64)
        load.end(storm, may_be_refused=True)  # what the hashing queue does not take is what saturates means
        bench.stack.log_in("crowd0")  # its turn comes after all that the storm has left behind
        return answers

    stormy, alone = turn_about(bench, beside, lambda: read_rooms(bench, 64))
    ratio, late = median_ratio(stormy, alone), median_ratio(stormy, alone, lambda answers: answers.p99_ms)
    return f"{told(ratio, stormy, alone)}; p99 {late:.1f} ×", ratio >= 0.6 and late <= 5


# ---- what it takes ----


@row("10,000 idle keep-alive connections", "≤ 8 KB each; throughput of the active 64 within 10 %")
def idle_connections(bench):
    load.open_files()
    gateway, port = bench.stack.gateway(MAX_CONNECTIONS="20000", KEEP_ALIVE_MS="3600000")
    url = bench.stack.origin(port)
    read_rooms(bench, 64, url=url)
    before = gateway.resident_kib()
    idle = load.Idle(port, "/api/rooms/1", bench.stack.token, 10_000)
    each = (gateway.resident_kib() - before) / 10_000
    idle.close()

    def crowded():
        crowd = load.Idle(port, "/api/rooms/1", bench.stack.token, 10_000)
        answers = read_rooms(bench, 64, url=url)
        crowd.close()
        return answers

    with_them, alone = turn_about(bench, crowded, lambda: read_rooms(bench, 64, url=url))
    bench.stack.stop(gateway)
    ratio = median_ratio(with_them, alone)
    return f"{each:.1f} KB each; {told(ratio, with_them, alone)}", each <= 8 and ratio >= 0.9


@row("whole stack at rest", "≤ 40 MB resident without Postgres")
def at_rest(bench):
    together, summed = (kib / 1024 for kib in bench.at_rest_kib)
    return f"{together:.0f} MB; {summed:.0f} MB where pages that they share count for each", together <= 40


@dataclass
class Cost:
    """Microseconds of CPU a request, of the servers and of their sessions of Postgres; and the answers."""

    servers: float
    postgres: float
    answers: load.Answers

    @property
    def all(self):
        return self.servers + self.postgres


def cost(stack, read):
    """Of the requests that read() makes."""
    servers, postgres = stack.servers_cpu_us(), stack.sessions_cpu_us()
    answers = read()
    servers, postgres = stack.servers_cpu_us() - servers, stack.sessions_cpu_us() - postgres
    return Cost(servers / answers.count, postgres / answers.count, answers)


def of_all(result):
    return result.all


def page_script(rooms):
    return f'request = function() return wrk.format("GET", "/api/rooms?limit=20&after=" .. math.random({rooms} - 20)) end'


def join_script(rooms):
    """Joins a room, then leaves it."""
    return f"""
        local room, joins = 1, false
        request = function()
            joins = not joins
            if joins then room = math.random({rooms}) end
            return wrk.format("POST", string.format("/api/rooms/%d/%s", room, joins and "join" or "leave"))
        end"""


GROWING = {  # what is done, and the script that does it on so many rooms
    "one room": lambda rooms: room_script("/api", rooms),
    "a page of 20": page_script,
    "join and leave": join_script,
}


@row("cost per request from 1,000 to 1,000,000 rooms", "flat within 10 %")
def growth(bench):
    """Beside the stack whose rooms grow stands one whose rooms do not: what the machine does meanwhile, it does to both."""
    few, many = Stack("bench-few"), bench.stack
    texts, ratios = [], []
    try:
        few.grow_to(ROOMS)
        many.grow_to(MANY_ROOMS)
        for name, script in GROWING.items():

            def side(stack, script=script):
                return cost(stack, lambda: load.run(stack.url, stack.token, 64, bench.seconds, script(stack.rooms)))

            large, small = turn_about(bench, lambda: side(many), lambda: side(few))
            ratios.append(median_ratio(large, small, of_all))
            every, postgres = (
                f"{median(small, of):.1f} → {median(large, of):.1f}" for of in (of_all, lambda result: result.postgres)
            )
            texts.append(f"{name} {ratios[-1]:.2f} × ({every} µs of CPU, of which Postgres' {postgres})")
    finally:
        few.remove()
    return "; ".join(texts), max(ratios) <= 1.1


@row("two copies of a service, two gateway threads", "no slower than one; CPU per request within 5 %")
def copies(bench):
    stack = bench.stack
    second, both = f"ipc://{stack.bus}/room2", f"ipc://{stack.bus}/room,ipc://{stack.bus}/room2"
    extra = [stack.start("room", ROOM_LISTEN=second, ROOM_FEED_LISTEN=second + ".feed")]
    sides = []
    for settings in ({}, {"ROOM_ENDPOINTS": both}, {"GATEWAY_THREADS": "2"}):
        gateway, port = stack.gateway(**{"GATEWAY_THREADS": "1", **settings})
        extra.append(gateway)
        url = stack.origin(port)
        sides.append(lambda url=url: cost(stack, lambda: read_rooms(bench, 256, url=url)))
    one, two_copies, two_threads = turn_about(bench, *sides)
    for process in reversed(extra):
        stack.stop(process)
    texts, met = [], True
    for name, two in (("copies", two_copies), ("threads", two_threads)):
        rate = median_ratio(two, one, lambda result: result.answers.rate)
        cpu = median_ratio(two, one, of_all)
        texts.append(f"two {name}: {rate:.2f} × the rate, {cpu:.2f} × the CPU")
        met = met and rate >= 0.97 and cpu <= 1.05
    return "; ".join(texts), met
