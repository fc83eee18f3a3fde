"""Runs the command that its arguments are and prints what the run took, as JSON.

The peak is that of the largest process among the command and its children. It cannot be told to be
less than this interpreter's own (about 10 MiB), in whose memory the command's process begins.
"""

import json
import resource
import subprocess
import sys
import time

start = time.monotonic()
run = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
seconds = time.monotonic() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if run.returncode != 0:
    sys.exit(f"{sys.argv[1]} ended with {run.returncode}")
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpu_seconds": used.ru_utime + used.ru_stime,
            "peak_mib": used.ru_maxrss / 1024,
            "output": run.stdout.decode(errors="replace").strip(),
        }
    )
)
