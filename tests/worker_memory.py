"""The memory that compiled programs take, bounded: they are forgotten before there are too many."""

import ctypes
import gc
import os
from pathlib import Path

import jax

# Every compiled program takes some of the 65,530 memory maps that Linux grants a process, and some
# memory: two workers are to fit into a laptop.
_MOST_MAPS, _MOST_BYTES, _STEP_BYTES = 30_000, 1_500 * 2**20, 200 * 2**20
_COUNT_BYTES = 20 * 2**20  # what some thousand maps come with, at the least


class Memory:
    """What this process takes, where the system tells."""

    def __init__(self):
        self.kept = 0  # bytes that the last clearing left, which another one would leave too
        self.counted = 0  # bytes when the maps were last counted

    def bound(self, most=_MOST_BYTES):
        resident = self.resident()
        allowed = max(most, self.kept + _STEP_BYTES)
        if resident > allowed or self.many_maps(resident):
            jax.clear_caches()
            gc.collect()
            # What was freed lies in the allocator's arenas, of which XLA's threads have several.
            if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
                trim(0)
            self.kept = self.counted = self.resident()

    @staticmethod
    def resident():
        """Bytes in memory; 0 where /proc does not tell."""
        statm = Path("/proc/self/statm")
        pages = int(statm.read_text().split()[1]) if statm.exists() else 0
        return pages * os.sysconf("SC_PAGESIZE")

    def many_maps(self, resident):
        """Whether there are too many maps; a list of thousands is read where memory has grown."""
        if resident < self.counted + _COUNT_BYTES:
            return False
        self.counted = resident
        return self.maps() > _MOST_MAPS

    @staticmethod
    def maps():
        """Memory maps; 0 where /proc does not tell."""
        maps = Path("/proc/self/maps")
        return maps.read_bytes().count(b"\n") if maps.exists() else 0
