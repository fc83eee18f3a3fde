//! Local projects whose directory is a link: what is built is what the link leads to, and that is
//! in the tree.

use std::os::unix::fs::symlink;

use crate::cli::{PLAIN, Small, installed};

/// `app/other` is a link to `target`, and the project itself lies at `place`.
fn linked(place: &str, target: &str) -> Small {
    let small = Small::new(PLAIN);
    small.add_other("def act():\n    return {\"other.py\": \"answer = 1\\n\"}\n");
    let place = small.path(place);
    fs_err::create_dir_all(place.parent().unwrap()).unwrap();
    fs_err::rename(small.path("app/other"), place).unwrap();
    symlink(target, small.path("app/other")).unwrap();
    small
}

#[test]
fn a_change_behind_a_link_is_built() {
    let small = linked("app/vendor/deep/other", "hop/other");
    symlink("./vendor/../vendor/deep", small.path("app/hop")).unwrap();
    let first = small.build().json();
    assert_eq!(installed(&first, "other.py"), "answer = 1\n");
    small.replace("app/vendor/deep/other/act.py", "answer = 1", "answer = 2");
    let second = small.build().json();
    assert_eq!(installed(&second, "other.py"), "answer = 2\n");
    // What is a project of its own is no input of the one around it, wherever the link lies.
    assert_eq!((&second["compiled"], &second["stored"]), (&1.into(), &1.into()), "{second}");
}

#[test]
fn a_link_out_of_the_tree_is_refused() {
    let elsewhere = crate::cli::scratch();
    let absolute = elsewhere.path().join("other");
    for (place, target) in [
        (absolute.to_str().unwrap(), absolute.to_str().unwrap()),
        ("outside/other", "../outside/other"),
        // Back in again is not in.
        ("app/vendor/other", "../app/vendor/other"),
        ("app/vendor/other", "other"),
    ] {
        let small = linked(place, target);
        let parts = ["lies outside of the source tree", "other", "symbolic link", "hint: move it"];
        small.build().bad(2, &parts);
        if place == absolute.to_str().unwrap() {
            fs_err::remove_dir_all(&absolute).unwrap();
        }
    }
}
