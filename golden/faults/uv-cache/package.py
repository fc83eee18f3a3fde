import json
import os


def make(wheel, fault):
    now = os.stat("package.py").st_ctime_ns if fault else 0
    seconds, nanoseconds = divmod(now, 10**9)
    times = {"secs_since_epoch": seconds, "nanos_since_epoch": nanoseconds}
    wheel.add("vendored-1.dist-info/uv_cache.json", json.dumps({"timestamp": times}))
