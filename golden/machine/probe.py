"""What a build can tell of the machine, one fact a line: its name, a tab, its value as JSON.

Run in the sandbox by the toolchain's interpreter, in a directory that is a build's own. `facts.toml`
has a row for each fact. What is not printed is not compared, so a fact that every question changes
(a clock, a counter) is printed as it is, and its row says that it leaks or is varied.
"""

import ctypes
import errno
import fcntl
import hashlib
import json
import math
import mmap
import os
import platform
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import sysconfig
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
FACTS = {}


def fact(name, action):
    assert name not in FACTS, name
    try:
        value = action()
    except OSError as error:
        value = errno.errorcode.get(error.errno, str(error))
    except Exception as error:
        value = repr(error)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = json.dumps(value)
    if len(text) > 120:
        text = json.dumps("sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16])
    FACTS[name] = text


def read(path):
    with open(path, "rb") as file:
        return file.read(1 << 20)


def call(number, *arguments):
    result = LIBC.syscall(ctypes.c_long(number), *[
        it if isinstance(it, (bytes, ctypes.Array)) else ctypes.c_long(it) for it in arguments
    ])
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def run(*words, input=None):
    done = subprocess.run(words, capture_output=True, input=input)
    return done.stdout if done.returncode == 0 else f"exit {done.returncode}"


# --- the kernel and the machine's names ---------------------------------------------------------
for field in ("sysname", "nodename", "release", "version", "machine"):
    fact(f"uname {field}", lambda: getattr(os.uname(), field))


def domain():
    room = ctypes.create_string_buffer(6 * 65)
    LIBC.uname(room)
    return room.raw[5 * 65:].split(b"\0")[0]


fact("uname domainname", domain)
fact("uname of setarch linux32", lambda: run("setarch", "linux32", "uname", "-rm"))
fact("platform.platform", platform.platform)
fact("platform.processor", platform.processor)
fact("platform.libc_ver", platform.libc_ver)
fact("sysconfig.get_platform", sysconfig.get_platform)
fact("host id", lambda: LIBC.gethostid())
fact("/etc/machine-id", lambda: read("/etc/machine-id"))
fact("/var/lib/dbus/machine-id", lambda: read("/var/lib/dbus/machine-id"))
fact("/etc/hostname", lambda: read("/etc/hostname"))
fact("/etc/resolv.conf", lambda: read("/etc/resolv.conf"))
fact("/etc/localtime", lambda: read("/etc/localtime"))
fact("/etc/timezone", lambda: read("/etc/timezone"))
fact("/etc/passwd", lambda: read("/etc/passwd"))
fact("/etc/group", lambda: read("/etc/group"))
fact("/etc/hosts", lambda: read("/etc/hosts"))
fact("/etc/nsswitch.conf", lambda: read("/etc/nsswitch.conf"))
fact("/sys", lambda: sorted(os.listdir("/sys")))
fact("host name", socket.gethostname)
fact("full host name", socket.getfqdn)
fact("system calls unknown", lambda: call(999))
fact("Landlock version", lambda: call(444, 0, 0, 1))
fact("membarrier", lambda: call(324, 0, 0))
fact("io_uring", lambda: call(425, 1, bytes(120)))
fact("openat2", lambda: call(437, -100, b"/", bytes(24), 24) > 0)
fact("clone3", lambda: call(435, 0, 0))
fact("epoll_pwait2", lambda: call(441, -1, 0, 0, 0, 0))
fact("futex_waitv", lambda: call(449, 0, 0, 0, 0, 0))
fact("cachestat", lambda: call(451, 0, 0, 0, 0))
fact("keyctl", lambda: call(250, 0, -3, 0))


def statx_mask():
    room = ctypes.create_string_buffer(256)
    call(332, -100, b".", 0, 0xffffffff & ~(1 << 31), room)
    return hex(struct.unpack("I", room.raw[:4])[0])


fact("statx mask", statx_mask)


def sysinfo():
    room = ctypes.create_string_buffer(112)
    LIBC.sysinfo(room)
    return struct.unpack("10qHxxxxxx2qI4x", room.raw)


for index, name in enumerate(("uptime", "load 1", "load 5", "load 15", "memory", "free memory",
                              "shared memory", "buffers", "swap", "free swap", "processes",
                              "high memory", "free high memory", "unit")):
    fact(f"sysinfo {name}", lambda: sysinfo()[index])

# --- what libc says -----------------------------------------------------------------------------
for name in sorted(os.sysconf_names):
    fact(f"sysconf {name}", lambda: os.sysconf(name))
for name in sorted(os.confstr_names):
    fact(f"confstr {name}", lambda: os.confstr(name))
for name in sorted(os.pathconf_names):
    fact(f"pathconf {name}", lambda: os.pathconf(".", name))

# --- processors and scheduling ------------------------------------------------------------------
fact("os.cpu_count", os.cpu_count)
fact("os.process_cpu_count", os.process_cpu_count)
fact("affinity", lambda: sorted(os.sched_getaffinity(0)))
fact("affinity of process 1", lambda: sorted(os.sched_getaffinity(1)))
fact("affinity without libc", lambda: call(204, 0, 128, bytes(128)))
fact("affinity after setting it", lambda: (os.sched_setaffinity(0, {0}), sorted(os.sched_getaffinity(0)))[1])
fact("nproc", lambda: run("nproc"))
fact("nproc --all", lambda: run("nproc", "--all"))
fact("get_nprocs", lambda: LIBC.get_nprocs())
fact("get_nprocs_conf", lambda: LIBC.get_nprocs_conf())
fact("getcpu", lambda: LIBC.sched_getcpu())
fact("scheduling policy", lambda: os.sched_getscheduler(0))
fact("scheduling priority", lambda: os.sched_getparam(0).sched_priority)
fact("round robin interval", lambda: os.sched_rr_get_interval(0))
fact("niceness", lambda: os.getpriority(os.PRIO_PROCESS, 0))
fact("niceness by nice", lambda: os.nice(0))
fact("niceness of a nicer child", lambda: run("nice", "-n", "3", "nice"))
fact("priority of input and output", lambda: call(252, 1, 0))
fact("memory policy", lambda: call(239, 0, 0, 0, 0, 0))
fact("timer slack", lambda: LIBC.prctl(30, 0, 0, 0, 0))
fact("clock ticks", lambda: os.times().elapsed > 0)

# --- limits -------------------------------------------------------------------------------------
for name in sorted(it for it in dir(resource) if it.startswith("RLIMIT_")):
    fact(f"limit {name}", lambda: resource.getrlimit(getattr(resource, name)))
fact("limits by ulimit", lambda: run("sh", "-c", "ulimit -a"))
fact("/proc/self/limits", lambda: read("/proc/self/limits"))
fact("oom_score_adj", lambda: read("/proc/self/oom_score_adj").strip())
fact("oom_score", lambda: read("/proc/self/oom_score").strip())
fact("core dump filter", lambda: read("/proc/self/coredump_filter").strip())

# --- signals and the process --------------------------------------------------------------------
fact("signals that are blocked, by libc", lambda: sorted(signal.pthread_sigmask(0, [])))
fact("signals ignored in a shell", lambda: run("sh", "-c", "grep SigIgn /proc/self/status"))


def status(field):
    for line in read("/proc/self/status").decode().splitlines():
        if line.startswith(field + ":"):
            return line.partition(":")[2].strip()
    return "none"


fact("signals that are ignored", lambda: status("SigIgn"))
fact("signals that are blocked", lambda: status("SigBlk"))
for field in ("Umask", "NStgid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
              "Seccomp", "Seccomp_filters", "Speculation_Store_Bypass",
              "SpeculationIndirectBranch", "Cpus_allowed", "Cpus_allowed_list", "Mems_allowed_list",
              "Groups", "Uid", "Gid", "TracerPid", "FDSize", "CoreDumping", "THP_enabled",
              "SigQ", "Threads"):
    fact(f"status {field}", lambda: status(field))
fact("process id", os.getpid)
fact("parent process", os.getppid)
fact("process group", os.getpgrp)
fact("session", lambda: os.getsid(0))
fact("users", os.getresuid)
fact("groups", os.getresgid)
fact("further groups", os.getgroups)
fact("terminal", lambda: os.open("/dev/tty", os.O_RDWR))
fact("standard streams are terminals", lambda: [os.isatty(number) for number in range(3)])
fact("standard input", lambda: stat.filemode(os.fstat(0).st_mode))
fact("open files", lambda: sorted(int(it) for it in os.listdir("/proc/self/fd"))[:3])
fact("umask", lambda: oct(os.umask(0o022)))
fact("working directory", os.getcwd)
fact("program", lambda: os.readlink("/proc/self/exe"))
fact("root directory", lambda: os.readlink("/proc/self/root"))
fact("personality", lambda: hex(call(135, 0xffffffff)))
fact("keep capabilities", lambda: LIBC.prctl(7, 0, 0, 0, 0))
fact("security bits", lambda: LIBC.prctl(27, 0, 0, 0, 0))
fact("dumpable", lambda: LIBC.prctl(3, 0, 0, 0, 0))
fact("transparent huge pages", lambda: LIBC.prctl(42, 0, 0, 0, 0))
fact("machine check policy", lambda: LIBC.prctl(34, 0, 0, 0, 0))
fact("speculation of stores", lambda: LIBC.prctl(52, 0, 0, 0, 0))
fact("speculation of branches", lambda: LIBC.prctl(52, 1, 0, 0, 0))
fact("memory deny write execute", lambda: LIBC.prctl(66, 0, 0, 0, 0))


def tsc():
    mode = ctypes.c_int()
    LIBC.prctl(25, ctypes.byref(mode), 0, 0, 0)
    return mode.value


fact("time stamp counter", tsc)
for name in ("cgroup", "comm", "cmdline", "loginuid", "sessionid", "uid_map", "gid_map",
             "setgroups", "timens_offsets", "mountinfo", "mounts", "mountstats", "maps",
             "personality", "wchan", "stat", "statm", "io", "schedstat", "sched", "auxv",
             "numa_maps", "arch_status", "cpuset", "cpu_resctrl_groups", "attr/current",
             "autogroup", "smaps_rollup", "timerslack_ns", "latency", "patch_state",
             "ksm_stat", "environ"):
    fact(f"/proc/self/{name}", lambda: read(f"/proc/self/{name}"))
for name in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"):
    fact(f"namespace {name}", lambda: os.readlink(f"/proc/self/ns/{name}"))

# --- /proc --------------------------------------------------------------------------------------
fact("names in /proc", lambda: [it for it in os.listdir("/proc") if not it.isdigit()])
for name in ("acpi", "asound", "bootconfig", "buddyinfo", "bus", "cgroups", "cmdline",
             "config.gz", "consoles", "cpuinfo", "crypto", "devices", "diskstats", "dma",
             "driver", "dynamic_debug", "execdomains", "fb", "filesystems", "fs", "interrupts",
             "iomem", "ioports", "irq", "kallsyms", "kcore", "key-users", "keys", "kmsg",
             "kpagecgroup", "kpagecount", "kpageflags", "loadavg", "locks", "mdstat", "meminfo",
             "misc", "modules", "mounts", "mtrr", "pagetypeinfo", "partitions", "pressure",
             "schedstat", "scsi", "slabinfo", "softirqs", "stat", "swaps", "sysrq-trigger",
             "sysvipc/msg", "sysvipc/sem", "sysvipc/shm", "timer_list", "tty", "uptime",
             "version", "version_signature", "vmallocinfo", "vmstat", "zoneinfo"):
    def shown(path=f"/proc/{name}"):
        # A file that no kernel need have: absent and empty is one answer.
        try:
            return os.listdir(path) if os.path.isdir(path) else read(path)
        except OSError as error:
            return [] if os.path.isdir(path) else ""
    fact(f"/proc/{name}", shown)


def settings():
    for directory, directories, names in os.walk("/proc/sys"):
        directories.sort()
        for name in sorted(names):
            yield os.path.join(directory, name)


fact("names in /proc/sys", lambda: list(settings()))
for path in list(settings()):
    fact(path, lambda: read(path).strip())
ABSENT = ("/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/kernel/sched_autogroup_enabled",
          "/proc/sys/kernel/numa_balancing", "/proc/sys/kernel/bootloader_type",
          "/proc/sys/kernel/hotplug", "/proc/sys/vm/zone_reclaim_mode",
          "/proc/sys/dev/cdrom/info", "/proc/sys/abi/vsyscall32",
          "/proc/sys/user/max_user_namespaces", "/proc/sys/net/ipv4/tcp_congestion_control")
for path in ABSENT:
    if path not in FACTS:
        fact(path, lambda: read(path).strip())
for name in ("arp", "dev", "if_inet6", "netstat", "protocols", "route", "snmp", "sockstat", "tcp",
             "unix"):
    fact(f"/proc/net/{name}", lambda: read(f"/proc/net/{name}"))

# --- files --------------------------------------------------------------------------------------
for path in (".", "/", "/tmp", "/dev/shm", "/proc", "/usr"):
    for field in ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree",
                  "f_flag", "f_namemax", "f_fsid"):
        fact(f"statvfs {path} {field}", lambda: getattr(os.statvfs(path), field))


