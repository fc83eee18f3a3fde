"""What a build can try, one line for each attempt: its name, and what came of it.

Run in the sandbox by the toolchain's interpreter. Every attempt runs in a child of its own, so that
one that succeeds (or kills) does not change the next. What differs between machines is not printed.
"""

import ctypes
import errno
import fcntl
import os
import resource
import socket
import stat
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    """A system call by its number; the name of its error, or what it returned."""
    result = LIBC.syscall(ctypes.c_long(number), *[
        it if isinstance(it, (bytes, ctypes.Array)) else ctypes.c_long(it) for it in arguments
    ])
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def attempt(action):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result = action()
            said = "done" if result is None else str(result)
        except OSError as error:
            said = errno.errorcode.get(error.errno, str(error))
        except BaseException as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        said += f" killed by signal {os.WTERMSIG(status)}"
    return said


def read(path, count=200):
    with open(path, "rb") as file:
        return file.read(count)


def or_no(action):
    """What machines refuse in different ways, or do not have."""
    try:
        return action()
    except OSError:
        return "no"


def readable(path):
    return or_no(lambda: "readable" if read(path) else "empty")


def write(path):
    def written():
        with open(path, "r+b", buffering=0) as file:
            file.write(b"1")
        return "WRITTEN"

    return or_no(written)


def create(path):
    def made():
        with open(path, "xb"):
            return "MADE"

    return or_no(made)


def status(field):
    for line in read("/proc/self/status", 1 << 16).decode().splitlines():
        if line.startswith(field + ":"):
            return line.partition(":")[2].strip()
    return "?"


def mounts():
    """Mount points and the flags that matter, without the names of the host's file systems."""
    found = []
    for line in read("/proc/self/mountinfo", 1 << 20).decode().splitlines():
        fields = line.split(" ")
        if fields[4].startswith("/proc/") and fields[4] != "/proc/sys":
            continue  # not every kernel has the same files there
        kept = [it for it in fields[5].split(",") if it in ("ro", "rw", "nosuid", "nodev")]
        found.append(f"{fields[4]} {','.join(kept)}")
    return sorted(set(found))


GROUPS = {}


def group(name):
    return GROUPS.setdefault(name, [])


# --- who it is --------------------------------------------------------------------------------
who = group("who it is")
who += [
    ("user", lambda: os.getresuid()),
    ("group", lambda: os.getresgid()),
    ("other groups", lambda: os.getgroups()),
    ("session", lambda: os.getsid(0) == 1),
    ("terminal", lambda: os.open("/dev/tty", os.O_RDWR)),
    ("host name", lambda: socket.gethostname()),
    ("umask", lambda: oct(os.umask(0))),
    ("open files", lambda: sorted(int(it) for it in os.listdir("/proc/self/fd"))[:3]),
    ("core files", lambda: resource.getrlimit(resource.RLIMIT_CORE)),
    ("no_new_privs", lambda: status("NoNewPrivs")),
    ("seccomp", lambda: status("Seccomp")),
]
who += [(f"capabilities {it}", lambda it=it: status(it))
        for it in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
who += [
    ("user map", lambda: len(read("/proc/self/uid_map").split())),
    ("control group", lambda: read("/proc/self/cgroup").decode().rsplit(":")[-1].strip()),
]

# --- becoming another -------------------------------------------------------------------------
become = group("becoming another user")
become += [
    ("setuid(0)", lambda: os.setuid(0)),
    ("setresuid(0)", lambda: os.setresuid(0, 0, 0)),
    ("setgid(0)", lambda: os.setgid(0)),
    ("setgroups", lambda: os.setgroups([0])),
    ("setuid(65534)", lambda: os.setuid(65534)),
    ("capset", lambda: call(126, struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0xffffffff] * 6))),
    ("ambient capability", lambda: LIBC.prctl(47, 2, 21, 0, 0)),
    ("bounding set", lambda: LIBC.prctl(23, 21, 0, 0, 0)),
    ("write uid_map", lambda: write("/proc/self/uid_map")),
    ("write setgroups", lambda: write("/proc/self/setgroups")),
    ("memory of process 1", lambda: readable("/proc/1/mem")),
    ("environment of process 1", lambda: readable("/proc/1/environ")),
    ("root of process 1", lambda: os.listdir("/proc/1/root")),
    ("program of process 1", lambda: os.readlink("/proc/1/exe")),
    ("files of process 1", lambda: os.listdir("/proc/1/fd")),
    ("words of process 1", lambda: read("/proc/1/cmdline")),
    ("kill process 1", lambda: os.kill(1, 9)),
    ("lower oom_score_adj", lambda: write_text("/proc/self/oom_score_adj", "0")),
    ("raise priority", lambda: os.nice(-5)),
    ("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
]


