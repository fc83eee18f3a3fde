//! No file names a package registry: which one is used is the configuration of whoever runs the
//! tool. So the hosts are asked for here, never written down; without programs or network to ask,
//! there is nothing to compare with.

use std::collections::BTreeSet;
use std::path::Path;

use xshell::{Cmd, Shell, cmd};

use super::{SourceFile, Violation};

pub(super) fn check(file: &SourceFile, hosts: &[String]) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if hosts.iter().any(|host| line.contains(host.as_str())) {
            let mend = "it names a package registry by its host; use a `.example` host";
            found.push(file.violation(number, "host", mend));
        }
    }
    found
}

/// The hosts of the registries that npm, apt, pip and uv are configured with here. To ask takes
/// seconds, so the answer is kept below `target`; with `CI` set, it is asked anew.
pub(super) fn configured(shell: &Shell, root: &Path) -> Vec<String> {
    let kept = root.join("target/tidy/hosts");
    let known = shell.read_file(&kept).unwrap_or_default();
    if !known.is_empty() && shell.var("CI").is_err() {
        return known.lines().map(str::to_owned).collect();
    }
    let hosts = asked(shell);
    // Where it cannot be kept, it is asked the next time, too.
    let _ = shell.write_file(&kept, hosts.join("\n"));
    hosts
}

fn asked(shell: &Shell) -> Vec<String> {
    let npm = answer(cmd!(shell, "timeout 8 npm config get registry"));
    let apt = answer(cmd!(
        shell,
        "grep -rhoE https?://[^\\ ]+ /etc/apt/sources.list /etc/apt/sources.list.d"
    ));
    let mut hosts: BTreeSet<String> = BTreeSet::new();
    hosts.extend(npm.lines().filter_map(host));
    hosts.extend(apt.lines().filter(|url| url.contains("debian")).filter_map(host));
    for index in indexes(shell) {
        hosts.extend(host(&index));
        // An index may keep its files on a host of their own, which its pages name.
        let page = answer(cmd!(shell, "curl -sfL --max-time 8 {index}/six/"));
        hosts.extend(page.split("href=\"").filter_map(host));
    }
    hosts.into_iter().collect()
}

/// The index that is configured, and the defaults that pip and uv tell in their help.
fn indexes(shell: &Shell) -> BTreeSet<String> {
    let set = ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"];
    let set = set.into_iter().filter_map(|name| shell.var(name).ok());
    let pip = cmd!(shell, "timeout 10 python3 -m pip install --help").env("COLUMNS", "1000");
    let uv = cmd!(shell, "timeout 10 uv pip compile --help");
    let helps = [answer(pip), answer(uv)].join("\n");
    let words = helps.split_whitespace().map(|word| word.trim_matches(['<', '>', '(', ')', '.']));
    let urls = words.filter(|word| word.starts_with("https://") && word.ends_with("/simple"));
    let all = set.chain(urls.map(|url| url.trim_end_matches(['>', ')', '.']).to_owned()));
    all.map(|url| url.trim_end_matches('/').to_owned()).collect()
}

/// What a program prints; nothing if it is not there or fails.
fn answer(command: Cmd<'_>) -> String {
    command.quiet().ignore_status().ignore_stderr().read().unwrap_or_default()
}

fn host(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '"', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    host.contains('.').then(|| host.to_owned())
}
