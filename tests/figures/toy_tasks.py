"""Work for the processes of `figures.workers` that takes no time to import."""

import os
import signal
import time


def work(task, say):
    """Do what a task says: its first word, and a number or a path after it."""
    word, _, rest = task.partition(" ")
    if word == "double":
        say("doubling")
        return 2 * int(rest)
    if word == "err":
        raise ValueError(f"no {rest}")
    if word == "crash":
        os._exit(int(rest))
    if word == "process":
        return os.getpid()
    if word == "sleep":
        deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        with open(rest, "w") as file:
            file.write(f"{os.getpid()} {deaf}")
        time.sleep(600)
    raise AssertionError(task)