def write_text(path, text):
    with open(path, "w") as file:
        file.write(text)
    return "WRITTEN"


# --- namespaces and mounts --------------------------------------------------------------------
CLONE = {"user": 0x10000000, "mount": 0x20000, "pid": 0x20000000, "net": 0x40000000,
         "ipc": 0x08000000, "uts": 0x04000000, "cgroup": 0x02000000, "time": 0x80}
spaces = group("namespaces and mounts")
spaces += [(f"unshare({name})", lambda flag=flag: call(272, flag)) for name, flag in CLONE.items()]
spaces += [(f"clone({name})", lambda flag=flag: call(56, flag | 17, 0, 0, 0, 0))
           for name, flag in CLONE.items() if name != "time"]
spaces += [
    ("clone3(user)", lambda: call(435, struct.pack("11Q", 0x10000000, *[0] * 3, 17, *[0] * 6), 88)),
    ("setns of its own", lambda: call(308, os.open("/proc/self/ns/mnt", os.O_RDONLY), 0)),
    ("setns of process 1", lambda: call(308, os.open("/proc/1/ns/mnt", os.O_RDONLY), 0)),
    ("mount tmpfs", lambda: call(165, b"x", b"/tmp", b"tmpfs", 0, 0)),
    ("mount proc", lambda: call(165, b"x", b"/tmp", b"proc", 0, 0)),
    ("bind", lambda: call(165, b"/usr", b"/tmp", 0, 4096, 0)),
    ("remount writable", lambda: call(165, 0, b"/usr", 0, 32 | 4096, 0)),
    ("remount with set-id", lambda: call(165, 0, b"/tmp", 0, 32 | 4096 | 4, 0)),
    ("umount", lambda: call(166, b"/usr", 2)),
    ("umount /proc/sys", lambda: call(166, b"/proc/sys", 2)),
    ("pivot_root", lambda: call(155, b"/tmp", b"/tmp")),
    ("chroot", lambda: os.chroot("/tmp")),
    ("open_tree", lambda: call(428, -100, b"/usr", 1)),
    ("move_mount", lambda: call(429, -100, b"/usr", -100, b"/tmp", 0)),
    ("fsopen", lambda: call(430, b"tmpfs", 0)),
    ("fsconfig", lambda: call(431, 0, 0, 0, 0, 0)),
    ("fsmount", lambda: call(432, 0, 0, 0)),
    ("fspick", lambda: call(433, -100, b"/", 0)),
    ("mount_setattr", lambda: call(442, -100, b"/usr", 0, bytes(32), 32)),
    ("statmount", lambda: call(457, bytes(24), bytes(99), 99, 0)),
    ("listmount", lambda: call(458, bytes(24), bytes(99), 99, 0)),
    ("mounts", lambda: "\n  " + "\n  ".join(mounts())),
]