def kind(path):
    room = ctypes.create_string_buffer(120)
    LIBC.statfs(path.encode(), room)
    return hex(struct.unpack("q", room.raw[:8])[0])


for path in (".", "/", "/tmp", "/dev/shm", "/proc", "/dev/pts", "/usr", "/proc/self/fd"):
    fact(f"statfs {path} type", lambda: kind(path))


def fstatfs_type():
    room = ctypes.create_string_buffer(120)
    LIBC.fstatfs(os.open(".", os.O_RDONLY), room)
    return hex(struct.unpack("q", room.raw[:8])[0])


fact("fstatfs type", fstatfs_type)
fact("df", lambda: run("df", "."))
NAMES = [f"{hashlib.sha256(str(it).encode()).hexdigest()[:12]}.{it}" for it in range(64)]
os.mkdir("listed")
for name in NAMES:
    with open(f"listed/{name}", "w") as file:
        file.write(name)


def without_libc(path):
    found, file = [], os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    while True:
        room = ctypes.create_string_buffer(300)
        count = call(217, file, room, 300)
        if count == 0:
            return found
        at = 0
        while at < count:
            length = struct.unpack("H", room.raw[at + 16:at + 18])[0]
            found.append(room.raw[at + 19:at + length].split(b"\0")[0].decode())
            at += length


