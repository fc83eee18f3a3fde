//! The table of variations: what each changes, how far it reaches, and whether it can have an
//! effect on this machine. `places` has the resulting settings of a round.

use std::collections::BTreeMap;
use std::fmt;

use base::recipe::BytecodePolicy;
use base::vocabulary::Problem;
use serde::Serialize;

/// One thing that must not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variation {
    /// Address space randomisation.
    Aslr,
    /// The host's directories.
    BuildPath,
    /// The order in which modules are compiled.
    BytecodeOrder,
    /// The clock.
    Clock,
    /// The number of processors.
    Cpu,
    /// The order of directory entries.
    DirectoryOrder,
    /// The domain name.
    Domain,
    /// Further variables.
    Environment,
    /// `PYTHONHASHSEED`.
    HashSeed,
    /// The home directory.
    Home,
    /// The host's name.
    HostName,
    /// The kernel's release and version.
    Kernel,
    /// The locale.
    Locale,
    /// `TMPDIR`.
    TemporaryDirectory,
    /// The time zone.
    TimeZone,
    /// The umask.
    Umask,
    /// User and group.
    User,
}

/// How far a variation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Programs in the sandbox see another value.
    Inside,
    /// The builder pins the value that programs see: the host's is another one, and the pin must
    /// hold.
    Pinned,
}

/// The facts about this machine and recipe that decide whether a variation can have an effect.
#[derive(Debug, Clone, Copy)]
pub struct Here {
    /// Whether `setarch` is there, which switches address space randomisation off.
    pub setarch: bool,
    /// What bytecode the recipe makes.
    pub bytecode: BytecodePolicy,
}

/// Which variations are tried, and how far each of them reaches.
pub type Chosen = BTreeMap<Variation, Reach>;

/// How many processors programs see in a varied round.
pub const SEEN_CPUS: usize = 7;

impl Variation {
    /// Each of them, sorted by name.
    pub const ALL: [Self; 17] = [
        Self::Aslr,
        Self::BuildPath,
        Self::BytecodeOrder,
        Self::Clock,
        Self::Cpu,
        Self::DirectoryOrder,
        Self::Domain,
        Self::Environment,
        Self::HashSeed,
        Self::Home,
        Self::HostName,
        Self::Kernel,
        Self::Locale,
        Self::TemporaryDirectory,
        Self::TimeZone,
        Self::Umask,
        Self::User,
    ];

    /// The name that `--vary` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aslr => "aslr",
            Self::BuildPath => "build-path",
            Self::BytecodeOrder => "bytecode-order",
            Self::Clock => "clock",
            Self::Cpu => "cpu",
            Self::DirectoryOrder => "directory-order",
            Self::Domain => "domain",
            Self::Environment => "environment",
            Self::HashSeed => "hash-seed",
            Self::Home => "home",
            Self::HostName => "host-name",
            Self::Kernel => "kernel",
            Self::Locale => "locale",
            Self::TemporaryDirectory => "temporary-directory",
            Self::TimeZone => "time-zone",
            Self::Umask => "umask",
            Self::User => "user",
        }
    }

    /// Its effect, and the cases in which it has none.
    pub fn description(self) -> &'static str {
        match self {
            Self::Aslr => "addresses are not random (`setarch -R`)",
            Self::BuildPath => "another directory of the host for caches, sources and builds",
            Self::BytecodeOrder => "modules are compiled in reverse order",
            Self::Clock => {
                "the clock, and times of files made in the round, are 402 days ahead, by a \
                 preloaded library; static programs and those that ask the kernel without libc see \
                 the machine's"
            }
            Self::Cpu => {
                "seven processors are seen instead of four, so that builds that ask start more \
                 compilers at once"
            }
            Self::DirectoryOrder => {
                "directories are listed backwards instead of sorted, to every program"
            }
            Self::Domain => "the domain in `/etc/hosts`",
            Self::Environment => "one more variable, and a directory at the end of `PATH`",
            Self::HashSeed => "`PYTHONHASHSEED`",
            Self::Home => "`HOME`, and the account's home directory",
            Self::HostName => "the host's name",
            Self::Kernel => "release and version of the kernel, as `uname` and `/proc` tell them",
            Self::Locale => "`LC_ALL` and `LANG`: C instead of C.UTF-8; no other locale is there",
            Self::TemporaryDirectory => "`TMPDIR`",
            Self::TimeZone => "`TZ`, at the other end of the world",
            Self::Umask => "the umask",
            Self::User => "name and number of user and group",
        }
    }

    /// How far it reaches unless more is asked for.
    pub fn reach(self) -> Reach {
        match self {
            Self::BuildPath | Self::HashSeed | Self::Umask => Reach::Pinned,
            _ => Reach::Inside,
        }
    }

    /// Why it cannot have an effect here, if it cannot.
    pub fn impossible(self, here: Here) -> Option<&'static str> {
        match self {
            Self::Aslr if !here.setarch => Some("there is no `setarch` (package util-linux)"),
            Self::BytecodeOrder if here.bytecode == BytecodePolicy::None => {
                Some("the recipe makes no bytecode")
            }
            _ => None,
        }
    }
}

