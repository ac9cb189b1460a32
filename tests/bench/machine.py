"""The machine that a run measures on: what it is, and what of it is tuned while the run lasts, for both sides alike."""
import os
import re
import struct
import subprocess

WAKE_LATENCY = "/dev/cpu_dma_latency"
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"
HUGE_PAGES_NEEDED = 160  # of 2 MiB: for Postgres' shared_buffers of 256 MB, and what else it shares


class Tuning:
    """What the run may not do, it does without: told() says what came of it. TUNED=0: nothing.

    A core that a virtual machine halts takes its host tens of microseconds to wake, longer than a request takes: what
    is measured then is the host. Linux' PM QoS keeps cores polling (Documentation/power/pm_qos_interface.rst).

    At a million rooms each read meets pages that no TLB holds; Postgres takes huge pages where the machine has some
    (its manual, 19.4.5).
    """

    def __init__(self):
        self.latency = self.huge_pages_before = None
        if os.environ.get("TUNED") == "0":
            return
        try:
            self.latency = open(WAKE_LATENCY, "wb", buffering=0)  # holds for as long as it is open
            self.latency.write(struct.pack("i", 0))
        except OSError:
            pass
        try:
            self._reserve_huge_pages()
        except OSError:
            pass

    def _reserve_huge_pages(self):
        with open(HUGE_PAGES) as file:
            before = int(file.read())
        with open(HUGE_PAGES, "w") as file:
            file.write(str(before + HUGE_PAGES_NEEDED))
        self.huge_pages_before = before

    def told(self, postgres):
        """postgres: the server's process."""
        with open(f"/proc/{postgres.id}/smaps") as file:
            huge = re.search(r"^KernelPageSize: +2048 kB", file.read(), re.MULTILINE)
        cores = "kept awake" if self.latency else "that may sleep"
        return f"cores {cores}, Postgres {'with' if huge else 'without'} huge pages"

    def undo(self):
        if self.latency:
            self.latency.close()
        if self.huge_pages_before is not None:
            with open(HUGE_PAGES, "w") as file:
                file.write(str(self.huge_pages_before))


def description():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read()).group(1)
    postgres = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    return f"{os.cpu_count()} cores ({model}), Linux {os.uname().release}, Postgres {postgres}"
