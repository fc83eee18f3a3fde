//! No file names a package registry: which one is used is the configuration of whoever runs the
//! tool. So the hosts are asked for here, never written down; without programs or network to ask,
//! there is nothing to compare with.

use std::collections::BTreeSet;

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

/// The hosts of the registries that npm, apt and uv are configured with here.
pub(super) fn configured(shell: &Shell) -> Vec<String> {
    let npm = answer(cmd!(shell, "timeout 8 npm config get registry"));
    let apt = answer(cmd!(
        shell,
        "grep -rhoE https?://[^\\ ]+ /etc/apt/sources.list /etc/apt/sources.list.d"
    ));
    let index = index(shell);
    let mut hosts: BTreeSet<String> = BTreeSet::new();
    hosts.extend(npm.lines().filter_map(host));
    hosts.extend(apt.lines().filter(|url| url.contains("debian")).filter_map(host));
    hosts.extend(host(&index));
    if !index.is_empty() {
        // An index may keep its files on a host of their own, which its pages name.
        let page = answer(cmd!(shell, "curl -sfL --max-time 8 {index}/six/"));
        hosts.extend(page.split("href=\"").filter_map(host));
    }
    hosts.into_iter().collect()
}

fn index(shell: &Shell) -> String {
    let ask = cmd!(shell, "timeout 10 uv pip compile -q --emit-index-url --no-header -");
    let printed = answer(ask.stdin("six"));
    let url = printed.lines().find_map(|line| line.strip_prefix("--index-url "));
    url.unwrap_or_default().trim_end_matches('/').to_owned()
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
