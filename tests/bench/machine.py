"""The machine that a run measures on: what it is, and what of it is tuned while the run lasts, for both sides alike."""
import os
import re
import struct
import subprocess

WAKE_LATENCY = "/dev/cpu_dma_latency"
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"
HUGE_PAGES_NEEDED = 320  # of 2 MiB: for two times Postgres' shared_buffers of 256 MB, and what else it shares
AUTOGROUP = "/proc/sys/kernel/sched_autogroup_enabled"


class Tuning:
    """What the run may not do, it does without: told() says what came of it. TUNED=0: nothing.

    A core that a virtual machine halts takes its host tens of microseconds to wake, longer than a request takes: what
    is measured then is the host. Linux' PM QoS keeps cores polling (Documentation/power/pm_qos_interface.rst).

    At a million rooms each read meets pages that no TLB holds; Postgres takes huge pages where the machine has some
    (its manual, 19.4.5).

    Where each session is a scheduling group (sched(7)), auth gets as much of the cores as any other process, however
    low the priority of the threads that hash.
    """

    def __init__(self):
        self.latency, self.before = None, {}
        if os.environ.get("TUNED") == "0":
            return
        try:
            self.latency = open(WAKE_LATENCY, "wb", buffering=0)  # holds for as long as it is open
            self.latency.write(struct.pack("i", 0))
        except OSError:
            pass
        self._change(HUGE_PAGES, lambda before: before + HUGE_PAGES_NEEDED)
        self._change(AUTOGROUP, lambda before: 0)

    def _change(self, name, change):
        try:
            with open(name) as file:
                before = int(file.read())
            with open(name, "w") as file:
                file.write(str(change(before)))
            self.before[name] = before
        except OSError:
            pass

    def told(self, postgres):
        """postgres: the server's process."""
        with open(f"/proc/{postgres.id}/smaps") as file:
            huge = re.search(r"^KernelPageSize: +2048 kB", file.read(), re.MULTILINE)
        cores = "kept awake" if self.latency else "that may sleep"
        groups = "one scheduling group" if AUTOGROUP in self.before else "scheduling groups as they are"
        return f"cores {cores}, {groups}, Postgres {'with' if huge else 'without'} huge pages"

    def undo(self):
        if self.latency:
            self.latency.close()
        for name, before in self.before.items():
            with open(name, "w") as file:
                file.write(str(before))


def description():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read()).group(1)
    postgres = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return f"{os.cpu_count()} cores ({model}), Linux {os.uname().release}, Postgres {postgres}"
