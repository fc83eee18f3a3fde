//! uv's own errors, by which it contradicts itself or its documentation: what differs because of
//! one is counted by itself. Each has a reason.

use builder::lock::resolve::Resolution;

/// One of them.
#[derive(Debug)]
pub(super) struct Known {
    /// What it is called in figures.
    pub(super) name: &'static str,
    /// Why uv is wrong there.
    pub(super) because: &'static str,
    /// Whether a difference comes from it, given what we resolved.
    is: fn(&str, &Resolution) -> bool,
}

/// The list.
pub(super) const KNOWN: [Known; 2] = [
    Known {
        name: "unreadable-lock",
        because: "a group that includes another one with which it conflicts makes uv write a set \
                  of conflicts with one entry, which it then refuses to read",
        is: |difference, _| {
            difference.contains("Each set of conflicts must have at least two entries")
        },
    },
    Known {
        name: "extra-of-others",
        because: "`--extra` counts for the selected projects, but uv looks for conflicts as if it \
                  counted for every member that these reach",
        is: |difference, resolution| {
            let listed = difference.split_once("incompatible with the declared conflicts: {");
            let Some((listed, _)) = listed.and_then(|(_, rest)| rest.split_once('}')) else {
                return false;
            };
            let mut packages = listed.split('`').filter_map(|it| Some(it.split_once('[')?.0));
            let selected = |name: &str| resolution.roots.iter().any(|it| it.as_ref() == name);
            packages.any(|package| !selected(package))
        },
    },
];

/// The one that a difference comes from.
pub(super) fn of(difference: &str, ours: Option<&Resolution>) -> Option<&'static Known> {
    KNOWN.iter().find(|known| ours.is_some_and(|ours| (known.is)(difference, ours)))
}