def glob_of_a_shell(**more):
    return subprocess.run(["ls", "-U", "listed"], capture_output=True, **more).stdout.split()


def order(names):
    names = [it.decode() if isinstance(it, bytes) else it for it in names]
    names = [it for it in names if it not in (".", "..")]
    if names == sorted(names):
        return "sorted"
    return "backwards" if names == sorted(names, reverse=True) else "of the file system"


fact("order of a directory", lambda: order(os.listdir("listed")))
fact("order of a directory, without libc", lambda: order(without_libc("listed")))
fact("order of a directory, ls -U", lambda: order(glob_of_a_shell()))
fact("order of a directory, empty environment", lambda: order(glob_of_a_shell(env={})))
fact("order of a directory, find", lambda: order([it.rpartition(b"/")[2] for it in run("find", "listed", "-type", "f").split()]))
fact("order of the root", lambda: order(os.listdir("/")))
fact("order of /usr/bin", lambda: order(os.listdir("/usr/bin")))
fact("entries are told apart from files", lambda: sorted({it.is_file() for it in os.scandir("listed")}))


def of_memory():
    directory = tempfile.mkdtemp()
    for name in NAMES:
        open(f"{directory}/{name}", "w").close()
    return os.listdir(directory)


fact("order of a directory of memory", lambda: order(of_memory()))
for name in ("st_mode", "st_uid", "st_gid", "st_nlink", "st_size", "st_dev", "st_ino", "st_blksize",
             "st_blocks"):
    fact(f"stat of a directory {name}", lambda: getattr(os.stat("listed"), name))
    fact(f"stat of a file {name}", lambda: getattr(os.stat(f"listed/{NAMES[0]}"), name))
