//! The settings that variations give a round. Each value is unique to its round, so that it can be
//! recognised in a file that differs. The first round is ordinary: its output is that of
//! `cargo xtask build`.

use std::collections::{BTreeMap, BTreeSet};

use base::sys::sandbox::Surroundings;

use crate::explain::canaries::{Canary, CanaryKind};
use crate::rounds::vary::{Chosen, Reach, SEEN_CPUS, Variation};

/// All that makes a round another place.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its letter: the first round is `a`.
    pub letter: char,
    /// The name of its directory.
    pub directory: String,
    /// What programs in its sandboxes see.
    pub surroundings: Surroundings,
    /// Variables of the builder's own process.
    pub environment: BTreeMap<&'static str, String>,
    /// The umask of the builder's own process.
    pub umask: &'static str,
    /// How many processors its programs see; `None` is as many as there are.
    pub cpus: Option<usize>,
    /// Seconds since 1970 at which the round began, by the kernel's clock; 0 before that.
    pub started: i64,
    /// Whether addresses are random.
    pub aslr: bool,
}

impl Place {
    /// Whether it is that of the first round, the ordinary one.
    pub fn is_first(&self) -> bool {
        self.letter == 'a'
    }
}

/// 402 days, 5 hours, 11 minutes and 13 seconds: on any day of a year that is another year, another
/// month, another weekday and another hour.
const SHIFT: i64 = ((402 * 24 + 5) * 60 + 11) * 60 + 13;

/// The place of round `index`; the first is the ordinary one.
pub fn place(index: usize, chosen: &Chosen) -> Place {
    let letter = char::from(b'a' + u8::try_from(index).unwrap_or(25).min(25));
    let mut place = Place {
        letter,
        directory: letter.to_string(),
        surroundings: Surroundings::default(),
        environment: BTreeMap::new(),
        umask: "0022",
        cpus: None,
        started: 0,
        aslr: true,
    };
    if index > 0 {
        for (variation, reach) in chosen {
            variation.apply(&mut place, index, *reach);
        }
    }
    place
}

/// Whether a variation makes round `index` another place than the first: of some there are two
/// values only.
pub fn differs(variation: Variation, reach: Reach, index: usize) -> bool {
    let alone: Chosen = [(variation, reach)].into();
    // Letters and directories of rounds always differ.
    let shown = |index| {
        let place = place(index, &alone);
        format!("{:?}", Place { letter: ' ', directory: String::new(), ..place })
    };
    variation == Variation::BuildPath || shown(0) != shown(index)
}

/// What a round has of the machine unless it is varied, as a probe reads it.
#[derive(Debug, Clone, Copy)]
pub struct Own<'o> {
    /// The kernel's release and version, with a comma between.
    pub kernel: &'o str,
    /// The number of processors.
    pub cpus: &'o str,
}

/// What can be found again in files of two rounds; and their hash seeds and clocks, which are known
/// even if they are not varied.
pub fn canaries(chosen: &Chosen, places: [&Place; 2], own: [Own<'_>; 2]) -> Vec<Canary> {
    let known: BTreeSet<Variation> =
        chosen.keys().copied().chain([Variation::Clock, Variation::HashSeed]).collect();
    known.into_iter().flat_map(|variation| variation.canary(places, own)).collect()
}

impl Variation {
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
                place.cpus = Some(if odd { SEEN_CPUS } else { 2 });
                seen.pretended.processors = place.cpus;
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
    fn canary(self, places: [&Place; 2], own: [Own<'_>; 2]) -> Vec<Canary> {
        let both = |kind, of: fn(&Place) -> String| {
            let [a, b] = places.map(|place| Some(of(place)));
            vec![Canary { kind, a, b }]
        };
        match self {
            // Nothing of these can be looked for.
            Self::Aslr | Self::BytecodeOrder | Self::DirectoryOrder => Vec::new(),
            Self::BuildPath => both(CanaryKind::BuildPath, |it| it.directory.clone()),
            Self::Clock => both(CanaryKind::Clock, |it| {
                (it.started + it.surroundings.pretended.clock_shift).to_string()
            }),
            Self::Cpu => {
                let [a, b] = own.map(|it| Some(it.cpus.to_owned()));
                vec![Canary { kind: CanaryKind::Cpu, a, b }]
            }
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
                let [a, b] = own.map(|it| it.kernel.split_once(", ").unwrap_or((it.kernel, "")));
                let canary = |a: &str, b: &str| Canary {
                    kind: CanaryKind::Kernel,
                    a: Some(a.to_owned()),
                    b: Some(b.to_owned()),
                };
                vec![canary(a.0, b.0), canary(a.1, b.1)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_are_known_whatever_is_varied() {
        let own = Own { kernel: "6.1, #1", cpus: "2" };
        for (reach, later) in [(None, 0), (Some(Reach::Inside), SHIFT)] {
            let chosen = reach.map(|reach| (Variation::Clock, reach)).into_iter().collect();
            let [mut a, mut b] = [0, 1].map(|index| place(index, &chosen));
            (a.started, b.started) = (1_795_478_400, 1_795_478_500);
            let found = canaries(&chosen, [&a, &b], [own, own]);
            let clock = found.iter().find(|it| it.kind == CanaryKind::Clock).unwrap();
            assert_eq!(clock.a.as_deref(), Some("1795478400"));
            assert_eq!(clock.b.clone(), Some((1_795_478_500 + later).to_string()));
        }
    }

    #[test]
    fn the_hash_seeds_are_known_whatever_is_varied() {
        let own = Own { kernel: "6.1, #1", cpus: "2" };
        let seeds = |reach: Option<Reach>| {
            let chosen = reach.map(|reach| (Variation::HashSeed, reach)).into_iter().collect();
            let places = [0, 1].map(|index| place(index, &chosen));
            let [a, b] = &places;
            let found = canaries(&chosen, [a, b], [own, own]);
            let [_, seed] = found.as_slice() else { panic!("{found:?}") };
            (seed.a.clone().unwrap(), seed.b.clone().unwrap())
        };
        for (reach, expected) in [
            (None, ("0", "0")),
            (Some(Reach::Pinned), ("0", "0")),
            (Some(Reach::Inside), ("0", "1001")),
        ] {
            let (a, b) = seeds(reach);
            assert_eq!((a.as_str(), b.as_str()), expected, "{reach:?}");
        }
    }

    #[test]
    fn each_variation_changes_its_round_and_not_the_first() {
        let ordinary = format!("{:?}", place(1, &Chosen::new()));
        for variation in Variation::ALL {
            let varied = place(1, &[(variation, Reach::Inside)].into());
            assert_ne!(format!("{varied:?}"), ordinary, "{}", variation.name());
            let first = format!("{:?}", place(0, &[(variation, Reach::Inside)].into()));
            assert_eq!(first.replace('a', "b"), ordinary.replace('a', "b"), "{}", variation.name());
        }
    }
}
