//! What a person would look for in a file of a package, found without running it. It is a search in
//! text: who wants to hide, can. What it finds is where to look first, never that there is nothing.

use std::collections::{BTreeMap, BTreeSet};

use base::vocabulary::Sha256;

/// What a file is and does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traits {
    pub(crate) sha256: Sha256,
    pub(crate) bytes: u64,
    /// What its text does, with the first line that does it.
    pub(crate) behaviours: BTreeMap<Behaviour, String>,
    /// The characters of its longest line, if it is Python.
    pub(crate) longest_line: usize,
    /// Whether it is compiled code.
    pub(crate) is_binary: bool,
}

/// The files of a version.
pub(crate) type Content = BTreeMap<String, Traits>;

/// What code can do that a reviewer wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Behaviour {
    /// It opens connections.
    Network,
    /// It starts programs or loads native code.
    Process,
    /// It runs code that it makes or decodes.
    Code,
    /// It reads the environment, where CI keeps secrets.
    Environment,
}

impl Behaviour {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Network, Self::Process, Self::Code, Self::Environment];

    /// As the end of “it …”.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Network => "uses the network",
            Self::Process => "starts programs or loads native code",
            Self::Code => "runs code that it makes or decodes",
            Self::Environment => "reads the environment",
        }
    }

    /// Modules whose import means it.
    fn modules(self) -> &'static [&'static str] {
        match self {
            Self::Network => &[
                "aiohttp",
                "ftplib",
                "http.client",
                "http.server",
                "httpx",
                "paramiko",
                "requests",
                "smtplib",
                "socket",
                "socketserver",
                "ssl",
                "telnetlib",
                "urllib.request",
                "urllib3",
                "websockets",
                "xmlrpc.client",
            ],
            Self::Process => &["ctypes", "cffi", "pty", "subprocess"],
            Self::Code => &["marshal"],
            Self::Environment => &[],
        }
    }

    /// Texts that mean it, wherever they stand.
    fn texts(self) -> &'static [&'static str] {
        match self {
            Self::Network => &[],
            Self::Process => &["os.system(", "os.popen(", "os.exec", "os.spawn", "os.posix_spawn"],
            Self::Code => &["exec(", "eval(", "b64decode(", "__import__(", "zlib.decompress("],
            Self::Environment => &["os.environ", "os.getenv", "environb"],
        }
    }
}

/// A line of code is shown with so many characters.
const LINE_SHOWN: usize = 120;

/// The traits of a file.
pub(crate) fn of(path: &str, bytes: &[u8]) -> Traits {
    let is_python = path.ends_with(".py") || path.ends_with(".pth") || path.ends_with(".pyi");
    let mut traits = Traits {
        sha256: Sha256::of(bytes),
        bytes: bytes.len() as u64,
        behaviours: BTreeMap::new(),
        longest_line: 0,
        is_binary: is_binary(path, bytes),
    };
    if is_python && !path.ends_with(".pyi") {
        for (at, line) in String::from_utf8_lossy(bytes).lines().enumerate() {
            traits.longest_line = traits.longest_line.max(line.chars().count());
            for behaviour in behaviours(line) {
                let shown: String = line.trim().chars().take(LINE_SHOWN).collect();
                traits.behaviours.entry(behaviour).or_insert(format!("line {}: {shown}", at + 1));
            }
        }
    }
    traits
}

/// ELF, Mach-O, PE, and what is named as such.
fn is_binary(path: &str, bytes: &[u8]) -> bool {
    let magics: [&[u8]; 6] = [
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xfe\xed\xfa\xcf",
        b"\xca\xfe\xba\xbe",
        b"\xce\xfa\xed\xfe",
    ];
    let ends = [".so", ".pyd", ".dll", ".dylib", ".exe", ".pyc"];
    magics.iter().any(|magic| bytes.starts_with(magic))
        || ends.iter().any(|end| path.ends_with(end))
}

fn behaviours(line: &str) -> BTreeSet<Behaviour> {
    let code = line.trim_start();
    let mut found = BTreeSet::new();
    if code.starts_with('#') {
        return found;
    }
    let imported = imports(code);
    for behaviour in Behaviour::ALL {
        let is_of = |module: &String| {
            let known = behaviour.modules().iter();
            known.into_iter().any(|it| module == it || module.starts_with(&format!("{it}.")))
        };
        let has = |text: &&str| has_call(code, text);
        if imported.iter().any(is_of) || behaviour.texts().iter().any(has) {
            found.insert(behaviour);
        }
    }
    found
}

/// Whether a text stands in code, and is not the end of a longer name: `re.compile` is no
/// `compile`, `model.eval(` no `eval(`.
fn has_call(code: &str, text: &str) -> bool {
    code.match_indices(text).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let is_method = text.contains("b64decode") || text.contains("environb");
        !before.is_some_and(|it| it.is_alphanumeric() || it == '_' || it == '.' && !is_method)
    })
}

/// The modules that a line imports; several statements can stand on one line, as in `.pth` files.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let mut words = statement.split_whitespace();
        match words.next() {
            Some("import") => {
                let rest = statement.trim_start().trim_start_matches("import");
                let modules = rest.split(',').filter_map(|it| it.split_whitespace().next());
                found.extend(modules.map(str::to_owned));
            }
            Some("from") => {
                let module = words.next().unwrap_or_default().to_owned();
                let names = statement.split(" import ").nth(1).unwrap_or_default();
                let names = names.split(',').filter_map(|it| it.split_whitespace().next());
                let names = names.map(|it| it.trim_matches(['(', ')']));
                found.extend(names.map(|name| format!("{module}.{name}")));
                found.push(module);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaviours_are_found() {
        use Behaviour::{Code, Environment, Network, Process};
        for (line, expected) in [
            ("import socket", &[Network][..]),
            ("    import os, urllib.request as r", &[Network]),
            ("from urllib import request", &[Network]),
            ("from http.client import HTTPSConnection", &[Network]),
            ("import os; import subprocess; os.environ['X']", &[Process, Environment]),
            ("exec(base64.b64decode(x))", &[Code]),
            ("token = os.getenv('TOKEN')", &[Environment]),
            ("# import socket", &[]),
            ("import socketio_thing", &[]),
            ("model.eval()", &[]),
            ("pattern = re.compile('x')", &[]),
            ("import http", &[]),
        ] {
            let found: Vec<Behaviour> = behaviours(line).into_iter().collect();
            assert_eq!(found, expected, "{line}");
        }
    }
}
