//! The system calls that the program may make (`seccomp(2)`): those that programs need to compute,
//! to use files and to communicate. Every other call fails as on a kernel that lacks it, including
//! calls of future kernels, so programs fall back as on older kernels. Four kernel features are
//! blocked because builds do not need them: keys, other programs' memory, new namespaces and
//! mounts, and `io_uring`, which bypasses this filter.
//!
//! `docs/threat-model.md` lists every exception that a real build needs, with the decision.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::calls::{ASKED, ATTRIBUTES, FCHMODAT2, FORBIDDEN, KNOWN, OLDER};
use super::{At as _, Result};

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;
type Built<T> = std::result::Result<T, seccompiler::Error>;

/// Applies all of it to this process and to every one that it starts.
pub(super) fn apply() -> Result<()> {
    for program in programs().at("making filters")? {
        apply_filter(&program).at("applying a filter")?;
    }
    Ok(())
}

fn programs() -> Built<[BpfProgram; 5]> {
    let errno = |number: i32| SeccompAction::Errno(number.unsigned_abs());
    let allow = || SeccompAction::Allow;
    Ok([
        // The kernel asks all of them and takes the strictest answer.
        program(known()?, errno(libc::ENOSYS), allow())?,
        program(forbidden()?, allow(), errno(libc::EPERM))?,
        program(families()?, allow(), errno(libc::EAFNOSUPPORT))?,
        program(each(ATTRIBUTES), allow(), errno(libc::EOPNOTSUPP))?,
        // It succeeds and does nothing: the processors that programs see are not the machine's.
        program(each(&[libc::SYS_sched_setaffinity]), allow(), errno(0))?,
    ])
}

/// The filter program that lets another process answer some calls. The other filter programs kill
/// processes that use system calls of another architecture.
pub(super) fn asked() -> Vec<libc::sock_filter> {
    let step = |code: u32, jump_if: u8, k: u32| libc::sock_filter {
        code: code.try_into().expect("it has 16 bits"),
        jt: 0,
        jf: jump_if,
        k,
    };
    // The first field of `struct seccomp_data` is the number.
    let mut program = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for call in ASKED {
        let number = u32::try_from(*call).expect("numbers of system calls are small");
        program.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number));
        program.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW));
    program
}

fn program(rules: Rules, others: SeccompAction, these: SeccompAction) -> Built<BpfProgram> {
    // A program of another architecture (such as i386 on x86-64) is killed by the filter, as its
    // system calls have other numbers.
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    Ok(SeccompFilter::new(rules, others, these, here)?.try_into()?)
}

/// Whether an argument has one value, compared in as many bits as the kernel looks at.
fn is(argument: u8, value: u64) -> Built<SeccompCondition> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?)
}

/// Whether a bit of an argument is set.
fn has(argument: u8, bit: u64) -> Built<SeccompCondition> {
    let operator = SeccompCmpOp::MaskedEq(bit);
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, bit)?)
}

/// A system call with all of these.
fn with<const N: usize>(conditions: [Built<SeccompCondition>; N]) -> Built<SeccompRule> {
    let conditions = conditions.into_iter().collect::<Built<Vec<_>>>()?;
    Ok(SeccompRule::new(conditions)?)
}

fn each(calls: &[c_long]) -> Rules {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// The system calls that exist.
fn known() -> Built<Rules> {
    let mut rules = each(&[KNOWN, OLDER, FORBIDDEN, ATTRIBUTES, &[FCHMODAT2]].concat());
    // Nothing but how addresses are laid out, and what a compiler for 32 bits calls the machine.
    let personalities = [0, 0x8, 0x20000, 0x20008, 0x4_0000, 0xffff_ffff];
    let personalities = personalities.map(|value| with([is(0, value)]));
    rules.insert(libc::SYS_personality, personalities.into_iter().collect::<Built<_>>()?);
    Ok(rules)
}

/// The system calls that exist but are not allowed: programs can handle the error of a kernel that
/// refuses them.
fn forbidden() -> Built<Rules> {
    let mut rules = each(FORBIDDEN);
    let namespaces = [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ];
    let namespaces = namespaces.map(|flag| with([has(0, u64::from(flag.cast_unsigned()))]));
    rules.insert(libc::SYS_clone, namespaces.into_iter().collect::<Built<_>>()?);
    // Both type for whoever reads the terminal.
    let typing = [libc::TIOCSTI, libc::TIOCLINUX].map(|request| with([is(1, request)]));
    rules.insert(libc::SYS_ioctl, typing.into_iter().collect::<Built<_>>()?);
    // Set-user-id and set-group-id: no such file is ever on the host.
    for bit in [libc::S_ISUID, libc::S_ISGID].map(u64::from) {
        for (call, mode) in MODES {
            rules.entry(*call).or_default().push(with([has(*mode, bit)])?);
        }
        for (call, flags) in OPENS {
            for creates in [libc::O_CREAT, libc::O_TMPFILE & !libc::O_DIRECTORY] {
                let creates = has(*flags, u64::from(creates.cast_unsigned()));
                rules.entry(*call).or_default().push(with([creates, has(flags + 1, bit)])?);
            }
        }
    }
    Ok(rules)
}

/// Sockets of any other family than these.
fn families() -> Built<Rules> {
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
    let others = families.map(|family| {
        let family = u64::from(family.cast_unsigned());
        Ok(SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)?)
    });
    let others = with(others)?;
    Ok([libc::SYS_socket, libc::SYS_socketpair].map(|it| (it, vec![others.clone()])).into())
}

/// Calls that set a mode, and which argument it is.
#[cfg(target_arch = "x86_64")]
const MODES: &[(c_long, u8)] = &[
    (libc::SYS_chmod, 1),
    (libc::SYS_creat, 1),
    (libc::SYS_fchmod, 1),
    (libc::SYS_fchmodat, 2),
    (FCHMODAT2, 2),
    (libc::SYS_mknod, 1),
    (libc::SYS_mknodat, 2),
];
#[cfg(not(target_arch = "x86_64"))]
const MODES: &[(c_long, u8)] =
    &[(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (FCHMODAT2, 2), (libc::SYS_mknodat, 2)];

/// Calls that open a file, and which argument is their flags; the mode is the next.
#[cfg(target_arch = "x86_64")]
const OPENS: &[(c_long, u8)] = &[(libc::SYS_open, 1), (libc::SYS_openat, 2)];
#[cfg(not(target_arch = "x86_64"))]
const OPENS: &[(c_long, u8)] = &[(libc::SYS_openat, 2)];