fact("stat of a file st_mtime_ns", lambda: os.stat(f"listed/{NAMES[0]}").st_mtime_ns)
fact("resolution of file times", lambda: os.stat(f"listed/{NAMES[0]}").st_mtime_ns % 1000 > 0)


def time_of_access():
    path = f"listed/{NAMES[1]}"
    os.utime(path, (1, 1))
    read(path)
    return os.stat(path).st_atime != 1


fact("reading changes the time of access", time_of_access)


def clone():
    with open(f"listed/{NAMES[2]}") as one, open("listed/clone", "w") as other:
        fcntl.ioctl(other, 0x40049409, one.fileno())
    return "done"


def sparse():
    with open("listed/sparse", "w+b") as file:
        file.truncate(1 << 20)
        return os.lseek(file.fileno(), 0, os.SEEK_DATA)


def names_that_differ_in_case():
    with open("listed/CASE", "w"):
        return os.path.exists("listed/case")


fact("files can share blocks", clone)
fact("files can have holes", sparse)
fact("names in another case are one", names_that_differ_in_case)
fact("file without a name", lambda: os.close(os.open("listed", os.O_TMPFILE | os.O_RDWR)))
fact("direct input and output", lambda: os.close(os.open(f"listed/{NAMES[3]}", os.O_DIRECT)))
fact("extended attributes", lambda: os.setxattr("listed", "user.x", b"1"))
fact("lists of attributes", lambda: os.listxattr("listed"))
fact("allocating", lambda: os.posix_fallocate(os.open("listed/full", os.O_CREAT | os.O_RDWR), 0, 10))
fact("attributes of a file system", lambda: call(16, os.open("listed", os.O_RDONLY), 0x80086601, bytes(8)))
fact("links to one file", lambda: os.link(f"listed/{NAMES[4]}", "listed/link"))
fact("longest name", lambda: os.mkdir("listed/" + "x" * 255))
fact("size of a pipe", lambda: fcntl.fcntl(os.pipe()[1], 1032))
for path in ("/", "/dev", "/etc", "/home", "/root", "/run", "/opt", "/var", "/srv", "/mnt"):
    fact(f"names in {path}", lambda: os.listdir(path))

