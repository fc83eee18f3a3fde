//! `build-lock` at the command line: from whom it takes advice, and that a backend which is asked
//! is foreign code.

use std::path::Path;

use crate::cli::{self, Small, end};
use crate::wheels_fixture::Wheel;

const BUILD_LOCK: &str = "recipes/small.build-lock.toml";

/// An index on disk, as PEP 503 has it, with one version of `thing`.
fn index(dir: &Path, version: &'static str) -> String {
    let project = dir.join("simple/thing");
    fs_err::create_dir_all(&project).unwrap();
    let wheel = Wheel::new("thing", version).file("thing.py", "").write(&project);
    let digest = base::vocabulary::Sha256::of(fs_err::read(&wheel).unwrap());
    let name = wheel.file_name().unwrap().to_str().unwrap();
    let page = format!("<a href=\"{name}#sha256={digest}\">{name}</a>");
    fs_err::write(project.join("index.html"), page).unwrap();
    format!("file://{}", dir.join("simple").display())
}

/// uv reads the configuration of every directory above the one that it runs in, and that is the
/// cache: what lies there, or bounds the person's own installations, must not decide what is
/// locked. Which index is asked is theirs to say.
#[test]
fn only_the_index_of_the_configuration_counts() {
    let small = Small::new(cli::PLAIN);
    small.replace("app/pyproject.toml", "requires = []", "requires = [\"thing\"]");
    let [own, other] = ["own", "other"].map(|name| small.path(name));
    let (own, other) = (index(&own, "1.0"), index(&other, "2.0"));
    let flat = other.replace("/simple", "/simple/thing");
    let hostile = format!(
        "index-url = \"{other}\"\nfind-links = [\"{flat}\"]\nconstraint-dependencies = [\"thing>1\"]\n\
         [pip]\nfind-links = [\"{flat}\"]\nextra-index-url = [\"{other}\"]\n"
    );
    small.write("uv.toml", &hostile);
    fs_err::create_dir_all(small.path("home/uv")).unwrap();
    let user = format!(
        "override-dependencies = [\"thing==2.0\"]\n[[index]]\nurl = \"{own}\"\ndefault = true\n\
         [pip]\nfind-links = [\"{flat}\"]\n"
    );
    small.write("home/uv/uv.toml", &user);
    let lock = |arguments: &[&str], extra: &[(&str, &str)]| {
        let mut command = small.builder(&["build-lock", "small"]);
        command.args(arguments).env("XDG_CONFIG_HOME", small.path("home"));
        end(command.env("XDG_CONFIG_DIRS", "/nowhere").envs(extra.iter().copied()))
    };
    lock(&[], &[("UV_FIND_LINKS", &flat), ("UV_PRERELEASE", "allow")]).good();
    let text = fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap();
    assert!(text.contains("\"thing==1.0\"") && !text.contains("2.0"), "{text}");
    // The environment counts more than a file.
    lock(&[], &[("UV_DEFAULT_INDEX", &other)]).good();
    let text = fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap();
    assert!(text.contains("\"thing==2.0\"") && !text.contains("1.0\""), "{text}");
    lock(&["--check"], &[("UV_DEFAULT_INDEX", &other)]).good();
}

/// The answer is a file that the backend can replace.
#[test]
fn a_link_in_place_of_the_answer_is_not_followed() {
    let secrets = cli::scratch();
    let secret = secrets.path().join("secret.json");
    fs_err::write(&secret, "[\"hunter2 @ https://t.example/hunter2.whl\"]").unwrap();
    for act in [
        format!("os.symlink('{}', answer)", secret.display()),
        "os.symlink('/dev/zero', answer)".to_owned(),
        "os.mkfifo(answer)".to_owned(),
        "os.mkdir(answer)".to_owned(),
    ] {
        let small = Small::new(cli::PLAIN);
        small.append(
            "app/backend.py",
            &format!(
                "import atexit\n\n\ndef plant():\n    answer = '/build/answer.json'\n    \
                 os.remove(answer)\n    {act}\n\n\natexit.register(plant)\n"
            ),
        );
        let ended = end(&mut small.builder(&["build-lock", "small"]));
        ended.bad(1, &["a build backend could not say what it needs"]);
        assert!(!ended.stderr.contains("hunter2"), "{act}: {}", ended.stderr);
    }
}

/// A build lock that was made before the project asked for something else of builds.
#[test]
fn what_was_locked_for_other_demands_is_not_built_with() {
    let small = Small::new(cli::PLAIN);
    let index = index(&small.path("own"), "1.0");
    let run = |words: &[&str]| {
        let mut command = small.builder(words);
        end(command.env("UV_DEFAULT_INDEX", &index).env("XDG_CONFIG_HOME", small.path("home")))
    };
    let build = || run(&["--json", "build", "small"]);
    build().good();
    let plain = fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap();
    for (table, part) in [
        ("[tool.uv]\nbuild-constraint-dependencies = [\"thing<2\"]\n", "all: locked with"),
        ("[tool.uv.extra-build-dependencies]\nsmall = [\"thing\"]\n", "small: locked with"),
    ] {
        small.append("app/pyproject.toml", table);
        build().bad(1, &["the build lock does not fit", part, "build-lock"]);
        run(&["build-lock", "small"]).good();
        build().good();
    }
    let text = fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap();
    assert!(text.contains("requirements = [\"thing==1.0\"]"), "{text}");
    // The keys are gone with what they are of.
    let own = fs_err::read_to_string(small.path("app/pyproject.toml")).unwrap();
    small.write("app/pyproject.toml", own.split("[tool.uv").next().unwrap());
    build().bad(1, &["the project has none"]);
    run(&["build-lock", "small"]).good();
    let text = fs_err::read_to_string(small.path(BUILD_LOCK)).unwrap();
    assert!(text.ends_with(plain.split_once("[[build]]").unwrap().1), "{text}");
}