# --- the kernel -------------------------------------------------------------------------------
kernel = group("the kernel")
kernel += [(name, lambda call_=call_: call(*call_)) for name, call_ in {
    "bpf": (321, 0, bytes(128), 128),
    "perf_event_open": (298, bytes(128), 0, -1, -1, 0),
    "userfaultfd": (323, 0),
    "io_uring_setup": (425, 1, bytes(120)),
    "io_uring_enter": (426, 0, 0, 0, 0, 0),
    "io_uring_register": (427, 0, 0, 0, 0),
    "ptrace(TRACEME)": (101, 0, 0, 0, 0),
    "ptrace(ATTACH, 1)": (101, 16, 1, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "add_key": (248, b"user", b"x", b"y", 1, -3),
    "request_key": (249, b"user", b"x", 0, -3),
    "keyctl(read session)": (250, 11, -3, bytes(99), 99),
    "keyctl(join)": (250, 1, 0),
    "init_module": (175, 0, 0, b""),
    "finit_module": (313, 0, b"", 0),
    "delete_module": (176, b"x", 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "kexec_file_load": (320, 0, 0, 0, b"", 0),
    "reboot": (169, 0xfee1dead, 672274793, 0, 0),
    "syslog": (103, 10, 0, 0),
    "swapon": (167, b"/tmp/x", 0),
    "acct": (163, 0),
    "settimeofday": (164, bytes(16), 0),
    "clock_settime": (227, 0, bytes(16)),
    "adjtimex": (159, bytes(208)),
    "sethostname": (170, b"x", 1),
    "setdomainname": (171, b"x", 1),
    "iopl": (172, 3),
    "ioperm": (173, 0x80, 1, 1),
    "modify_ldt": (154, 0, bytes(16), 16),
    "quotactl": (179, 0, 0, 0, 0),
    "fanotify_init": (300, 0, 0),
    "name_to_handle_at": (303, -100, b"/", bytes(136), bytes(4), 0),
    "open_by_handle_at": (304, -100, bytes(136), 0),
    "lookup_dcookie": (212, 0, 0, 0),
    "move_pages": (279, 0, 0, 0, 0, 0, 0),
    "migrate_pages": (256, 1, 0, 0, 0),
    "vhangup": (153,),
    "personality(READ_IMPLIES_EXEC)": (135, 0x0400000),
    "personality(0)": (135, 0),
    "seccomp(strict)": (317, 0, 1, 0),
    "memfd_secret": (447, 0),
    "openat2": (437, -100, b"/", bytes(24), 24),
    "a call that no kernel has": (999,),
    "a call of x32": (0x40000000 + 39,),
}.items()]

# --- sockets ----------------------------------------------------------------------------------
FAMILIES = {"UNIX": 1, "INET": 2, "AX25": 3, "IPX": 4, "APPLETALK": 5, "X25": 9, "INET6": 10,
            "KEY": 15, "NETLINK": 16, "PACKET": 17, "RDS": 21, "PPPOX": 24, "LLC": 26, "CAN": 29,
            "TIPC": 30, "BLUETOOTH": 31, "IUCV": 32, "RXRPC": 33, "PHONET": 35, "IEEE802154": 36,
            "CAIF": 37, "ALG": 38, "NFC": 39, "VSOCK": 40, "KCM": 41, "QIPCRTR": 42, "SMC": 43,
            "XDP": 44, "MCTP": 45}
sockets = group("sockets")
sockets += [(name, lambda number=number: type(socket.socket(number, 2 if number in (1, 2, 10) else 3 if number == 16 else 1)).__name__)
            for name, number in FAMILIES.items()]


def connects(address):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as it:
        it.settimeout(1)
        it.connect(address)


def serves():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
    return "a connection"


sockets += [
    ("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    ("raw 6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)),
    ("low port", lambda: socket.socket().bind(("127.0.0.1", 80))),
    ("interfaces", lambda: [it[1] for it in socket.if_nameindex()]),
    ("to the world", lambda: connects(("192.0.2.1", 80))),
    ("to the metadata service", lambda: connects(("169.254.169.254", 80))),
    ("to a server of its own", serves),
    ("abstract names of the host", lambda: len(read("/proc/net/unix", 1 << 16).splitlines())),
    ("resolve a name", lambda: socket.getaddrinfo("localhost", 1)[0][4][0]),
]

# --- the machine's files ----------------------------------------------------------------------
files = group("files of the machine")
files += [(f"list {it}", lambda it=it: or_no(lambda: sorted(os.listdir(it)))) for it in (
    "/", "/dev", "/dev/shm", "/dev/pts", "/home", "/root", "/run", "/srv", "/mnt", "/opt", "/var",
    "/tmp", "/sys", "/boot", "/media", "/nix", "/.oldrootfs")]
files += [(f"read {it}", lambda it=it: readable(it)) for it in (
    "/etc/shadow", "/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key", "/etc/resolv.conf",
    "/etc/ssl/private", "/root/.ssh/id_ed25519", "/run/docker.sock", "/var/run/docker.sock",
    "/proc/kcore", "/proc/kmsg", "/proc/keys", "/proc/key-users", "/proc/sysrq-trigger",
    "/proc/sched_debug", "/proc/latency_stats",
    "/proc/slabinfo", "/proc/vmallocinfo", "/proc/kpagecount", "/proc/self/pagemap",
    "/sys/kernel/notes", "/sys/class/dmi/id/product_uuid", "/dev/mem", "/dev/kmsg", "/dev/sda",
    "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/vsock", "/dev/console")]
files += [
    ("other processes", lambda: len([it for it in os.listdir("/proc") if it.isdigit()]) < 6),
    ("a path above the root", lambda: sorted(os.listdir("/../..")) == sorted(os.listdir("/"))),
    ("a file by inode", lambda: call(303, -100, b"/", bytes(136), bytes(4), 0)),
]

# --- writing ----------------------------------------------------------------------------------
writing = group("writing")
writing += [(f"make {it}", lambda it=it: create(it)) for it in (
    "/x", "/usr/x", "/usr/lib/x", "/etc/x", "/bin/x", "/opt/x", "/var/x", "/home/x", "/root/x",
    "/run/x", "/dev/x", "/proc/x", "/sys/x", "/tmp/x", "/var/tmp/x", "/dev/shm/x")]
writing += [(f"write {it}", lambda it=it: write(it)) for it in (
    "/etc/passwd", "/etc/hosts", "/usr/bin/env", "/dev/null", "/dev/random",
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/drop_caches", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/file-max",
    "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/proc/bus/pci/00", "/proc/mtrr",
    "/proc/1/oom_score_adj", "/proc/self/mem")]
writing += [
    ("change the mode of /dev/null", lambda: os.chmod("/dev/null", 0o600)),
    ("change the owner of /dev/null", lambda: os.chown("/dev/null", 1000, 1000)),
    ("change the time of /usr", lambda: os.utime("/usr")),
    ("change the mode of /usr/bin/env", lambda: os.chmod("/usr/bin/env", 0o777)),
    ("device in /tmp", lambda: os.mknod("/tmp/d", 0o600 | stat.S_IFCHR, os.makedev(1, 3))),
    ("block device in /tmp", lambda: os.mknod("/tmp/d", 0o600 | stat.S_IFBLK, os.makedev(8, 0))),
    ("pipe in /tmp", lambda: os.mkfifo("/tmp/p")),
    ("hard link to /usr/bin/env", lambda: os.link("/usr/bin/env", "/tmp/l")),
    ("program in /tmp", lambda: os.memfd_create("x") > 0),
]


def touched(mode, how):
    path = "/tmp/mode"
    with open(path, "w"):
        pass
    how(path, mode)
    return oct(os.stat(path).st_mode)


writing += [
    ("chmod 4755", lambda: touched(0o4755, os.chmod)),
    ("chmod 2755", lambda: touched(0o2755, os.chmod)),
    ("chmod 1755", lambda: touched(0o1755, os.chmod)),
    ("chmod 755", lambda: touched(0o755, os.chmod)),
    ("fchmod 4755", lambda: touched(0o4755, lambda path, mode: os.fchmod(os.open(path, os.O_RDONLY), mode))),
    ("fchmodat 4755", lambda: touched(0o4755, lambda path, mode: call(268, -100, path.encode(), mode))),
    ("fchmodat2 4755", lambda: touched(0o4755, lambda path, mode: call(452, -100, path.encode(), mode, 0))),
    ("open 4755", lambda: os.open("/tmp/o", os.O_CREAT, 0o4755)),
    ("open 2755", lambda: os.open("/tmp/o", os.O_CREAT, 0o2755)),
    ("open without creating", lambda: os.close(os.open("/tmp", os.O_RDONLY, 0o4755))),
    ("temporary file 4755", lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o4755)),
    ("temporary file 600", lambda: os.close(os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600))),
    ("creat 4755", lambda: call(85, b"/tmp/c", 0o4755)),
    ("mknod 4755", lambda: os.mknod("/tmp/n", 0o4755 | stat.S_IFREG)),
    ("mkdir 2755", lambda: (os.mkdir("/tmp/m", 0o2755), oct(os.stat("/tmp/m").st_mode))[1]),
    ("setxattr user", lambda: os.setxattr("/tmp", "user.x", b"1")),
    ("setxattr capability", lambda: os.setxattr("/tmp", "security.capability", bytes(20))),
    ("setxattr acl", lambda: os.setxattr("/tmp", "system.posix_acl_access", bytes(4))),
    ("removexattr", lambda: os.removexattr("/tmp", "user.x")),
]