/// What `--vary` chooses: a list such as `-clock,+umask`. All variations that can have an effect
/// here are on by default. `-` turns one off, `+` lets programs see a value that is otherwise
/// pinned, and `-all` turns all off.
///
/// Errors: a name that does not exist; one that is asked for with `+` and cannot bite here.
pub fn choose(words: &[String], here: Here) -> Result<Chosen, Problem> {
    let possible = Variation::ALL.into_iter().filter(|it| it.impossible(here).is_none());
    let mut chosen: Chosen = possible.map(|it| (it, it.reach())).collect();
    for word in words {
        let (add, name) = match word.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, word.strip_prefix('+').unwrap_or(word)),
        };
        if name == "all" {
            chosen = if add {
                Variation::ALL.map(|it| (it, Reach::Inside)).into()
            } else {
                Chosen::new()
            };
            chosen.retain(|it, _| it.impossible(here).is_none());
            continue;
        }
        let variation = find(name)?;
        if !add {
            chosen.remove(&variation);
        } else if let Some(because) = variation.impossible(here) {
            return Err(
                Problem::usage(format!("`{name}` cannot be varied here")).fact("because", because)
            );
        } else {
            // Where a build is on the host is never seen inside.
            let reach = match variation {
                Variation::BuildPath => Reach::Pinned,
                _ => Reach::Inside,
            };
            chosen.insert(variation, reach);
        }
    }
    if chosen.is_empty() {
        return Err(Problem::usage("nothing is varied")
            .hint("two builds in one place prove nothing; `--vary=-all,NAME` varies one thing"));
    }
    Ok(chosen)
}

/// Something that is not varied although it could matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotVaried {
    name: &'static str,
    because: &'static str,
}

/// The variations that are off, with reasons. Those that cannot matter for the recipe are left out.
pub fn not_varied(chosen: &Chosen, here: Here) -> Vec<NotVaried> {
    let matters =
        |it: &Variation| *it != Variation::BytecodeOrder || here.bytecode != BytecodePolicy::None;
    let left_out = Variation::ALL.into_iter().filter(|it| !chosen.contains_key(it));
    let one = |it: Variation| {
        let because = it.impossible(here).unwrap_or("left out by `--vary`");
        NotVaried { name: it.name(), because }
    };
    left_out.filter(matters).map(one).collect()
}

impl fmt::Display for NotVaried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.because)
    }
}

fn find(name: &str) -> Result<Variation, Problem> {
    let found = Variation::ALL.into_iter().find(|it| it.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = Variation::ALL.iter().map(|it| it.name()).collect();
        Problem::usage(format!("there is no variation `{name}`"))
            .fact("there are", names.join(", "))
            .hint("`lockstep verify-repro --list-variations` says what each does")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Here = Here { setarch: true, bytecode: BytecodePolicy::None };

    fn chosen(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let chosen = choose(&words, HERE).map_err(|problem| problem.to_string())?;
        Ok(chosen.iter().map(|(it, reach)| format!("{} {reach:?}", it.name())).collect())
    }

    #[test]
    fn what_vary_chooses() {
        let all = chosen(&[]).unwrap();
        // Of all, only the order of bytecode cannot bite: this recipe makes none.
        assert_eq!(all.len(), Variation::ALL.len() - 1);
        assert!(all.contains(&"umask Pinned".to_owned()), "{all:?}");
        assert!(chosen(&["+umask"]).unwrap().contains(&"umask Inside".to_owned()));
        assert_eq!(chosen(&["-all", "clock", "+home"]).unwrap(), ["clock Inside", "home Inside"]);
        assert_eq!(chosen(&["-clock"]).unwrap().len(), all.len() - 1);
        assert!(chosen(&["+tiem"]).unwrap_err().contains("time-zone"));
        assert!(chosen(&["+bytecode-order"]).unwrap_err().contains("no bytecode"));
    }

    #[test]
    fn what_is_not_varied_is_known() {
        let left = |words: &[&str], here| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            let left = not_varied(&choose(&words, here).unwrap(), here);
            left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        // A recipe without bytecode has no order of it.
        assert_eq!(left(&[], HERE), "");
        assert_eq!(left(&["-clock"], HERE), "`clock` (left out by `--vary`)");
        let without = Here { setarch: false, bytecode: BytecodePolicy::UncheckedHash };
        assert!(left(&[], without).starts_with("`aslr` (there is no `setarch`"));
        let words = ["-bytecode-order"];
        assert!(left(&words, without).ends_with("`bytecode-order` (left out by `--vary`)"));
    }

    #[test]
    fn the_table_is_sorted() {
        let names = Variation::ALL.map(Variation::name);
        assert!(names.is_sorted(), "{names:?}");
    }
}
