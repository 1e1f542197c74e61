"""A sweep whose process is killed in one of its calls, the first time: by SIGKILL, as `kill -9`."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import homotopy as hm
from homotopy._xla_flags import QUICK_COMPILATION, ask_for

KILLED = 7


class Case:
    """What is called: it writes down each call, and is of the folder by name only."""

    fingerprint = "of this file"

    def __init__(self, folder):
        self.folder = Path(folder)

    def __call__(self, case):
        with (self.folder / "calls").open("a") as file:
            file.write(f"{case}\n")
        last = self.folder / "killed"
        if case == KILLED and not last.exists():
            # Those before it are on their way to their files.
            while len(list((self.folder / "journal").glob("*.npz"))) < 4:
                time.sleep(0.01)
            last.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return np.arange(3.0) * case


if __name__ == "__main__":
    folder, devices = Path(sys.argv[1]), int(sys.argv[2])
    ask_for(f"xla_force_host_platform_device_count={max(devices, 1)}", *QUICK_COMPILATION)
    hm.enable_x64()
    options = {"devices": devices} if devices else {}
    found = hm.sweep(Case(folder), range(12), journal=folder / "journal", **options)
    print(json.dumps(np.asarray(found).tolist()))
