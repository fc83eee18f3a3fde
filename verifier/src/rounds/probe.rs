//! Verifies what each round really saw: values read back inside its sandbox are compared with the
//! requested ones. A variation that had no effect is an error, never a pass: two equal environments
//! prove nothing.

use std::collections::BTreeMap;

use base::vocabulary::Outcome;

use crate::check;
use crate::check::Check;
use crate::rounds::places::{Own, Place};
use crate::rounds::vary::{Chosen, Reach, Variation};

/// The program that reads inside; it prints a JSON object of texts.
pub(crate) const PROBE: &str = include_str!("probe.py");

/// Reads the host's side of what is pinned inside, by the shell of the round's own process.
pub(crate) const HOST_PROBE: &str =
    r#"umask; echo "${PYTHONHASHSEED-unset}"; basename "$(pwd -P)""#;

/// What was read of one round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// By variation's name, inside the sandbox.
    pub(crate) inside: BTreeMap<String, String>,
    /// By variation's name, of the process that builds; only of what is pinned.
    pub(crate) host: BTreeMap<&'static str, String>,
}

impl Seen {
    /// What [`HOST_PROBE`] printed, and where the round is.
    pub(crate) fn of_host(printed: &str) -> BTreeMap<&'static str, String> {
        let lines = printed.lines().map(str::to_owned);
        ["umask", "hash-seed", "build-path"].into_iter().zip(lines).collect()
    }

    /// What the round has of the machine.
    pub(crate) fn own(&self) -> Own<'_> {
        let cpus = self.inside(Variation::Cpu).split(' ').next().unwrap_or_default();
        Own { kernel: self.inside(Variation::Kernel), cpus }
    }

    fn inside(&self, variation: Variation) -> &str {
        self.inside.get(variation.name()).map_or("", String::as_str)
    }

    fn host(&self, variation: Variation) -> &str {
        self.host.get(variation.name()).map_or("", String::as_str)
    }
}

/// One round: what it was meant to be, and what it was.
pub(crate) type Probed<'p> = (&'p Place, &'p Seen);

/// Judges each chosen variation between an ordinary round and another one.
pub(crate) fn judge(chosen: &Chosen, a: Probed<'_>, b: Probed<'_>) -> Vec<check::Variation> {
    let one = |(variation, reach): (&Variation, &Reach)| {
        let (variation, pinned) = (*variation, *reach == Reach::Pinned);
        let [seen_a, seen_b] = [a.1.inside(variation), b.1.inside(variation)];
        let (bites, [a, b]) = if variation == Variation::BytecodeOrder {
            // Nothing that could be read shows it: the order is an argument of our own program.
            let orders = [a.0, b.0].map(|place| order(place.surroundings.reversed_bytecode));
            (orders[0] != orders[1], orders.map(str::to_owned))
        } else if pinned {
            let hosts = [a.1.host(variation), b.1.host(variation)];
            let read = [seen_a, seen_b].into_iter().chain(hosts).all(|it| !it.is_empty());
            let holds = read && seen_a == seen_b;
            let shown = [0, 1].map(|side| format!("{seen_a} (host: {})", hosts[side]));
            (holds && hosts[0] != hosts[1], shown)
        } else {
            let asked = |it: Probed<'_>| is_as_asked(variation, it.0, it.1.inside(variation));
            let bites = seen_a != seen_b && asked(a) && asked(b);
            (bites, [seen_a.to_owned(), seen_b.to_owned()])
        };
        check::Variation { name: variation.name().to_owned(), a, b, bites }
    };
    chosen.iter().map(one).collect()
}

fn order(reversed: bool) -> &'static str {
    if reversed { "reversed" } else { "sorted" }
}

/// Whether the value that was read matches the requested one, as far as a value can show it.
fn is_as_asked(variation: Variation, place: &Place, read: &str) -> bool {
    let seen = &place.surroundings;
    match variation {
        Variation::Aslr => read == if place.aslr { "on" } else { "off" },
        Variation::Clock => {
            let minutes = seen.pretended.clock_shift / 60;
            let shift = |minutes: i64| {
                // As Python divides: a little before the other clock is a day less and 23 hours.
                let (days, rest) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
                format!("{days} d {:02} h {:02} min", rest / 60, rest % 60)
            };
            // The probe reads the machine's clock and this one after each other.
            let (clock, files) = read.split_once(", files ").unwrap_or_default();
            let near = [minutes - 1, minutes, minutes + 1].map(shift);
            near.iter().any(|it| it == clock) && near.iter().any(|it| it == files)
        }
        Variation::Cpu => place.cpus.is_none_or(|cpus| read.starts_with(&format!("{cpus} of"))),
        Variation::Domain => seen.domain.as_ref().is_none_or(|domain| read.ends_with(domain)),
        Variation::Environment => seen
            .environment
            .values()
            .chain(&seen.path_tail)
            .all(|value| read.contains(value.as_str())),
        Variation::HashSeed => read.starts_with(&format!("{} gives", seen.hash_seed)),
        Variation::Home => read == format!("{0}, {0}", seen.home),
        Variation::HostName => read == seen.host_name,
        Variation::Kernel => {
            seen.pretended.kernel.as_ref().is_none_or(|kernel| read == kernel.join(", "))
        }
        Variation::Locale => read.starts_with(&format!("{}, ", seen.locale)),
        Variation::TemporaryDirectory => read == seen.temporary_directory,
        Variation::Umask => read.ends_with(&seen.umask),
        Variation::User => read == format!("{} {}:{}", seen.user, seen.user_id, seen.group_id),
        // That it differs is all that can be said of these.
        Variation::BuildPath
        | Variation::BytecodeOrder
        | Variation::DirectoryOrder
        | Variation::TimeZone => !read.is_empty(),
    }
}