# --- terminals --------------------------------------------------------------------------------
terminals = group("terminals")


def own_terminal(request):
    _, inside = os.openpty()
    return fcntl.ioctl(inside, request, b"x")


terminals += [
    ("TIOCSTI", lambda: own_terminal(0x5412)),
    ("TIOCLINUX", lambda: own_terminal(0x541c)),
    ("TIOCSTI, with more bits", lambda: call(16, 0, 0x100005412, b"x")),
    ("TIOCSCTTY", lambda: fcntl.ioctl(os.openpty()[1], 0x540e, 0)),
    ("a terminal of its own", lambda: os.ttyname(os.openpty()[1]).startswith("/dev/pts/")),
]

# --- what builds need -------------------------------------------------------------------------
needs = group("what builds need")


def shared():
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, [-1, -2])


def threads():
    import threading
    seen = []
    them = [threading.Thread(target=seen.append, args=(number,)) for number in range(4)]
    for it in them:
        it.start()
    for it in them:
        it.join()
    return len(seen)


def spawned():
    import subprocess
    return subprocess.run(["sh", "-c", "echo $((6 * 7))"], capture_output=True).stdout


def compiled():
    import subprocess
    with open("/tmp/c.c", "w") as file:
        file.write("int main(void) { return 42; }")
    subprocess.run(["gcc", "-o", "/tmp/c", "/tmp/c.c"], check=True)
    return subprocess.run(["/tmp/c"]).returncode


needs += [
    ("pool of processes", shared),
    ("threads", threads),
    ("a program", spawned),
    ("a compiler", compiled),
    ("a semaphore", lambda: __import__("multiprocessing").Semaphore(1).acquire()),
    ("file lock", lambda: fcntl.flock(os.open("/tmp", os.O_RDONLY), fcntl.LOCK_EX)),
    ("inotify", lambda: call(294, 0) > 0),
    ("epoll", lambda: call(291, 0) > 0),
    ("copy_file_range", lambda: os.copy_file_range(os.open("/usr/bin/env", 0), os.open("/tmp/copy", 66, 0o600), 100)),
    ("random numbers", lambda: len(os.urandom(8))),
    ("standard streams by name", lambda: os.close(os.open("/dev/stderr", os.O_WRONLY))),
    ("abort", lambda: os.abort()),
    ("kill itself", lambda: os.kill(os.getpid(), 15)),
]


def main():
    for name, attempts in GROUPS.items():
        print(f"== {name}")
        for what, action in attempts:
            print(f"{what}: {attempt(action)}")
    print(f"== {sum(map(len, GROUPS.values()))} attempts")


sys.stdout.reconfigure(line_buffering=True)
main()
