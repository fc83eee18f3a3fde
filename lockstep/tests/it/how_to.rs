//! The pages of `docs/how-to`, each followed word by word in a small project: every command of a
//! console block runs, in order, and prints the line below it; every block of TOML after
//! ``In `FILE`:`` is added to that file. So no page tells what does not work.

use std::path::{Path, PathBuf};

use crate::cli::{self, Small, end};

/// What a page wants to be done.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A command, with the lines that it prints, among others.
    Run(String, Vec<String>),
    /// A text for the end of a file.
    Add(String, String),
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    let mut file = None;
    while let Some(line) = lines.next() {
        match line {
            "```console" => {
                for line in lines.by_ref().take_while(|line| *line != "```") {
                    match line.strip_prefix("$ ") {
                        Some(command) => steps.push(Step::Run(command.to_owned(), Vec::new())),
                        None => match steps.last_mut() {
                            Some(Step::Run(_, printed)) => printed.push(line.to_owned()),
                            _ => panic!("`{line}` is printed by nothing"),
                        },
                    }
                }
            }
            "```toml" => {
                let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
                if let Some(file) = file.take() {
                    steps.push(Step::Add(file, format!("\n{}\n", text.join("\n"))));
                }
            }
            line if line.ends_with("`:") => {
                file = line.rsplit("In `").next().map(|it| it.trim_end_matches("`:").to_owned());
            }
            line if !line.is_empty() => file = None,
            _ => {}
        }
    }
    steps
}

/// The project of the pages: `shop`, in whose directory the reader is.
fn shop(page: &str) -> Small {
    let act = "def act():\n    return {'shop.py': 'answer = 42\\n'}\n\n\nNAME = 'shop'\n";
    let small = Small::new(act);
    fs_err::remove_dir_all(small.path("recipes")).unwrap();
    fs_err::remove_dir(small.path("golden")).unwrap();
    for file in ["app/pyproject.toml", "app/uv.lock"] {
        small.replace(file, "\"small\"", "\"shop\"");
    }
    match page {
        "django.md" => {
            for file in ["app/act.py", "app/backend.py"] {
                fs_err::remove_file(small.path(file)).unwrap();
            }
            small.write("app/pyproject.toml", "[project]\nname = \"shop\"\nversion = \"1.0\"\n");
            small.replace("app/uv.lock", "editable", "virtual");
            fs_err::create_dir(small.path("app/shop")).unwrap();
            small.write("app/shop/__init__.py", "");
            small.write("app/shop/settings.py", "DATA = \"data\"\n");
            small.write("app/manage.py", "import shop.settings\n");
        }
        "without-git.md" => {
            small.replace("app/uv.lock", "version = \"1.0\"\n", "");
            small.replace("app/pyproject.toml", "version = \"1.0\"", "dynamic = [\"version\"]");
            small.append("app/pyproject.toml", "[tool.setuptools_scm]\n");
        }
        _ => {}
    }
    small
}

#[track_caller]
fn follow(page: &str) {
    let path = cli::workspace().join("docs/how-to").join(page);
    let small = shop(page);
    let programs = small.path("programs");
    fs_err::create_dir(&programs).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_lockstep"));
    std::os::unix::fs::symlink(program, programs.join("lockstep")).unwrap();
    let text = fs_err::read_to_string(&path).unwrap();
    let steps = steps(&text);
    assert!(steps.iter().any(|it| matches!(it, Step::Run(..))), "{page} has no command");
    // What a shell exports holds for the commands that follow.
    let mut exported = String::new();
    for step in steps {
        match step {
            Step::Add(file, text) => small.append(&format!("app/{file}"), &text),
            Step::Run(command, printed) => {
                let mut shell = cli::command("/bin/sh");
                let search = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
                shell.env("PATH", search).env("LOCKSTEP_CACHE_DIR", &small.cache);
                shell.args(["-ec", &format!("{exported}{command}")]);
                let ended = end(shell.current_dir(small.path("app")));
                let all = format!("{}{}", ended.stdout, ended.stderr);
                assert_eq!(ended.code, Some(0), "{page}: {command}\n{all}");
                for line in printed {
                    assert!(all.contains(&line), "{page}: {command}: no `{line}` in\n{all}");
                }
                if command.starts_with("export ") {
                    exported.push_str(&format!("{command}\n"));
                }
            }
        }
    }
}

macro_rules! pages {
    ($($name:ident: $page:literal,)*) => {
        $(#[test] fn $name() { follow($page); })*

        /// No page is forgotten.
        #[test]
        fn every_page_is_followed() {
            let dir = cli::workspace().join("docs/how-to");
            let entries = base::sys::files::sorted_entries(&dir).unwrap();
            let found: Vec<PathBuf> = entries.iter().map(fs_err::DirEntry::path).collect();
            let mut pages = vec![$($page),*];
            pages.sort_unstable();
            let pages: Vec<PathBuf> = pages.iter().map(|page| dir.join(page)).collect();
            assert_eq!(found, pages);
        }
    };
}

pages! {
    air_gap: "air-gap.md",
    another_python: "another-python.md",
    checks: "checks.md",
    django: "django.md",
    own_repository: "own-repository.md",
    private_index: "private-index.md",
    rust: "rust.md",
    snapshots: "snapshots.md",
    without_git: "without-git.md",
}

#[test]
fn a_page_is_read_as_it_is_meant() {
    let page = "In `a.toml`:\n\n```toml\nx = 1\n```\n\n```toml\nonly shown\n```\n\n```console\n$ one\nsaid\n$ two\n```\n";
    let run = |command: &str, printed: &[&str]| {
        Step::Run(command.to_owned(), printed.iter().map(|it| (*it).to_owned()).collect())
    };
    let add = Step::Add("a.toml".to_owned(), "\nx = 1\n".to_owned());
    assert_eq!(steps(page), [add, run("one", &["said"]), run("two", &[])]);
}
