//! Which indexes are asked, by what configures them.

use super::*;

fn urls(environment: &Environment) -> Vec<String> {
    let indexes = Indexes::ambient(environment, &ProjectIndexes::default(), None).unwrap();
    indexes.asked().map(|index| index.url.to_string()).collect()
}

/// What uv itself does with these: a project's indexes come after the environment's and before
/// the user's, its default index counts less than the environment's.
#[test]
fn the_projects_indexes_stand_between_environment_and_files() {
    let text = "
        [[tool.uv.index]]
        name = 'corp-one'
        url = 'https://corp.example/simple'
        explicit = true
        [[tool.uv.index]]
        name = 'main'
        url = 'https://main.example/simple'
        default = true
        [[tool.uv.index]]
        url = 'wheels'
        format = 'flat'
        [tool.uv]
        extra-index-url = ['https://extra.example/simple']
        find-links = ['https://links.example/']
        index-strategy = 'unsafe-best-match'";
    let project = Pyproject::parse("x", text).unwrap();
    let project = ProjectIndexes::of(&project, Path::new("/tree")).unwrap();
    assert_eq!(project.strategy.as_deref(), Some("unsafe-best-match"));
    let found = |variables: &[(&str, &str)]| {
        let fixed = [("UV_NO_CONFIG", "1"), ("UV_INDEX", "https://env.example/simple")];
        let environment = Environment::of(fixed.iter().chain(variables).copied());
        let indexes = Indexes::ambient(&environment, &project, None).unwrap();
        indexes.list.iter().map(|it| it.url.to_string()).collect::<Vec<_>>()
    };
    let between = [
        "https://env.example/simple",
        "https://corp.example/simple",
        "file:///tree/wheels/",
        "https://extra.example/simple",
        "https://links.example/",
        "https://main.example/simple",
    ];
    assert_eq!(found(&[]), between);
    let found = found(&[
        ("UV_DEFAULT_INDEX", "https://other.example/simple"),
        ("UV_INDEX_CORP_ONE_USERNAME", "me"),
        ("UV_INDEX_CORP_ONE_PASSWORD", "word"),
    ]);
    assert_eq!(found[1], "https://me:word@corp.example/simple");
    // It is no default any more; its name still counts.
    assert_eq!(found[2], "https://main.example/simple");
    assert_eq!(found.last().unwrap(), "https://other.example/simple");
}

#[test]
fn the_environment_counts_more_than_files() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    fs::create_dir_all(format!("{home}/uv")).unwrap();
    let text = "[[index]]\nurl = 'https://file.example/simple'\ndefault = true\n\
                [[index]]\nurl = 'https://more.example/simple'\n\
                [[index]]\nurl = 'https://never.example/simple'\nexplicit = true\n";
    fs::write(format!("{home}/uv/uv.toml"), text).unwrap();
    let with = |extra: &[(&str, &str)]| {
        let fixed = [("XDG_CONFIG_HOME", home), ("XDG_CONFIG_DIRS", "/nowhere")];
        Environment::of(fixed.iter().chain(extra).copied())
    };
    let more = "https://more.example/simple";
    assert_eq!(urls(&with(&[])), [more, "https://file.example/simple"]);
    let named = ("UV_DEFAULT_INDEX", "mine=https://env.example/simple");
    assert_eq!(urls(&with(&[named])), [more, "https://env.example/simple"]);
    let alone = [("UV_INDEX_URL", "https://env.example/simple"), ("UV_NO_CONFIG", "1")];
    assert_eq!(urls(&with(&alone)), ["https://env.example/simple"]);
}

#[test]
fn a_wrong_url_is_shown_without_its_password() {
    let environment = Environment::of([("UV_DEFAULT_INDEX", "ftp://me:word@a.example/")]);
    let problem = Indexes::ambient(&environment, &ProjectIndexes::default(), None).unwrap_err();
    assert!(!problem.to_string().contains("word"), "{problem}");
    let nothing = Environment::of([("UV_NO_CONFIG", "1")]);
    let problem = Indexes::ambient(&nothing, &ProjectIndexes::default(), None).unwrap_err();
    assert!(problem.hint.unwrap().contains("UV_DEFAULT_INDEX"));
}

#[test]
fn pip_is_looked_at_where_uv_names_none() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    fs::create_dir_all(format!("{home}/pip")).unwrap();
    let with = |conf: &str, extra: &[(&str, &str)]| {
        fs::write(format!("{home}/pip/pip.conf"), conf).unwrap();
        let fixed = [("XDG_CONFIG_HOME", home), ("XDG_CONFIG_DIRS", "/nowhere")];
        urls(&Environment::of(fixed.iter().chain(extra).copied()))
    };
    let conf = "# mine\n[global]\ntimeout = 5\nindex-url = https://conf.example/simple\n";
    assert_eq!(with(conf, &[]), ["https://conf.example/simple"]);
    let install = format!("{conf}[install]\nindex_url: https://install.example/simple\n");
    assert_eq!(with(&install, &[]), ["https://install.example/simple"]);
    let pip = ("PIP_INDEX_URL", "https://env.example/simple");
    assert_eq!(with(conf, &[pip]), ["https://env.example/simple"]);
    let uv = ("UV_INDEX_URL", "https://uv.example/simple");
    assert_eq!(with(conf, &[pip, uv]), ["https://uv.example/simple"]);
}
