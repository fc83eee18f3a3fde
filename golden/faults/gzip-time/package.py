import gzip
import time


def make(wheel, fault):
    when = time.time() if fault else 0
    wheel.add("faulty/manual.gz", gzip.compress(b"NAME\n    faulty\n", mtime=when))
