//! What a round varies: the table of variations, and what each of them makes of a round. A value is
//! unique to its round, so that it can be found again in a file that differs. The first round is
//! the ordinary one, whose output is what `cargo xtask build` makes.

use std::collections::{BTreeMap, BTreeSet};

use builder::recipe::BytecodePolicy;
use builder::sys::sandbox::Surroundings;
use builder::vocabulary::Problem;

use super::explain::canaries::{Canary, CanaryKind};

/// One thing that must not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Variation {
    Aslr,
    BuildPath,
    BytecodeOrder,
    Clock,
    Cpu,
    DirectoryOrder,
    Domain,
    Environment,
    HashSeed,
    Home,
    HostName,
    Kernel,
    Locale,
    TemporaryDirectory,
    TimeZone,
    Umask,
    User,
}

/// How far a variation reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Programs in the sandbox see another value.
    Inside,
    /// The builder pins the value that programs see: the host's is another one, and the pin must
    /// hold.
    Pinned,
}

/// What of this machine and recipe decides whether a variation can bite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    /// Processors that this process may use.
    pub(crate) cpus: usize,
    /// Whether `setarch` is there, which switches address space randomisation off.
    pub(crate) setarch: bool,
    /// What bytecode the recipe makes.
    pub(crate) bytecode: BytecodePolicy,
}

/// Which variations are tried, and how far each of them reaches.
pub(crate) type Chosen = BTreeMap<Variation, Reach>;

/// All that makes a round another place.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its letter: the first round is `a`.
    pub(crate) letter: char,
    /// The name of its directory.
    pub(crate) directory: String,
    /// What programs in its sandboxes see.
    pub(crate) surroundings: Surroundings,
    /// Variables of the builder's own process.
    pub(crate) environment: BTreeMap<&'static str, String>,
    /// The umask of the builder's own process.
    pub(crate) umask: &'static str,
    /// How many processors it may use; `None` is all.
    pub(crate) cpus: Option<usize>,
    /// Whether addresses are random.
    pub(crate) aslr: bool,
}

/// 402 days, 5 hours, 11 minutes and 13 seconds: on any day of a year that is another year, another
/// month, another weekday and another hour.
const SHIFT: i64 = ((402 * 24 + 5) * 60 + 11) * 60 + 13;