/// Whether every chosen variation took effect, and nothing but loopback is there as a network.
pub(crate) fn check(variations: &[check::Variation], seen: &[&Seen]) -> Check {
    let mut detail: Vec<String> = variations
        .iter()
        .filter(|it| !it.bites)
        .map(|it| format!("`{}` took no effect: read `{}` and `{}`", it.name, it.a, it.b))
        .collect();
    for seen in seen {
        let network = seen.inside.get("network").map_or("unknown", String::as_str);
        if !network.split(' ').all(|interface| interface == "lo") {
            detail.push(format!("a round has a network: {network}"));
        }
    }
    let outcome = if detail.is_empty() { Outcome::Good } else { Outcome::Undecided };
    if outcome != Outcome::Good {
        detail.push("leave out what cannot bite here: `--vary=-NAME`".to_owned());
    }
    Check { name: "variations", outcome, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::places;

    /// What an honest probe of a place reads.
    fn honest(place: &Place, chosen: &Chosen) -> Seen {
        let it = &place.surroundings;
        let kernel = it.pretended.kernel.clone().unwrap_or_else(|| ["6.1".into(), "#1".into()]);
        let days = it.pretended.clock_shift / 86400;
        let shift = if days == 0 { "0 d 00 h 00 min" } else { "402 d 05 h 11 min" };
        let inside = [
            ("aslr", if place.aslr { "on" } else { "off" }.to_owned()),
            ("build-path", "/build".to_owned()),
            ("clock", format!("{shift}, files {shift}")),
            ("cpu", format!("{} of which", place.cpus.unwrap_or(2))),
            ("directory-order", format!("{}", it.pretended.reversed_directories)),
            ("domain", it.domain.clone().unwrap_or_else(|| "localhost".to_owned())),
            ("environment", format!("{:?}, {:?}", it.environment, it.path_tail)),
            ("hash-seed", format!("{} gives 1", it.hash_seed)),
            ("home", format!("{0}, {0}", it.home)),
            ("host-name", it.host_name.clone()),
            ("kernel", kernel.join(", ")),
            ("locale", format!("{}, UTF-8", it.locale)),
            ("network", "lo".to_owned()),
            ("temporary-directory", it.temporary_directory.clone()),
            ("time-zone", it.time_zone.clone()),
            ("umask", format!("0{}", it.umask)),
            ("user", format!("{} {}:{}", it.user, it.user_id, it.group_id)),
        ];
        assert!(chosen.len() < inside.len() + 2);
        let seed = place.environment.get("PYTHONHASHSEED");
        let seed = seed.map_or("unset", String::as_str);
        let printed = format!("{}\n{seed}\n{}", place.umask, place.directory);
        Seen {
            inside: inside.map(|(name, value)| (name.to_owned(), value)).into(),
            host: Seen::of_host(&printed),
        }
    }

    fn judged(spoil: impl FnOnce(&mut Seen)) -> Check {
        let chosen: Chosen = Variation::ALL.map(|it| (it, it.reach())).into();
        let [a, b] = [0, 1].map(|index| places::place(index, &chosen));
        let (seen_a, mut seen_b) = (honest(&a, &chosen), honest(&b, &chosen));
        spoil(&mut seen_b);
        check(&judge(&chosen, (&a, &seen_a), (&b, &seen_b)), &[&seen_a, &seen_b])
    }

    #[test]
    fn what_took_effect_everywhere_holds() {
        assert_eq!(judged(|_| ()).detail, [] as [String; 0]);
    }

    #[test]
    fn a_variation_that_took_no_effect_is_an_error() {
        for variation in Variation::ALL {
            if variation == Variation::BytecodeOrder {
                continue;
            }
            let chosen: Chosen = Variation::ALL.map(|it| (it, it.reach())).into();
            let ordinary = honest(&places::place(0, &chosen), &chosen);
            let name = variation.name();
            let check = judged(|seen| match variation.reach() {
                // The ordinary value is read although another one was asked for.
                Reach::Inside => {
                    seen.inside.insert(name.to_owned(), ordinary.inside[name].clone());
                }
                Reach::Pinned => {
                    seen.host.insert(name, ordinary.host[name].clone());
                }
            });
            assert_eq!(check.outcome, Outcome::Undecided, "{name}");
            assert!(check.detail[0].contains(&format!("`{name}`")), "{:?}", check.detail);
        }
    }

    #[test]
    fn a_probe_that_lies_or_is_silent_is_an_error() {
        let spoilt = |name: &'static str, value: &'static str| {
            judged(move |seen| {
                seen.inside.insert(name.to_owned(), value.to_owned());
            })
        };
        // Another value than the ordinary one, and not the one that was asked for.
        for name in ["host-name", "home", "kernel", "user", "clock", "locale", "domain", "cpu"] {
            assert_eq!(spoilt(name, "something else").outcome, Outcome::Undecided, "{name}");
        }
        // The pin does not hold.
        assert_eq!(spoilt("umask", "0077").outcome, Outcome::Undecided);
        assert_eq!(judged(|seen| seen.inside.clear()).outcome, Outcome::Undecided);
        let check = spoilt("network", "eth0 lo");
        assert!(check.detail[0].contains("has a network"), "{:?}", check.detail);
    }
}
