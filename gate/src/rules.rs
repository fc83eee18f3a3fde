//! Every rule: its id, its level where no policy says otherwise, and what it is about. Ids never
//! change: policies, exceptions and SARIF results name them.

use std::fmt;

/// What follows from a finding, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It is listed and decides nothing.
    Allow,
    /// It is shown first; a person should look at it.
    Warn,
    /// It must not be merged.
    Deny,
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in policies and reports.
    pub id: &'static str,
    /// Its level where no policy says otherwise.
    pub level: Level,
    /// What it is about, as one sentence for a person.
    pub about: &'static str,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        })
    }
}

impl Level {
    /// The level of that name in a policy.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Allow, Self::Warn, Self::Deny].into_iter().find(|it| it.to_string() == word)
    }
}

macro_rules! rules {
    ($($constant:ident: $id:literal, $level:ident, $about:literal;)*) => {
        $(
            #[doc = $about]
            pub static $constant: Rule =
                Rule { id: $id, level: Level::$level, about: $about };
        )*

        /// Every rule, in the order in which `docs/gate.md` shows them.
        pub static RULES: &[&Rule] = &[$(&$constant),*];
    };
}

rules! {
    SELF_JUDGING: "self-judging", Deny,
        "A change of a lock also changes what judges it: policy, waivers, CI or the gate itself.";
    JUDGE_CHANGED: "judge-changed", Warn,
        "The change touches what judges later changes: policy, waivers, CI or the gate itself.";
    LEDGER_ALONE: "ledger-alone", Warn,
        "A ledger or snapshot changed although no lock, recipe or source changed.";
    RE_UPLOAD: "re-upload", Deny,
        "A file name of a version that stayed has another hash.";
    FILE_SIZE: "file-size", Deny,
        "A file with the same hash has another size: nobody but an editor writes that.";
    HASH_MISSING: "hash-missing", Deny,
        "A file of an index or a URL has no hash, so nothing pins it.";
    HOST_LOOK_ALIKE: "host-look-alike", Deny,
        "A host that was not in the lock before resembles one that was.";
    HOST_NEW: "host-new", Deny,
        "Files or indexes come from a host that was not in any lock before.";
    URL_INSECURE: "url-insecure", Deny,
        "A file or an index is fetched without encryption, and was not before.";
    SOURCE_CHANGED: "source-changed", Deny,
        "A package comes from elsewhere: another index, git, a URL or a path.";
    FILE_NAME: "file-name", Deny,
        "A file is named for another distribution or version.";
    LOCK_UNREADABLE: "lock-unreadable", Deny,
        "The lock cannot be read.";
    LOCK_MISSING: "lock-missing", Deny,
        "A dependency names a package that the lock does not have.";
    LOCK_UNREACHABLE: "lock-unreachable", Deny,
        "Nothing needs a package of the lock: uv would have removed it.";
    LOCK_UNDEMANDED: "lock-undemanded", Deny,
        "A project depends in the lock on what it does not require.";
    LOCK_SPECIFIER: "lock-specifier", Deny,
        "A locked version is outside of what a project, a constraint or an override asks for.";
    LOCK_STALE: "lock-stale", Deny,
        "`pyproject.toml` requires something else than the lock says: `uv lock` was not run.";
    LOCK_NEWER: "lock-newer", Deny,
        "A file is newer than the lock's own `exclude-newer` allows.";
    BANNED: "banned", Deny,
        "The policy bans a package.";
    TARGET_LOST: "target-lost", Deny,
        "A target that could be installed before can no longer be.";
    WHEEL_UNREADABLE: "wheel-unreadable", Deny,
        "A new file is no valid wheel or source archive.";
    METADATA_DIFFERS: "metadata-differs", Deny,
        "The metadata of a wheel requires something else than the lock has for it.";
    STARTUP_CODE: "startup-code", Deny,
        "A new version brings a `.pth` file or a `sitecustomize`: it runs whenever Python starts.";
    MODULE_SHADOWED: "module-shadowed", Deny,
        "A new version brings a module with the name of another locked package.";
    BUILD_SCRIPT: "build-script", Warn,
        "What runs when a package is built changed: `setup.py`, `[build-system]` or a backend.";
    NEW_BEHAVIOUR: "new-behaviour", Warn,
        "A package uses the network, programs, made-up code or the environment, and did not before.";
    LONG_LINES: "long-lines", Warn,
        "A module has a very long line, as packed or hidden code has.";
    NEW_BINARY: "new-binary", Warn,
        "A package brings compiled code, and had none before.";
    NEW_SCRIPT: "new-script", Allow,
        "A package brings another command.";
    DOWNGRADE: "downgrade", Warn,
        "A version went down.";
    NEW_SDIST: "new-sdist", Warn,
        "A package must be built from source that had a wheel before, or is new and has none.";
    BUILD_CODE: "build-code", Warn,
        "Other code than before runs at build time.";
    MINIMUM_AGE: "minimum-age", Warn,
        "A file is younger than the policy wants, by the upload time that the lock claims.";
    AGE_UNKNOWN: "age-unknown", Allow,
        "The lock has no upload time of a file, so nothing says how old it is.";
    GIT_UNPINNED: "git-unpinned", Warn,
        "A git source follows a branch: any update of the lock takes what is there then.";
    FILE_GONE: "file-gone", Warn,
        "A file of a version that stayed is no longer listed: it was yanked or deleted.";
    FILES_LOST: "files-lost", Warn,
        "The new version has no wheel for a platform that had one.";
    OPTIONS_WEAKENED: "options-weakened", Warn,
        "A setting that limits what uv may choose is weaker or gone.";
    SETTING_CHANGED: "setting-changed", Warn,
        "A setting that decides what is locked or built changed.";
    EXCEPTION_UNUSED: "exception-unused", Warn,
        "An exception of the policy allows nothing in this change.";
    EXCEPTION_EXPIRED: "exception-expired", Warn,
        "The day of an exception is over; it allows nothing any more.";
    WHEEL_ADDED: "wheel-added", Allow,
        "A version that stayed has a file that was uploaded later.";
}

/// The rule of that id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_rule() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/gate.md");
        let text = fs_err::read_to_string(path).unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        let row = |rule: &&Rule| format!("| `{}` | {} | {} |", rule.id, rule.level, rule.about);
        let expected: Vec<String> = RULES.iter().map(row).collect();
        assert_eq!(rows, expected, "replace the table of docs/gate.md by the right side");
    }
}
