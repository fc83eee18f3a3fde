//! Checks whether this machine allows the sandbox, and names the setting that forbids it.

use fs_err as fs;

use super::{Invocation, OutputTo, RootFs, Sandbox};
use crate::vocabulary::Problem;

/// A kernel setting that forbids namespaces to ordinary users.
struct Setting {
    name: &'static str,
    /// Whether this value forbids them.
    forbids: fn(i64) -> bool,
    hint: &'static str,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        name: "user.max_user_namespaces",
        forbids: |value| value == 0,
        hint: "allow them with `sysctl -w user.max_user_namespaces=15000` as root",
    },
    Setting {
        name: "kernel.unprivileged_userns_clone",
        forbids: |value| value == 0,
        hint: "allow them with `sysctl -w kernel.unprivileged_userns_clone=1` as root",
    },
    Setting {
        name: "kernel.apparmor_restrict_unprivileged_userns",
        forbids: |value| value != 0,
        hint: "allow them with `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0` as root",
    },
];

const IN_A_CONTAINER: &str = "a container's seccomp profile or masked `/proc` forbids them: \
     start it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`, or \
     run on the machine itself";

const NOT_ALLOWED: &str = "this machine does not allow the sandbox that builds run in";

/// Tries a sandbox of the machine's own root. The error names the setting that forbids it, if it is
/// visible, and how to change it. There is no fallback without isolation.
pub fn check_available() -> Result<(), Problem> {
    let invocation =
        Invocation { program: "true".to_owned(), arguments: Vec::new(), directory: "/".to_owned() };
    let cause = match Sandbox::new(RootFs::Host).run(&invocation, OutputTo::Capture) {
        Ok(finished) if finished.success() => return Ok(()),
        Ok(finished) => Problem::new("the sandbox could not run `true`")
            .fact("exit code", finished.code)
            .fact("printed", String::from_utf8_lossy(&finished.stderr)),
        Err(problem) if problem.what == NOT_ALLOWED => return Err(problem),
        Err(problem) => problem,
    };
    Err(explain(&cause))
}

/// Why this machine allows no sandbox, if the reason is visible, and how to change that.
pub(super) fn explain(cause: &Problem) -> Problem {
    explain_by(cause, |name| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        fs::read_to_string(path).ok()?.trim().parse::<i64>().ok()
    })
}

fn explain_by(cause: &Problem, read: impl Fn(&str) -> Option<i64>) -> Problem {
    let mut problem = Problem::new(NOT_ALLOWED);
    let mut hint = IN_A_CONTAINER;
    for setting in SETTINGS {
        if let Some(value) = read(setting.name).filter(|value| (setting.forbids)(*value)) {
            problem = problem.fact(setting.name, value);
            hint = setting.hint;
        }
    }
    for (label, value) in &cause.facts {
        problem = problem.fact(label.clone(), value);
    }
    problem.hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_forbids_is_named_with_its_mend() {
        let cases = [
            ("user.max_user_namespaces", 0, "user.max_user_namespaces=15000"),
            ("kernel.unprivileged_userns_clone", 0, "kernel.unprivileged_userns_clone=1"),
            (
                "kernel.apparmor_restrict_unprivileged_userns",
                1,
                "kernel.apparmor_restrict_unprivileged_userns=0",
            ),
            ("nothing", 0, "seccomp"),
        ];
        for (name, value, mend) in cases {
            let cause = Problem::new("x").fact("because", "unshare(..) => EPERM");
            let problem = explain_by(&cause, |asked| (asked == name).then_some(value));
            assert!(problem.hint.as_ref().unwrap().contains(mend), "{problem:?}");
            assert!(problem.to_string().contains("EPERM"), "{problem}");
            assert_eq!(problem.to_string().contains(name), name != "nothing");
        }
    }
}