impl Variation {
    /// Each of them, sorted by name.
    pub(crate) const ALL: [Self; 17] = [
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
    pub(crate) fn name(self) -> &'static str {
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

    /// What it does, and for whom it cannot bite.
    pub(crate) fn description(self) -> &'static str {
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
                "one processor and one job instead of all; `/proc/cpuinfo` still lists all"
            }
            Self::DirectoryOrder => {
                "directories are listed backwards, by a preloaded library; not within libc's own \
                 `glob` and `scandir`, nor for static programs"
            }
            Self::Domain => "the domain in `/etc/hosts`",
            Self::Environment => "one more variable, and a directory at the end of `PATH`",
            Self::HashSeed => "`PYTHONHASHSEED`",
            Self::Home => "`HOME`, and the account's home directory",
            Self::HostName => "the host's name",
            Self::Kernel => {
                "release and version of the kernel as `uname` tells them, by a preloaded library; \
                 `/proc/version` and static programs tell the machine's"
            }
            Self::Locale => "`LC_ALL` and `LANG`: C instead of C.UTF-8; no other locale is there",
            Self::TemporaryDirectory => "`TMPDIR`",
            Self::TimeZone => "`TZ`, at the other end of the world",
            Self::Umask => "the umask",
            Self::User => "name and number of user and group",
        }
    }

    /// How far it reaches unless more is asked for.
    pub(crate) fn reach(self) -> Reach {
        match self {
            Self::BuildPath | Self::HashSeed | Self::Umask => Reach::Pinned,
            _ => Reach::Inside,
        }
    }

    /// Why it cannot bite here, if it cannot.
    pub(crate) fn impossible(self, here: Here) -> Option<&'static str> {
        match self {
            Self::Aslr if !here.setarch => Some("there is no `setarch` (package util-linux)"),
            Self::BytecodeOrder if here.bytecode == BytecodePolicy::None => {
                Some("the recipe makes no bytecode")
            }
            Self::Cpu if here.cpus < 2 => Some("there is one processor"),
            _ => None,
        }
    }

    /// Gives the value of round `index` to a place.
    fn apply(self, place: &mut Place, index: usize, reach: Reach) {
        let seen = &mut place.surroundings;
        let odd = index % 2 == 1;
        match self {
            Self::Aslr => place.aslr = !odd,
            Self::BuildPath => place.directory = format!("{}-of-round-{index}", place.letter),
            Self::BytecodeOrder => seen.reversed_bytecode = odd,
            Self::Clock => seen.pretended.clock_shift = SHIFT * i64::try_from(index).unwrap_or(1),
            Self::Cpu => {
                place.cpus = odd.then_some(1);
                seen.pretended.counted_processors = odd;
            }
            Self::DirectoryOrder => seen.pretended.reversed_directories = odd,
            Self::Domain => seen.domain = Some(format!("domain-of-round-{index}.example")),
            Self::Environment => {
                let value = format!("value-of-round-{index}");
                seen.environment.insert("LOCKSTEP_ROUND".to_owned(), value);
                seen.path_tail = Some(format!("/path-of-round-{index}"));
            }
            Self::HashSeed => {
                let seed = (1000 + index).to_string();
                place.environment.insert("PYTHONHASHSEED", seed.clone());
                if reach == Reach::Inside {
                    seen.hash_seed = seed;
                }
            }
            Self::Home => seen.home = format!("/home/home-of-round-{index}"),
            Self::HostName => seen.host_name = format!("host-of-round-{index}"),
            Self::Kernel => {
                seen.pretended.kernel = Some([
                    format!("5.{}.0-round-{index}", 90 + index),
                    format!("#{index} SMP kernel of round {index}"),
                ]);
            }
            Self::Locale if odd => "C".clone_into(&mut seen.locale),
            Self::Locale => {}
            Self::TemporaryDirectory => {
                seen.temporary_directory = format!("/mnt/temporary-of-round-{index}");
            }
            Self::TimeZone => {
                let zone = if odd { "<+14>-14" } else { "<-12>12" };
                zone.clone_into(&mut seen.time_zone);
            }
            Self::Umask => {
                place.umask = if odd { "0077" } else { "0002" };
                if reach == Reach::Inside {
                    "002".clone_into(&mut seen.umask);
                }
            }
            Self::User => {
                let number = u32::try_from(index).unwrap_or(1);
                seen.user = format!("user-of-round-{index}");
                (seen.user_id, seen.group_id) = (22_000 + number, 33_000 + number);
            }
        }
    }

    /// The values of two rounds, for finding them in files. Words that occur anyway prove nothing,
    /// so the ordinary value of some is left out.
    fn canary(self, places: [&Place; 2]) -> Vec<Canary> {
        let both = |kind, of: fn(&Place) -> String| {
            let [a, b] = places.map(|place| Some(of(place)));
            vec![Canary { kind, a, b }]
        };
        match self {
            Self::Aslr | Self::BytecodeOrder | Self::DirectoryOrder => Vec::new(),
            Self::BuildPath => both(CanaryKind::BuildPath, |it| it.directory.clone()),
            Self::Clock => Vec::new(),
            Self::Cpu => Vec::new(),
            Self::Domain => both(CanaryKind::HostName, |it| {
                let name = &it.surroundings.host_name;
                it.surroundings
                    .domain
                    .as_ref()
                    .map_or("localhost".to_owned(), |domain| format!("{name}.{domain}"))
            }),
            Self::Environment => {
                let mut found = both(CanaryKind::Environment, |it| {
                    it.surroundings.environment.get("LOCKSTEP_ROUND").cloned().unwrap_or_default()
                });
                found.extend(both(CanaryKind::Environment, |it| {
                    it.surroundings.path_tail.clone().unwrap_or_default()
                }));
                found
            }
            Self::HashSeed => both(CanaryKind::HashSeed, |it| it.surroundings.hash_seed.clone()),
            Self::Home => both(CanaryKind::Home, |it| it.surroundings.home.clone()),
            Self::HostName => both(CanaryKind::HostName, |it| it.surroundings.host_name.clone()),
            Self::Kernel => {
                let kernel = |place: &Place, index: usize| {
                    place.surroundings.pretended.kernel.as_ref().map(|it| it[index].clone())
                };
                let [a, b] = places;
                let canary = |index| Canary {
                    kind: CanaryKind::Kernel,
                    a: kernel(a, index),
                    b: kernel(b, index),
                };
                vec![canary(0), canary(1)]
            }
            Self::Locale => both(CanaryKind::Locale, |it| it.surroundings.locale.clone()),
            Self::TemporaryDirectory => both(CanaryKind::TemporaryDirectory, |it| {
                it.surroundings.temporary_directory.clone()
            }),
            Self::TimeZone => both(CanaryKind::TimeZone, |it| it.surroundings.time_zone.clone()),
            Self::Umask => both(CanaryKind::Umask, |it| it.surroundings.umask.clone()),
            Self::User => {
                let mut found = both(CanaryKind::User, |it| it.surroundings.user.clone());
                found.extend(both(CanaryKind::User, |it| it.surroundings.user_id.to_string()));
                found.extend(both(CanaryKind::User, |it| it.surroundings.group_id.to_string()));
                found
            }
        }
    }
}

