"""Runs a command and prints what the run took, as JSON. The first argument is the exit code that it
must end with, the others are the command.

`peak_mib` is that of the largest process among the command and its children; the kernel keeps it,
so none is missed, and it cannot be told to be less than this interpreter's own (about 10 MiB), in
whose memory the command's process begins. `own_peak_mib` is that of the command's own process, as
it was last seen to be: looked at every 10 ms, as the kernel forgets it when the process ends.
"""

import json
import resource
import subprocess
import sys
import threading
import time


def watch(pid, peak, ended):
    while not ended.wait(0.01):
        with open(f"/proc/{pid}/status") as status:
            found = [line for line in status if line.startswith("VmHWM:")]
        if found:
            peak[0] = int(found[0].split()[1])


start = time.monotonic()
run = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
peak, ended = [0], threading.Event()
watcher = threading.Thread(target=watch, args=(run.pid, peak, ended))
watcher.start()
output = run.stdout.read()
ended.set()
watcher.join()
run.wait()
seconds = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if run.returncode != int(sys.argv[1]):
    sys.exit(f"{sys.argv[2]} ended with {run.returncode}")
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_mib": used.ru_maxrss / 1024,
            "own_peak_mib": peak[0] / 1024,
            "output": output.decode(errors="replace").strip(),
        }
    )
)
