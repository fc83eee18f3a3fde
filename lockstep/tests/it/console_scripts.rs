//! Console scripts as the checks try them: as the installed script does, with the words of whoever
//! ships one that fails.

use crate::cli::Small;

/// A wheel with the package `shop`, which has the module `cli`, and one script.
fn ships(target: &str, init: &str) -> Small {
    Small::new(&format!(
        "def act():\n    return {{\n        \"shop/__init__.py\": {init:?},\n        \
         \"shop/cli.py\": \"def main(): pass\\nclass App:\\n    @classmethod\\n    def run(cls): \
         pass\\n\",\n        \"small-1.0.dist-info/entry_points.txt\": \"[console_scripts]\\nshop = \
         {target}\\n\",\n    }}\n"
    ))
}

#[test]
fn a_script_is_imported_as_it_imports() {
    for (target, init) in [
        ("shop:cli.main", ""),
        ("shop:cli.App.run", ""),
        ("shop.cli:main", ""),
        // An attribute of that name comes before the module.
        ("shop:cli.main", "class cli:\n    def main(): pass\n"),
    ] {
        let report = ships(target, init).build().json();
        assert_eq!(report["checked"], true, "{target}: {report}");
    }
}

#[test]
fn a_script_that_fails_names_who_ships_it() {
    for (target, init, words) in [
        ("shop:cli.gone", "", "has no attribute 'gone'"),
        ("shop:gone.main", "", "cannot import name 'gone' from 'shop'"),
        ("shop:cli.main", "class cli:\n    pass\n", "has no attribute 'main'"),
        ("shop:cli", "", "is not callable"),
        ("shop:cli.main", "import nowhere", "No module named 'nowhere'"),
    ] {
        let ended = ships(target, init).build();
        ended.bad(1, &[&format!("console script shop = {target} of small"), words, "skip-scripts"]);
    }
}
