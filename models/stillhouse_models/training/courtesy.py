"""Leaves the machine usable for others: while they compute, a training keeps to one thread.

It is also faster so: with two threads and one free core, every parallel loop waits for the thread that has no core.
"""

import os
import time
from pathlib import Path

import torch

LOOK_EVERY_SECONDS = 4.0
# Share of the machine that all other processes together take.
BUSY = 0.3


class Courtesy:
    def __init__(self) -> None:
        self.most = os.cpu_count() or 1
        self.seen, self.looked = _jiffies(), time.monotonic()

    def look(self) -> None:
        """Call it often; it looks every few seconds."""
        if time.monotonic() - self.looked < LOOK_EVERY_SECONDS:
            return
        now = _jiffies()
        others, everything = now[0] - self.seen[0], now[1] - self.seen[1]
        torch.set_num_threads(max(1, self.most // 2) if others > BUSY * everything else self.most)
        self.seen, self.looked = now, time.monotonic()


def _jiffies() -> tuple[float, float]:
    """Jiffies that other processes computed, and those of everything, from /proc/stat; zeros where there is none."""
    try:
        counts = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    except OSError:
        return 0, 0
    user, nice, system = counts[:3]
    return user + nice + system - time.process_time() * os.sysconf("SC_CLK_TCK"), sum(counts[:8])