/// What `--vary` chooses: a list such as `-clock,+umask`. All that can bite here is varied; `-`
/// leaves one out, and `+` lets programs see what is pinned otherwise. `-all` leaves out everything.
///
/// Errors: a name that does not exist; one that is asked for with `+` and cannot bite here.
pub(crate) fn choose(words: &[String], here: Here) -> Result<Chosen, Problem> {
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
    Ok(chosen)
}

fn find(name: &str) -> Result<Variation, Problem> {
    let found = Variation::ALL.into_iter().find(|it| it.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = Variation::ALL.iter().map(|it| it.name()).collect();
        Problem::usage(format!("there is no variation `{name}`"))
            .fact("there are", names.join(", "))
            .hint("`cargo xtask verify-repro --list-variations` says what each does")
    })
}

/// The place of round `index`; the first is the ordinary one.
pub(crate) fn place(index: usize, chosen: &Chosen) -> Place {
    let letter = char::from(b'a' + u8::try_from(index).unwrap_or(25).min(25));
    let mut place = Place {
        letter,
        directory: letter.to_string(),
        surroundings: Surroundings::default(),
        environment: BTreeMap::new(),
        umask: "0022",
        cpus: None,
        aslr: true,
    };
    if index > 0 {
        for (variation, reach) in chosen {
            variation.apply(&mut place, index, *reach);
        }
    }
    place
}

/// What can be found again in files of two rounds.
pub(crate) fn canaries(chosen: &Chosen, a: &Place, b: &Place) -> Vec<Canary> {
    let names: BTreeSet<&Variation> = chosen.keys().collect();
    names.into_iter().flat_map(|variation| variation.canary([a, b])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Here = Here { cpus: 2, setarch: true, bytecode: BytecodePolicy::None };

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
    fn the_table_is_sorted_and_each_variation_changes_its_round_alone() {
        let names = Variation::ALL.map(Variation::name);
        assert!(names.is_sorted(), "{names:?}");
        let ordinary = format!("{:?}", place(1, &Chosen::new()));
        for variation in Variation::ALL {
            let varied = place(1, &[(variation, Reach::Inside)].into());
            assert_ne!(format!("{varied:?}"), ordinary, "{}", variation.name());
            let first = format!("{:?}", place(0, &[(variation, Reach::Inside)].into()));
            assert_eq!(first.replace('a', "b"), ordinary.replace('a', "b"), "{}", variation.name());
        }
    }
}
