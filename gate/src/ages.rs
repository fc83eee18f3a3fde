//! How old what is new is, by the upload time that the lock claims. A claim to be young is
//! believed; a claim to be old proves nothing, because whoever edits a lock can write any time. So
//! what is reported is what is too young, and what has no time.

use base::vocabulary::Date;
use builder::lock::{File, Package, Source};

use crate::difference::Pair;
use crate::finding::{Finding, counted};
use crate::policy::Policy;
use crate::rules::{AGE_UNKNOWN, MINIMUM_AGE};

/// What is too young on a day, or of unknown age, among the files that the base does not have.
pub(crate) fn of_pair(pair: Pair<'_>, policy: &Policy, today: Date) -> Option<Finding> {
    let head = pair.head.filter(|it| matches!(it.source, Source::Registry(_)))?;
    if policy.minimum_age_days == 0 {
        return None;
    }
    let new: Vec<&File> = files(head).filter(|file| !has(pair.base, file)).collect();
    let times = new.iter().map(|file| file.upload_time.as_deref().and_then(day));
    let known: Vec<(Date, u64)> = times.flatten().map(|day| (day, age(day, today))).collect();
    if let Some((day, age)) = known.iter().max_by_key(|(day, _)| *day)
        && *age < u64::from(policy.minimum_age_days)
    {
        let ago = counted(usize::try_from(*age).unwrap_or(usize::MAX), "day");
        let message = format!("`{head}` has a file of {day}, {ago} ago");
        let wanted =
            format!("the policy wants {}", counted(policy.minimum_age_days as usize, "day"));
        return Some(Finding::new(&MINIMUM_AGE, &head.name, message).detail([wanted]));
    }
    (known.len() < new.len()).then(|| {
        let message = format!("nothing says how old the files of `{head}` are");
        Finding::new(&AGE_UNKNOWN, &head.name, message)
    })
}

fn files(package: &Package) -> impl Iterator<Item = &File> {
    package.sdist.iter().chain(&package.wheels)
}

fn has(base: Option<&Package>, file: &File) -> bool {
    base.into_iter()
        .flat_map(files)
        .any(|it| (&it.filename, &it.hash) == (&file.filename, &file.hash))
}

fn day(time: &str) -> Option<Date> {
    time.get(..10)?.parse().ok()
}

/// Whole days from one day to another; 0 if it is in the future.
fn age(day: Date, today: Date) -> u64 {
    today.days_since_1970().saturating_sub(day.days_since_1970())
}
