# Reads back, inside the sandbox, what is varied between rounds; prints one value a name as JSON.
import ctypes, json, locale, os, platform, pwd, socket, tempfile, time

umask = os.umask(0)
os.umask(umask)
locale.setlocale(locale.LC_ALL, "")
user = pwd.getpwuid(os.getuid())

# The kernel's own clock, asked without the libc function that a library can replace.
seconds = (ctypes.c_long * 2)()
clock_gettime = {"x86_64": 228}.get(platform.machine(), 113)
ctypes.CDLL(None).syscall(ctypes.c_long(clock_gettime), ctypes.c_long(0), seconds)
kernel_time = seconds[0]
with tempfile.TemporaryDirectory() as directory:
    for name in "abcdefgh":
        open(os.path.join(directory, name), "w").close()
    listed = os.listdir(directory)
    made = os.stat(os.path.join(directory, "a")).st_mtime

def shift(seconds):
    # The machine's own clock is read in whole seconds, so minutes are what can be told.
    minutes = round((seconds - kernel_time) / 60)
    return f"{minutes // 1440} d {minutes // 60 % 24:02} h {minutes % 60:02} min"

with open("/proc/self/personality") as personality:
    fixed = int(personality.read(), 16) & 0x0040000
with open("/proc/net/dev") as devices:
    interfaces = sorted(line.split(":")[0].strip() for line in devices if ":" in line)

uname = os.uname()
print(json.dumps({
    "aslr": "off" if fixed else "on",
    "build-path": os.getcwd(),
    "clock": shift(time.time()) + ", files " + shift(made),
    "cpu": f"{os.cpu_count()} of which {len(os.sched_getaffinity(0))} usable",
    "directory-order": "".join(listed),
    "domain": socket.getfqdn(),
    "environment": os.environ.get("LOCKSTEP_ROUND", "none") + ", " + os.environ["PATH"].split(":")[-1],
    "hash-seed": os.environ["PYTHONHASHSEED"] + " gives " + str(hash("lockstep")),
    "home": os.path.expanduser("~") + ", " + user.pw_dir,
    "host-name": socket.gethostname(),
    "kernel": uname.release + ", " + uname.version,
    "locale": os.environ["LC_ALL"] + ", " + locale.nl_langinfo(locale.CODESET),
    "network": " ".join(interfaces),
    "temporary-directory": tempfile.gettempdir(),
    "time-zone": time.strftime("%z"),
    "umask": f"{umask:04o}",
    "user": f"{user.pw_name} {os.getuid()}:{os.getgid()}",
}))
