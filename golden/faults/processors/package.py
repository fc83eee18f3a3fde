import os


def make(wheel, fault):
    count = len(os.sched_getaffinity(0)) if fault else 4
    wheel.add("faulty/_config.py", f"DEFAULT_THREADS = {count}\n")
