//! Limits on foreign input: from a server, an author of a package, a build. All limits are in one
//! table, which `docs/limits.md` lists, and every reader takes its limit from here. A limit is
//! several times the size of the largest real input, and small enough that reading it exhausts no
//! resource.

use std::fmt;
use std::io::{self, Read};

/// How much of one kind of input is read.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its name in `docs/limits.md`.
    pub name: &'static str,
    /// The most that is accepted.
    pub max: u64,
    /// What `max` counts.
    pub unit: &'static str,
    /// What is limited, as messages say it.
    pub of: &'static str,
}

/// Input that exceeds a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} has more than {} {} (limit `{}`)", .0.of, .0.max, .0.unit, .0.name)]
pub struct Exceeded(pub &'static Limit);

/// What is left of a limit that several inputs share.
#[derive(Debug)]
pub struct Budget {
    limit: &'static Limit,
    left: u64,
}

impl Limit {
    /// Fails if `found` is more than the limit.
    pub fn check(&'static self, found: impl TryInto<u64>) -> Result<(), Exceeded> {
        match found.try_into() {
            Ok(found) if found <= self.max => Ok(()),
            _ => Err(Exceeded(self)),
        }
    }

    /// A budget of the whole limit.
    pub fn budget(&'static self) -> Budget {
        Budget { limit: self, left: self.max }
    }

    /// Reads `reader` to its end, if that comes within the limit.
    pub fn read(&'static self, reader: impl Read) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        reader.take(self.max.saturating_add(1)).read_to_end(&mut bytes)?;
        self.check(bytes.len()).map_err(io::Error::other)?;
        Ok(bytes)
    }
}

impl Budget {
    /// Takes `amount`, or fails if less is left.
    pub fn spend(&mut self, amount: impl TryInto<u64>) -> Result<(), Exceeded> {
        let left = amount.try_into().ok().and_then(|amount| self.left.checked_sub(amount));
        self.left = left.ok_or(Exceeded(self.limit))?;
        Ok(())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| `{}` | {} | {} {} |", self.name, self.of, self.max, self.unit)
    }
}

macro_rules! limits {
    ($(
        $(#[$doc:meta])*
        $constant:ident: $name:literal, $max:expr, $unit:literal, $of:literal;
    )*) => {
        $($(#[$doc])* pub static $constant: Limit =
            Limit { name: $name, max: $max, unit: $unit, of: $of };)*

        /// Every limit, in the order of `docs/limits.md`.
        pub static LIMITS: &[&Limit] = &[$(&$constant),*];
    };
}

limits! {
    /// A recipe has a few kilobytes.
    RECIPE_BYTES: "recipe-bytes", 1 << 20, "bytes", "a recipe";
    /// Patches are read, not skimmed.
    SOURCE_PATCH_BYTES: "source-patch-bytes", 16 << 20, "bytes", "a source patch";
    /// The largest known locks have 10 MB; a parser takes some seventy times the memory.
    LOCK_BYTES: "lock-bytes", 32 << 20, "bytes", "`uv.lock`";
    /// A package with a hundred wheels has 30 KB. What is parsed at once takes seventy times that.
    LOCK_PART_BYTES: "lock-part-bytes", 4 << 20, "bytes", "one `[[package]]` of `uv.lock`";
    /// Several times the largest known ones.
    PYPROJECT_BYTES: "pyproject-bytes", 1 << 20, "bytes", "a `pyproject.toml`";
    /// One entry for each distribution that is built.
    BUILD_LOCK_BYTES: "build-lock-bytes", 4 << 20, "bytes", "a build lock";
    /// Two hundred bytes for each package of each target.
    TOOLCHAIN_LOCK_BYTES: "toolchain-lock-bytes", 4 << 20, "bytes", "a toolchain lock";
    /// One line for each file of each target.
    LEDGER_BYTES: "ledger-bytes", 4 << 20, "bytes", "a ledger";
    /// uv writes markers of some kilobytes for projects with many conflicting extras.
    MARKER_BYTES: "marker-bytes", 64 << 10, "bytes", "a marker or requirement";
    /// Nobody nests more than a few; parsers recurse.
    MARKER_DEPTH: "marker-depth", 32, "levels of parentheses", "a marker";
    /// Nodes of the decision diagram that uv's parser makes of a marker; most have under ten.
    MARKER_NODES: "marker-nodes", 20_000, "nodes", "the decision diagram of a marker";
    /// Conflicting extras make some dozens; parsers recurse once for each.
    MARKER_VARIABLES: "marker-variables", 256, "different clauses", "a marker";
    /// A marker is written as alternatives, each compared with each.
    MARKER_TERMS: "marker-terms", 2_000, "alternatives", "a marker";
    /// Several times what a lock of a thousand packages with conflicting extras needs.
    MARKERS_NODES: "markers-nodes", 1_000_000, "nodes", "the markers of one file together";
    /// One is in front of the marker, others in a URL.
    SEMICOLONS: "semicolons", 16, "semicolons", "a requirement";
    /// What a backend answers to `get_requires_for_build_wheel`.
    ANSWER_BYTES: "answer-bytes", 1 << 20, "bytes", "a build backend's answer";
    /// Backends ask for a handful.
    ANSWER_REQUIREMENTS: "answer-requirements", 1_000, "requirements", "a build backend's answer";
    /// The page of a project with ten thousand files has 10 MB.
    PAGE_BYTES: "page-bytes", 64 << 20, "bytes", "an index page";
    /// HTML pages are parsed to a tree, which takes 170 bytes a tag.
    PAGE_TAGS: "page-tags", 400_000, "tags", "an index page";
    /// The largest projects have 20,000.
    PAGE_FILES: "page-files", 200_000, "files", "an index page";
    /// `METADATA` has the project's README in it.
    METADATA_BYTES: "metadata-bytes", 16 << 20, "bytes", "`METADATA`";
    /// Generated projects have some hundreds.
    METADATA_REQUIRES: "metadata-requires", 10_000, "`Requires-Dist`", "`METADATA`";
    /// A hundred bytes for each file.
    RECORD_BYTES: "record-bytes", 64 << 20, "bytes", "`RECORD`";
    /// Ten lines.
    WHEEL_FILE_BYTES: "wheel-file-bytes", 64 << 10, "bytes", "`WHEEL`";
    /// One line for each entry point.
    ENTRY_POINTS_BYTES: "entry-points-bytes", 1 << 20, "bytes", "`entry_points.txt`";
    /// Each becomes a file in `bin` and an import of the checks.
    SCRIPTS: "scripts", 1_000, "commands", "`entry_points.txt`";
    /// The largest real wheels have 20,000.
    WHEEL_MEMBERS: "wheel-members", 500_000, "members", "a wheel";
    /// Several times the largest real wheels.
    WHEEL_BYTES: "wheel-bytes", 16 << 30, "bytes", "a built wheel";
    /// Several times what the largest wheels unpack to.
    WHEEL_UNPACKED_BYTES: "wheel-unpacked-bytes", 32 << 30, "bytes", "an unpacked wheel";
    /// A member that is read whole into memory.
    WHEEL_MEMBER_BYTES: "wheel-member-bytes", 1 << 30, "bytes", "a member of a wheel";
    /// A file that is patched is held in memory, before and after.
    PATCHED_BYTES: "patched-bytes", 64 << 20, "bytes", "a patched file";
    /// All of them are kept until the output is reviewed.
    PATCHED_BYTES_ALL: "patched-bytes-all", 256 << 20, "bytes", "all patched files together";
    /// A larger change is shown by digests: to find the shortest difference takes long.
    REVIEWED_LINES: "reviewed-lines", 20_000, "lines", "the changed part of a patched file";
    /// git reads `.gitmodules` into memory.
    GITMODULES_BYTES: "gitmodules-bytes", 1 << 20, "bytes", "`.gitmodules`";
    /// Each is fetched, those of submodules too.
    SUBMODULES: "submodules", 1_000, "submodules", "a git tree";
    /// Deeper is a circle.
    SUBMODULE_DEPTH: "submodule-depth", 8, "levels of submodules", "a git tree";
    /// A hundred bytes for each file, compressed to a third of that.
    LISTING_FILE_BYTES: "listing-file-bytes", 256 << 20, "bytes", "a listing";
    /// The largest outputs have 100,000 files.
    LISTING_BYTES: "listing-bytes", 1 << 30, "bytes", "an unpacked listing";
    /// What a program of the host prints that is read whole.
    PROGRAM_OUTPUT_BYTES: "program-output-bytes", 64 << 20, "bytes", "the output of a program";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_limit() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/limits.md");
        let text = fs_err::read_to_string(path).unwrap();
        let documented: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        let limits: Vec<String> = LIMITS.iter().map(ToString::to_string).collect();
        assert_eq!(documented, limits, "replace the table of docs/limits.md by the right side");
    }

    #[test]
    fn a_limit_is_inclusive_and_a_budget_is_shared() {
        static THREE: Limit = Limit { name: "three", max: 3, unit: "bytes", of: "a test" };
        assert_eq!(THREE.check(3_u64), Ok(()));
        assert_eq!(THREE.check(4_usize), Err(Exceeded(&THREE)));
        assert_eq!(THREE.check(-1), Err(Exceeded(&THREE)));
        assert_eq!(THREE.read(&b"abc"[..]).unwrap(), b"abc");
        let error = THREE.read(&b"abcd"[..]).unwrap_err().to_string();
        assert_eq!(error, "a test has more than 3 bytes (limit `three`)");
        let mut budget = THREE.budget();
        assert_eq!((budget.spend(2_u64), budget.spend(1_u64)), (Ok(()), Ok(())));
        assert_eq!(budget.spend(1_u64), Err(Exceeded(&THREE)));
    }
}
