//! Recipes as people write them, mistakes included.

use super::*;

pub(super) const SMALLEST: &str = "
    [source]
    path = '../examples/sample'
    [target]
    python = '3.14'
    platforms = ['x86_64-manylinux_2_39']
";

fn parse(text: &str) -> Result<Recipe, Problem> {
    Recipe::parse("sample", text, &|path| match path {
        "patches/a.patch" => Ok(b"diff".to_vec()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    })
}

#[test]
fn the_smallest_recipe_has_defaults() {
    let recipe = parse(SMALLEST).unwrap();
    assert_eq!(recipe.prefix, "/opt/sample");
    assert_eq!(recipe.index, IndexPolicy::Locked);
    assert_eq!(recipe.providers, [Provider::Debian, Provider::Host]);
    assert_eq!(recipe.selection, Selection::default());
    assert_eq!(recipe.site_packages(), "lib/python3.14/site-packages");
}

#[test]
fn a_recipe_can_have_another_name_than_its_file() {
    let recipe = parse(&format!("name = 'shop'\n{SMALLEST}")).unwrap();
    let names = (recipe.name.as_str(), recipe.application.as_str());
    assert_eq!((names, recipe.prefix.as_str()), (("sample", "shop"), "/opt/shop"));
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
        ("[override.lxml.build]\nrequires = ['a b']", "`override.build.requires`"),
        ("[override.lxml.build]\nextra-requires = ['a b']", "`override.build.extra-requires`"),
        ("[override.lxml.build]\nrequire = ['a']", "did you mean `requires`?"),
        ("[override.lxml]\nprefered = 'sdist'", "did you mean `prefer`?"),
        ("[override.lxml]\nprefer = 'source'", "`wheel`"),
        ("[override.'l x']\nprefer = 'sdist'", "`override`"),
        ("[override.l_x]\n[override.L-x]", "`l-x` is overridden twice"),
        ("[override.a]\nsource = { url = 'https://x.example/a.tar.gz' }", "not pinned"),
        ("[override.a]\nsource = { path = 'a' }", "add `sha256`"),
        (
            "[override.a]\nsource = { path = '../a', nar-hash = '@sri@' }",
            "`override.a.source.path`",
        ),
        ("[override.a]\nsource = { path = '/a', nar-hash = '@sri@' }", "`override.a.source.path`"),
        ("[override.a]\nsource = { path = 'a//b', nar-hash = '@sri@' }", "below the recipe's"),
        ("[override.a]\nsource = { path = 'a', sha256 = '@hex@' }", "must have either"),
        (
            "[override.a]\nsource = { url = 'https://x.example/a-1-py3-none-any.whl', sha256 = '@hex@' }",
            "is a wheel",
        ),
        (
            "[override.a]\nprefer = 'wheel'\nsource = { path = 'a', nar-hash = '@sri@' }",
            "nothing to prefer",
        ),
        ("[override.a]\nskip = ['../b']", "`override.a.skip`"),
        ("[override.a]\nskip = ['b/***']", "`override.skip`"),
        ("[override.a]\nskip = ['/b']", "`override.a.skip`"),
        ("[override.a]\nwins = ['x']\n[override.b]\nwins = ['x']", "two rules decide"),
        ("[override.a]\nwins = ['x']\n[collisions.paths]\nx = 'drop'", "collisions.paths"),
        (
            "[[override.a.build.patch]]\nfile = 'patches/b.patch'",
            "relative to the recipe's directory",
        ),
        ("[[override.a.build.patch]]\nfile = '../a.patch'", "`override.a.build.patch.file`"),
        ("[[waiver]]\ncause = 'user'", "missing field"),
        ("[[waiver]]\nexpire = 'x'", "did you mean `expires`?"),
        ("@waiver@expires = '2027-02-29'", "`waiver.expires` is not valid"),
        ("@waiver@expires = 2027-02-28", "expected a string"),
        ("@waiver@expires = '2027-02-28'\nsha256 = ['4e10']", "sha256"),
        ("@waiver@expires = '2027-02-28'\n@waiver@expires = '2028-01-01'", "two waivers"),
        (
            "[[waiver]]\ncause = 'user'\npath = '/a'\nreason = 'x'\nexpires = '2027-01-01'",
            "`waiver.path` is not valid",
        ),
        (
            "[[waiver]]\ncause = 'user'\npath = 'a'\nreason = ' '\nexpires = '2027-01-01'",
            "has no reason",
        ),
    ] {
        let waiver = "[[waiver]]\ncause = 'user'\npath = 'a'\nreason = 'x'\n";
        let addition = addition.replace("@waiver@", waiver);
        let addition = addition.replace("@hex@", &Sha256::of("x").to_string());
        let addition = addition.replace("@sri@", &Sha256::of("x").to_sri());
        let problem = parse(&format!("{SMALLEST}{addition}")).unwrap_err();
        let text = format!("{problem} hint: {}", problem.hint.clone().unwrap_or_default());
        assert!(text.contains(expected), "{addition}: {text}");
        assert_eq!(problem.outcome.code(), 2, "{addition}");
    }
}

#[test]
fn a_waiver_says_what_and_why_and_until_when() {
    let text = "[[waiver]]\ncause = 'build-path-in-dwarf'\npath = 'a/*.so'\nreason = 'debug'\n\
                upstream = 'https://bugs.example/1'\nexpires = '2027-02-28'\n\
                sha256 = ['4e106bd97a1d1d8ff1bd8a2e9d1cd94f3c6e1d7a3c1f4b0d5e6f708192a3b4c5']\n";
    let waivers = parse(&format!("{SMALLEST}{text}")).unwrap().waivers;
    let [waiver] = &waivers[..] else { panic!("{waivers:?}") };
    assert_eq!((waiver.cause.as_str(), waiver.reason.as_str()), ("build-path-in-dwarf", "debug"));
    assert_eq!(waiver.expires.to_string(), "2027-02-28");
    assert!(waiver.sha256[0].to_string().starts_with("4e106bd9"));
    assert!(waiver.path.names("a/x.so") && !waiver.path.names("a/b/x.so"));
}

#[test]
fn prefixes_that_hide_the_toolchain_are_refused() {
    for prefix in ["", "/", "opt/x", "/usr/lib/x", "/opt/../usr", "/opt/x/", "/build", "/opt//"] {
        assert!(parse(&format!("prefix = '{prefix}'\n{SMALLEST}")).is_err(), "{prefix}");
    }
    for prefix in ["/opt/x", "/srv/a/b", "/nix/store/q-x"] {
        assert!(parse(&format!("prefix = '{prefix}'\n{SMALLEST}")).is_ok(), "{prefix}");
    }
}

#[test]
fn an_unpinned_source_is_refused() {
    let text = SMALLEST.replace("path = '../examples/sample'", "url = 'https://x.example/a.tgz'");
    let problem = parse(&text).unwrap_err();
    assert!(problem.hint.unwrap().contains("lockstep hash"));
}
