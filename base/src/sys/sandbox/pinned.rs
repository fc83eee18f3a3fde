//! Pins the facts about the machine that programs in a sandbox see. Constants cover the kernel's
//! own files in `/proc` ([`files`]), limits are fixed ([`LIMITS`]), and system calls get constant
//! answers (`inside::answers`). `golden/machine/` lists every fact and its treatment.
//!
//! The numbers are those of an ordinary machine, because programs size tables and pools by them.

use rustix::process::Resource;

/// How many processors programs see: as many as builds may start compilers at once. On a machine
/// with fewer they share them; more would need memory that such a machine has not.
pub const PROCESSORS: usize = 4;

/// Release and version of the kernel. Later ones have everything that one of this release has.
pub const KERNEL: [&str; 2] = ["6.1.0-lockstep", "#1 SMP lockstep"];

/// Kilobytes of memory: all, free, and that of caches.
pub(super) const MEMORY_KB: [u64; 3] = [16 << 20, 8 << 20, 4 << 20];

/// Seconds since the machine was started.
pub(super) const UPTIME: i64 = 86_400;

/// Resources with soft and hard limit, `None` for no limit; the sandbox's own limits are set beside
/// them. What a hard limit of the machine could be below is as low as kernels ever had it.
pub(super) const LIMITS: [(Resource, &str, Option<u64>, Option<u64>); 13] = [
    (Resource::As, "address space (`ulimit -v`)", None, None),
    (Resource::Cpu, "processor time (`ulimit -t`)", None, None),
    (Resource::Data, "data (`ulimit -d`)", None, None),
    (Resource::Locks, "locks (`ulimit -x`)", None, None),
    (Resource::Memlock, "locked memory (`ulimit -l`)", Some(65_536), Some(65_536)),
    (Resource::Msgqueue, "message queues (`ulimit -q`)", Some(819_200), Some(819_200)),
    (Resource::Nice, "niceness (`ulimit -e`)", Some(0), Some(0)),
    (Resource::Nofile, "open files (`ulimit -n`)", Some(1024), Some(1024)),
    (Resource::Rss, "resident memory (`ulimit -m`)", None, None),
    (Resource::Rtprio, "real time priority (`ulimit -r`)", Some(0), Some(0)),
    (Resource::Rttime, "real time (`ulimit -R`)", None, None),
    (Resource::Sigpending, "pending signals (`ulimit -i`)", Some(1024), Some(1024)),
    (Resource::Stack, "stack (`ulimit -s`)", Some(8 << 20), None),
];

/// What libc is told (`GLIBC_TUNABLES`): the processor does not multiply and add in one step, which
/// gives sines and exponentials another last bit, and needs no library of its own (POPCNT is what
/// the first level of those asks for). Which instructions copy a text changes no result, and the
/// slower ones cost compilers 2 % of their time.
#[cfg(target_arch = "x86_64")]
pub(super) const LIBC: &str = "glibc.cpu.hwcaps=-FMA,-FMA4,-POPCNT";
#[cfg(not(target_arch = "x86_64"))]
pub(super) const LIBC: &str = "glibc.cpu.name=generic";

/// What is not a constant of `/proc`, and stays: the processes', and what the namespaces have of
/// their own.
pub(super) const KEPT: [&str; 5] = ["mounts", "net", "self", "sysvipc", "thread-self"];

/// An empty file, which covers what is not shown.
pub(super) const EMPTY: &str = "empty";

/// What of `/proc/sys` is the kernel's own file: another number at each question.
pub(super) const RANDOM: &str = "sys/kernel/random/uuid";

/// The facts about the machine that a program can see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine<'m> {
    pub(super) processors: usize,
    pub(super) kernel: [&'m str; 2],
    pub(super) host_name: &'m str,
}

