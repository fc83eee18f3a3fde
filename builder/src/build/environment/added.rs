//! Everything that a backend gets from us but not from uv's own build of the same project. Each
//! entry has the reason why it cannot change the meaning of the wheel: its modules and data, their
//! behaviour, their requirements. Tests compare a backend's environment with this list, and build
//! real projects with and without each entry (`tests/it/added.rs`).
//!
//! We do not add these, because they may change the wheel's meaning: flags for compilers and
//! linkers in any variable (setuptools replaces the interpreter's own flags with `CFLAGS`,
//! including `-DNDEBUG` and `-fwrapv`; in meson and `CMake` they override the project's), the
//! number of parallel compilers (extensions that share a source share the object file's name:
//! setuptools issues 3942 and 5196; a custom command of two `CMake` targets runs twice), and
//! `PYTHON`, which makefiles read.

/// A thing that we add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// What it is.
    pub what: What,
    /// Why it cannot change what a wheel means.
    pub because: &'static str,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A variable and its value, set for builds alone.
    Variable(&'static str, &'static str),
    /// A variable that every sandbox has (`sys::sandbox`).
    SandboxVariable(&'static str),
    /// A flag of `uv build`, or of the program that starts it.
    Flag(&'static str),
    /// A file or directory in the sandbox.
    File(&'static str),
    /// A variable or a file that replaces a `.git`, if a build requirement would ask git
    /// (`build::version_control`).
    ForGit(&'static str),
}

/// Everything that is added.
pub const ADDED: [Added; 42] = [
    // Variables.
    Added {
        what: What::Variable("PYTHONDONTWRITEBYTECODE", "1"),
        because: "a module is the same whether or not the interpreter keeps its bytecode. Without \
                  it, what a backend imports from its own tree leaves `.pyc` files with times in \
                  them, which some backends put into the wheel. Only a project that asks \
                  setuptools for bytecode (`[build_py] compile`) can tell, and sets the variable \
                  to nothing in `override.<name>.build.env`",
    },
    Added {
        what: What::SandboxVariable("GLIBC_TUNABLES"),
        because: "libc computes as on the oldest processor of the architecture: without it, sines \
                  and exponentials differ in their last bit between machines. What a compiler \
                  makes does not depend on it",
    },
    Added {
        what: What::Variable("CARGO_NET_OFFLINE", "true"),
        because: "there is no network anyway; cargo says so at once instead of asking again \
                  for minutes, and takes what its `vendor` directory has as it does \
                  otherwise",
    },
    Added {
        what: What::Variable("GOPROXY", "off"),
        because: "there is no network anyway; go takes what its `vendor` directory has as it \
                  does otherwise",
    },
    Added {
        what: What::Variable("PIP_NO_INDEX", "1"),
        because: "there is no network anyway; a pip that a build starts says at once that it \
                  finds nothing, and takes what `--find-links` has as it does otherwise",
    },
    Added {
        what: What::Variable("YARN_ENABLE_NETWORK", "0"),
        because: "there is no network anyway; yarn takes what its own cache has as it does \
                  otherwise",
    },
    Added {
        what: What::Variable("npm_config_offline", "true"),
        because: "there is no network anyway; npm takes what its own cache has as it does \
                  otherwise",
    },
    Added {
        what: What::SandboxVariable("PATH"),
        because: "the root's own directories of programs, as a shell has them by default; uv puts \
                  the build environment before it",
    },
    Added {
        what: What::SandboxVariable("SOURCE_DATE_EPOCH"),
        because: "the time of files in the wheel, and of what a build stamps with a time of its \
                  own; a wheel that means something else at another time is not reproducible",
    },
    Added {
        what: What::SandboxVariable("TERM"),
        because: "decides only how a program decorates what it prints",
    },
    Added {
        what: What::SandboxVariable("HOME"),
        because: "an empty directory: no configuration of a person's",
    },
    Added { what: What::SandboxVariable("TMPDIR"), because: "an empty directory" },
    Added {
        what: What::SandboxVariable("LANG"),
        because: "UTF-8 without a language, as in a container; sorting and messages are the C ones",
    },
    Added { what: What::SandboxVariable("LC_ALL"), because: "as `LANG`" },
    Added { what: What::SandboxVariable("TZ"), because: "the times of one place" },
    Added {
        what: What::SandboxVariable("PYTHONHASHSEED"),
        because: "the order of sets, which is another one in each process without it",
    },
    Added { what: What::SandboxVariable("LOGNAME"), because: "the account of the sandbox" },
    Added { what: What::SandboxVariable("USER"), because: "the account of the sandbox" },
    // Flags.
    Added {
        what: What::Flag("--no-build-isolation"),
        because: "the environment is made by us, of what the build lock says",
    },
    Added {
        what: What::Flag("--force-pep517"),
        because: "a backend is called as PEP 517 says. Without it uv builds projects of `uv_build` \
                  itself, whatever version of that is locked",
    },
    Added {
        what: What::Flag("--no-sources"),
        because: "what `[tool.uv.sources]` chooses is installed, as the build lock says; uv would \
                  look for the rest of a workspace, which a member's tree does not have",
    },
    Added { what: What::Flag("--offline"), because: "there is no network anyway" },
    Added { what: What::Flag("--no-progress"), because: "decides what uv prints" },
    Added {
        what: What::Flag("--no-python-downloads"),
        because: "there is no network anyway, and the interpreter is named",
    },
    Added { what: What::Flag("--cache-dir"), because: "an empty cache for each build" },
    Added {
        what: What::Flag("--config-file"),
        because: "holds the config settings of this build; uv's configuration of the project is \
                  read by us, the machine's by nobody",
    },
    Added {
        what: What::Flag("chrt --sched-runtime"),
        because: "how long a process runs before another one has its turn",
    },
    // Files.
    Added {
        what: What::File("/usr/lib/python3.14/_sysconfigdata__linux_x86_64-linux-gnu.py"),
        because: "the interpreter's flags for extensions without the word `-g`: debug information \
                  never changes the code that compilers make",
    },
    Added {
        what: What::File("/usr/lib/gcc/x86_64-linux-gnu/specs"),
        because: "gcc's own specifications but for `native` as a processor, which would be that of \
                  the machine; the recipe says what becomes of it",
    },
    Added {
        what: What::File("/build/tools"),
        because: "uv, where uv itself tells backends that it is (`UV`), and the question; it is on \
                  no search path",
    },
    Added {
        what: What::File("/build/wheelhouse"),
        because: "the wheels that were installed; no tool looks there by itself",
    },
    Added {
        what: What::File("/build/requirements.txt"),
        because: "what was installed; it lies outside of the source tree",
    },
    Added {
        what: What::File("/build/uv.toml"),
        because: "the config settings; uv looks for configuration in the tree that it builds and \
                  above it, but not when it is given a file",
    },
    // What uv's own build finds in `.git`.
    Added {
        what: What::ForGit("SETUPTOOLS_SCM_PRETEND_VERSION"),
        because: "the version that uv locked when the backend could ask git, or the one that the \
                  recipe says; the wheel must have it. setuptools-scm also writes the commit's \
                  number into a file that it makes (`__commit_id__`), if it is asked to: that is \
                  `None` then",
    },
    Added {
        what: What::ForGit("VCS_VERSIONING_PRETEND_VERSION"),
        because: "the same, for vcs-versioning",
    },
    Added { what: What::ForGit("PDM_BUILD_SCM_VERSION"), because: "the same, for pdm-backend" },
    Added { what: What::ForGit("PDM_PEP517_SCM_VERSION"), because: "the same, for pdm-pep517" },
    Added {
        what: What::ForGit("POETRY_DYNAMIC_VERSIONING_BYPASS"),
        because: "the same, for poetry-dynamic-versioning",
    },
    Added {
        what: What::ForGit("UV_DYNAMIC_VERSIONING_BYPASS"),
        because: "the same, for uv-dynamic-versioning",
    },
    Added {
        what: What::ForGit("PKG-INFO"),
        because: "the same, for setuptools-git-versioning and versioningit: the file by which they \
                  know the version of a source distribution",
    },
    Added {
        what: What::ForGit("lockstep_tracked_files"),
        because: "a distribution in the environment that lists for setuptools what git tracks, if \
                  there is one that would ask git; the list is git's own",
    },
    Added { what: What::ForGit("/build/tools/tracked"), because: "that list" },
];

/// The variables that are set for builds alone.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str)> {
    ADDED.iter().filter_map(|it| match it.what {
        What::Variable(name, value) => Some((name, value)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::version_control;

    #[test]
    fn every_variable_of_a_tool_that_asks_git_is_listed() {
        for name in version_control::variables() {
            assert!(ADDED.iter().any(|it| it.what == What::ForGit(name)), "{name}");
        }
    }
}
