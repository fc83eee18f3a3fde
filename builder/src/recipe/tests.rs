//! Recipes as people write them, mistakes included.

use super::*;

const SMALLEST: &str = "
    [source]
    path = '../examples/sample'
    [target]
    python = '3.14'
    platforms = ['x86_64-manylinux_2_39']
";

#[test]
fn the_smallest_recipe_has_defaults() {
    let recipe = Recipe::parse("sample", SMALLEST).unwrap();
    assert_eq!(recipe.prefix, "/opt/sample");
    assert_eq!(recipe.index, IndexPolicy::Locked);
    assert_eq!(recipe.providers, [Provider::Debian, Provider::Host]);
    assert_eq!(recipe.selection, Selection::default());
    assert_eq!(recipe.site_packages(), "lib/python3.14/site-packages");
}

#[test]
fn mistakes_name_the_way_out() {
    for (addition, expected) in [
        ("[project]\nextra = ['a']", "did you mean `extras`?"),
        ("[toolchain]\nprovider = ['debian']", "did you mean `providers`?"),
        ("[toolchain]\nproviders = ['debain']", "recipes/README.md"),
        ("[[patch]]\nfile = 'a'\nreplace = []", "`[[patch.replace]]`"),
        ("[variables]\nout = '/x'", "built in"),
        ("[project]\nextras = ['not valid!']", "`project.extras`"),
        ("[build.lxml]\nrequires = ['a b']", "`build.requires`"),
    ] {
        let problem = Recipe::parse("sample", &format!("{SMALLEST}{addition}")).unwrap_err();
        let text = format!("{problem} hint: {}", problem.hint.clone().unwrap_or_default());
        assert!(text.contains(expected), "{addition}: {text}");
        assert_eq!(problem.outcome.code(), 2, "{addition}");
    }
}

#[test]
fn prefixes_that_hide_the_toolchain_are_refused() {
    for prefix in ["", "/", "opt/x", "/usr/lib/x", "/opt/../usr", "/opt/x/", "/build", "/opt//"] {
        assert!(check_prefix(prefix).is_err(), "{prefix}");
    }
    for prefix in ["/opt/x", "/srv/a/b", "/nix/store/q-x"] {
        assert!(check_prefix(prefix).is_ok(), "{prefix}");
    }
}

#[test]
fn an_unpinned_source_is_refused() {
    let text = SMALLEST.replace("path = '../examples/sample'", "url = 'https://x.example/a.tgz'");
    let problem = Recipe::parse("sample", &text).unwrap_err();
    assert!(problem.hint.unwrap().contains("cargo xtask hash"));
}