/// The files of `/proc`, by path below it. Whatever else the kernel has there is empty.
pub(super) fn files(machine: &Machine<'_>) -> Vec<(String, String)> {
    let [release, version] = machine.kernel;
    let [all, free, cached] = MEMORY_KB;
    let own = [
        ("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\n".to_owned()),
        ("cmdline", "quiet\n".to_owned()),
        ("cpuinfo", (0..machine.processors).map(processor).collect()),
        ("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n".to_owned()),
        (EMPTY, String::new()),
        ("filesystems", "nodev\tproc\nnodev\ttmpfs\nnodev\tdevpts\n\text4\n".to_owned()),
        ("loadavg", "0.00 0.00 0.00 1/1 1\n".to_owned()),
        (
            "meminfo",
            format!(
                "MemTotal: {all:14} kB\nMemFree: {free:15} kB\nMemAvailable: {:10} kB\n\
                 Buffers: {none:15} kB\nCached: {cached:16} kB\nSwapCached: {none:12} kB\n\
                 SwapTotal: {none:13} kB\nSwapFree: {none:14} kB\nShmem: {none:17} kB\n\
                 HugePages_Total: {none:7}\nHugepagesize: {huge:10} kB\n",
                free + cached,
                none = 0,
                huge = 2048
            ),
        ),
        // What is mounted says where the host has it; which programs read this do so for file
        // systems of disks.
        ("mounts", "none / ext4 rw,relatime 0 0\n".to_owned()),
        ("stat", statistics(machine.processors)),
        ("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_owned()),
        ("uptime", format!("{UPTIME}.00 {UPTIME}.00\n")),
        ("version", format!("Linux version {release} {version}\n")),
    ];
    let settings = SETTINGS.lines().filter_map(|line| line.split_once(' '));
    let settings = settings.map(|(name, value)| (format!("sys/{name}"), value.to_owned()));
    let names = [
        ("hostname", machine.host_name),
        ("osrelease", release),
        ("version", version),
        ("random/uuid", ""),
    ];
    let names = names.map(|(name, value)| (format!("sys/kernel/{name}"), value.to_owned()));
    let settings = settings.chain(names).map(|(name, value)| (name, format!("{value}\n")));
    own.map(|(name, text)| (name.to_owned(), text)).into_iter().chain(settings).collect()
}

/// A processor in `/proc/cpuinfo`: what every machine of the architecture has.
#[cfg(target_arch = "x86_64")]
fn processor(number: usize) -> String {
    format!(
        "processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 15\n\
         model name\t: x86-64 baseline\nstepping\t: 0\ncpu MHz\t\t: 2000.000\n\
         cache size\t: 4096 KB\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: {number}\n\
         cpu cores\t: 1\nfpu\t\t: yes\nflags\t\t: fpu de pse tsc msr pae mce cx8 apic sep pge mca \
         cmov pat clflush mmx fxsr sse sse2 syscall nx lm\nbogomips\t: 4000.00\n\
         clflush size\t: 64\ncache_alignment\t: 64\n\n"
    )
}

/// A processor in `/proc/cpuinfo`: what every machine of the architecture has.
#[cfg(not(target_arch = "x86_64"))]
fn processor(number: usize) -> String {
    format!("processor\t: {number}\nBogoMIPS\t: 100.00\nFeatures\t: fp asimd\n\n")
}

/// `/proc/stat`, which libc counts processors by where there is no `/sys`.
fn statistics(processors: usize) -> String {
    const NONE: &str = "0 0 0 0 0 0 0 0 0 0";
    let each: Vec<String> = (0..processors).map(|number| format!("cpu{number} {NONE}\n")).collect();
    let each = each.concat();
    format!(
        "cpu  {NONE}\n{each}intr 0\nctxt 0\nbtime {}\nprocesses 1\nprocs_running 1\n\
         procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
        crate::sys::tree::SOURCE_DATE_EPOCH
    )
}

/// `/proc/sys`: what programs are known to read, with the kernel's own defaults.
const SETTINGS: &str = "\
crypto/fips_enabled 0
fs/aio-max-nr 65536
fs/aio-nr 0
fs/file-max 9223372036854775807
fs/file-nr 1024\t0\t9223372036854775807
fs/inotify/max_queued_events 16384
fs/inotify/max_user_instances 128
fs/inotify/max_user_watches 65536
fs/mqueue/msg_max 10
fs/mqueue/msgsize_max 8192
fs/mqueue/queues_max 256
fs/nr_open 1048576
fs/pipe-max-size 1048576
fs/pipe-user-pages-hard 0
fs/pipe-user-pages-soft 16384
fs/protected_fifos 1
fs/protected_hardlinks 1
fs/protected_regular 1
fs/protected_symlinks 1
fs/suid_dumpable 0
kernel/cap_last_cap 40
kernel/core_pattern core
kernel/core_uses_pid 0
kernel/dmesg_restrict 1
kernel/domainname (none)
kernel/io_uring_disabled 2
kernel/kptr_restrict 1
kernel/msgmax 8192
kernel/msgmnb 16384
kernel/msgmni 32000
kernel/ngroups_max 65536
kernel/ostype Linux
kernel/overflowgid 65534
kernel/overflowuid 65534
kernel/perf_event_paranoid 4
kernel/pid_max 4194304
kernel/random/boot_id 00000000-0000-4000-8000-000000000000
kernel/random/entropy_avail 256
kernel/random/poolsize 256
kernel/random/urandom_min_reseed_secs 60
kernel/random/write_wakeup_threshold 256
kernel/randomize_va_space 2
kernel/sem 32000\t1024000000\t500\t32000
kernel/shmall 18446744073692774399
kernel/shmmax 18446744073692774399
kernel/shmmni 4096
kernel/tainted 0
kernel/threads-max 126000
kernel/unprivileged_bpf_disabled 2
net/core/rmem_default 212992
net/core/rmem_max 212992
net/core/somaxconn 4096
net/core/wmem_default 212992
net/core/wmem_max 212992
net/ipv4/ip_forward 0
net/ipv4/ip_local_port_range 32768\t60999
net/ipv4/ip_unprivileged_port_start 1024
net/ipv4/tcp_fin_timeout 60
net/ipv4/tcp_syncookies 1
net/ipv6/conf/all/disable_ipv6 0
net/ipv6/conf/default/disable_ipv6 0
net/ipv6/conf/lo/disable_ipv6 0
net/unix/max_dgram_qlen 512
vm/drop_caches 0
vm/legacy_va_layout 0
vm/max_map_count 65530
vm/mmap_min_addr 65536
vm/nr_hugepages 0
vm/overcommit_memory 0
vm/overcommit_ratio 50
vm/swappiness 60
";
