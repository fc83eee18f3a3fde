//! What the wheels of a project have at their top.

use std::collections::BTreeSet;

use crate::fetch::application::LocatedRecipe;
use crate::pipeline::Report;
use base::dist_info::Record;
use base::packaging::PackageName;
use base::sys::beneath::Beneath;
use base::vocabulary::Problem;
use base::vocabulary::limits::RECORD_BYTES;

/// What the projects' own wheels have at their top and can be imported.
pub(super) fn top_level(
    report: &Report,
    located: &LocatedRecipe,
    roots: &[PackageName],
) -> Result<BTreeSet<String>, Problem> {
    let site_packages = located.recipe.site_packages();
    let unread = |error| Problem::new("cannot read the output").cause(error);
    let site = Beneath::open(&report.output.join(&site_packages)).map_err(unread)?;
    let mut found = BTreeSet::new();
    for (entry, _) in site.list("").map_err(unread)? {
        let entry = entry.display().to_string();
        let Some(name) = entry.strip_suffix(".dist-info") else { continue };
        let name = name.split('-').next().unwrap_or_default().parse::<PackageName>();
        if !name.is_ok_and(|name| roots.contains(&name)) {
            continue;
        }
        let record = site.read(format!("{entry}/RECORD"), RECORD_BYTES.max).map_err(unread)?;
        let record = Record::parse(&entry, &record)?;
        found.extend(record.lines().iter().filter_map(|line| module_of(&line.path)));
    }
    Ok(found)
}

/// The module at the top that a file of a wheel is or begins.
fn module_of(path: &str) -> Option<String> {
    let not_of_it = ["tests", "test", "docs", "examples", "conftest", "setup"];
    let name = match path.split_once('/') {
        Some((package, "__init__.py")) => package,
        Some(_) => return None,
        None => path.strip_suffix(".py").or_else(|| {
            path.ends_with(".so").then(|| path.split('.').next().unwrap_or_default())
        })?,
    };
    let is_identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_identifier && !not_of_it.contains(&name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheels_top_is_what_can_be_imported() {
        for (path, module) in [
            ("shop/__init__.py", Some("shop")),
            ("shop/a/__init__.py", None),
            ("shop.py", Some("shop")),
            ("_shop.cpython-314-x86_64-linux-gnu.so", Some("_shop")),
            ("tests/__init__.py", None),
            ("shop-1.dist-info/RECORD", None),
            ("../../../bin/shop", None),
            ("a b.py", None),
        ] {
            assert_eq!(module_of(path).as_deref(), module, "{path}");
        }
    }
}