# --- the environment ----------------------------------------------------------------------------
for name in sorted(os.environ):
    fact(f"variable {name}", lambda: os.environ[name])
fact("names of variables", lambda: sorted(os.environ))
fact("home", lambda: os.path.expanduser("~"))
fact("account", lambda: __import__("getpass").getuser())
fact("directory for temporary files", tempfile.gettempdir)
fact("encoding of files", lambda: sys.getfilesystemencoding())
fact("locale", lambda: __import__("locale").setlocale(__import__("locale").LC_ALL, ""))
fact("order of a set", lambda: list({"one", "two", "three", "four"}))
fact("size of a terminal", lambda: list(os.get_terminal_size()))

# --- time ---------------------------------------------------------------------------------------
fact("time", lambda: int(time.time()))
fact("time zone", lambda: time.strftime("%Z %z"))
fact("time zone names", lambda: time.tzname)
fact("monotonic clock", lambda: int(time.monotonic()))
fact("clock since boot", lambda: int(time.clock_gettime(time.CLOCK_BOOTTIME)))
fact("clock of the process", lambda: time.process_time() > 0)
fact("resolution of the clock", lambda: time.get_clock_info("time").resolution)
fact("resolution of the coarse clock", lambda: time.clock_getres(5))
fact("TAI and UTC differ by", lambda: round(time.clock_gettime(time.CLOCK_TAI) - time.time()))

# --- memory -------------------------------------------------------------------------------------
fact("address of a library", lambda: hex(ctypes.cast(LIBC.malloc, ctypes.c_void_p).value))
fact("address of a variable", lambda: hex(ctypes.addressof(ctypes.c_int())))
fact("size of a page", lambda: mmap.PAGESIZE)
fact("bits of an address", lambda: struct.calcsize("P") * 8)
fact("order of bytes", lambda: sys.byteorder)
fact("most memory used", lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
fact("page faults", lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt)

# --- network ------------------------------------------------------------------------------------
fact("interfaces", lambda: [it[1] for it in socket.if_nameindex()])
fact("localhost", lambda: socket.getaddrinfo("localhost", 1)[0][4][0])
fact("size of a socket's buffer", lambda: socket.socket().getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
fact("congestion control", lambda: socket.socket().getsockopt(6, 13, 16).strip(b"\0"))
fact("IPv6", lambda: socket.socket(socket.AF_INET6).bind(("::1", 0)))
fact("longest queue", lambda: socket.SOMAXCONN)

# --- the processor ------------------------------------------------------------------------------
AUXILIARY = {3: "PHDR", 6: "PAGESZ", 15: "PLATFORM", 16: "HWCAP", 17: "CLKTCK", 23: "SECURE",
             25: "RANDOM", 26: "HWCAP2", 27: "RSEQ_FEATURE_SIZE", 33: "SYSINFO_EHDR",
             51: "MINSIGSTKSZ"}
LIBC.getauxval.restype = ctypes.c_ulong
for number, name in AUXILIARY.items():
    def auxiliary():
        value = LIBC.getauxval(ctypes.c_ulong(number))
        return ctypes.string_at(value).decode() if name == "PLATFORM" else hex(value)
    fact(f"auxiliary {name}", auxiliary)


def cpuid(leaf, sub=0):
    # mov eax, edi; mov ecx, esi; push rbx; cpuid; mov [rdx'], … with the room's address in r8.
    code = bytes.fromhex("4989d0 53 89f8 89f1 0fa2 418900 41895804 41894808 4189500c 5b c3")
    room = (ctypes.c_uint32 * 4)()
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as memory:
        memory.write(code)
        view = ctypes.c_char.from_buffer(memory)
        kind = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p)
        kind(ctypes.addressof(view))(leaf, sub, ctypes.addressof(room))
        del view
    return list(room)


for leaf, name in ((0, "vendor"), (1, "family and features"), (4, "caches"), (7, "more features"),
                   (0xb, "topology"), (0xd, "state"), (0x15, "frequency"), (0x40000000, "hypervisor"),
                   (0x80000001, "features of AMD"), (0x80000002, "name"), (0x80000006, "second cache"),
                   (0x80000008, "addresses")):
    fact(f"cpuid {name}", lambda: cpuid(leaf))


def chosen_by_libc():
    text = run("/lib64/ld-linux-x86-64.so.2", "--list-diagnostics").decode()
    active = [it for it in text.splitlines() if ".active" in it or "isa_1" in it]
    return active


fact("libc's choice by processor", chosen_by_libc)
LIBM = ctypes.CDLL("libm.so.6")
for name in ("sin", "cos", "tan", "atan", "exp", "log", "exp2f", "sinf", "powf", "pow"):
    def values(function=getattr(LIBM, name), single=name.endswith("f"), two=name.startswith("pow")):
        kind = ctypes.c_float if single else ctypes.c_double
        function.restype, function.argtypes = kind, [kind] * (2 if two else 1)
        return [float(function(*[it / 7] * (2 if two else 1))).hex() for it in range(1, 4000)]
    fact(f"libm {name}", values)


def mapped_by_the_linker():
    text = run("/lib64/ld-linux-x86-64.so.2", "--help").decode()
    return [it.strip() for it in text.splitlines() if "supported" in it]


fact("libraries for processors", mapped_by_the_linker)
with open("native.c", "w") as file:
    file.write("int it;\n")
for flag in ("-march=native", "-mtune=native", "-mcpu=native"):
    fact(f"gcc {flag}", lambda: run("gcc", flag, "-E", "-dM", "-xc", "/dev/null"))
    fact(f"gcc {flag} -Q", lambda: run("gcc", flag, "-Q", "--help=target"))
    fact(f"g++ {flag}", lambda: run("g++", flag, "-E", "-dM", "-xc++", "/dev/null"))
fact("gcc", lambda: run("gcc", "-E", "-dM", "-xc", "/dev/null"))
fact("gcc -Q", lambda: run("gcc", "-Q", "--help=target"))
DISPATCH = """#include <stdio.h>
int main(void) { __builtin_cpu_init(); printf("%d%d%d%d", !!__builtin_cpu_supports("sse4.2"),
    !!__builtin_cpu_supports("avx2"), !!__builtin_cpu_supports("fma"),
    !!__builtin_cpu_supports("avx512f")); }
"""


def compiled(*flags):
    with open("dispatch.c", "w") as file:
        file.write(DISPATCH)
    subprocess.run(["gcc", *flags, "-o", "dispatch", "dispatch.c"], check=True)
    return run("./dispatch")


fact("dispatch at run time", compiled)
fact("dispatch at run time, static", lambda: compiled("-static"))

# --- luck ---------------------------------------------------------------------------------------
fact("random numbers", lambda: os.urandom(8).hex())
fact("random numbers of libc", lambda: LIBC.rand())
fact("name of a temporary file", lambda: tempfile.mktemp())

for name, value in FACTS.items():
    print(f"{name}\t{value}")
