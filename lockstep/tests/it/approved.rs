//! What a person has approved: differences for a time, patched files and what is installed.

use base::vocabulary::Sha256;

use crate::small_workspace::Workspace;

const RECIPE: &str = "recipes/small.toml";
const HOST: &str =
    "import socket\ndef act():\n    return {'host.py': f'host = {socket.gethostname()!r}\\n'}\n";

#[test]
fn a_waiver_holds_as_long_as_it_is_needed() {
    let workspace = Workspace::new(HOST).blessed();
    workspace.append(
        RECIPE,
        "\n[[waiver]]\ncause = 'host-name'\npath = 'host.py'\nreason = 'the test asks for it'\n\
         upstream = 'https://bugs.example/1'\nexpires = '2999-12-31'\n",
    );
    let verify = |words: &[&str]| workspace.xtask("verify-repro", &[&["--quiet"], words].concat());
    // A host name in a module can be anything, so the waiver must name what it allows.
    let [a, b] = ["lockstep", "host-of-round-1"]
        .map(|host| Sha256::of(format!("host = '{host}'\n")).to_string());
    verify(&[]).ends(3, &["not proved harmless there", &a, &b, "merge: no"]);
    let named = format!("sha256 = ['{a}', '{b}']\nexpires = '2999");
    workspace.replace(RECIPE, "expires = '2999", &named);
    verify(&[]).ends(0, &["merge: yes"]);
    // Without the variation nothing differs, and nothing is known of the waiver.
    verify(&["--vary=-host-name,-domain"]).ends(0, &["not varied: `domain`", "merge: yes"]);
    workspace.replace("app/act.py", "socket.gethostname()", "'none'");
    let stale = ["`host-name` at `host.py` is stale", "the test asks for it", "merge: no"];
    verify(&[]).ends(6, &stale);
    workspace.replace("app/act.py", "'none'", "socket.gethostname()");
    workspace.replace(RECIPE, "2999-12-31", "2026-01-31");
    let over = ["is over since 2026-01-31", "https://bugs.example/1", "merge: no"];
    verify(&[]).ends(6, &over);
    workspace.replace(RECIPE, "'host.py'", "'other.py'");
    verify(&[]).ends(3, &["is stale", "is over", "host-name"]);
    workspace.replace(RECIPE, "'host-name'", "'hostname'");
    verify(&[]).ends(2, &["names no cause: `hostname`", "did you mean `host-name`?"]);
    workspace.replace(RECIPE, "'hostname'", "'unexplained'");
    verify(&[]).ends(2, &["what is unexplained cannot be waived"]);
}

#[test]
fn another_patch_or_another_upstream_is_exit_code_5() {
    let workspace = Workspace::new("def act():\n    return {'a.py': 'path = 1\\n'}\n").blessed();
    workspace.append(
        RECIPE,
        "\n[[patch]]\nfile = '@site-packages@/a.py'\n[[patch.replace]]\nfrom = '1'\nto = '2'\n",
    );
    let verify = || workspace.xtask("verify-repro", &["--quiet", "--vary=-all,+host-name"]);
    // Without a directory of snapshots nothing need be approved.
    verify().ends(0, &["nothing is approved yet", "merge: yes"]);
    let approved = workspace.path("snapshots/small");
    fs_err::create_dir_all(&approved).unwrap();
    let file = "patched__site-packages__a.py.snap";
    verify().ends(5, &["not approved yet: `installed`", "`patched/site-packages/a.py`"]);
    let review = |words: &[&str]| workspace.xtask("review", words);
    // Nobody is asked where nobody can answer.
    review(&[]).ends(5, &["+path = 2", "2 left", "--accept"]);
    assert!(approved.join(format!("{file}.new")).exists());
    review(&["--accept"]).ends(0, &["2 accepted"]);
    verify().ends(0, &["merge: yes"]);
    review(&[]).ends(0, &["nothing waits for a review"]);
    workspace.replace(RECIPE, "to = '2'", "to = '3'");
    verify()
        .ends(5, &["our patch changed: `site-packages/a.py`", "approved  +path = 2", "merge: no"]);
    workspace.replace(RECIPE, "to = '3'", "to = '2'");
    workspace.replace("app/act.py", "path = 1", "# new\\npath = 1");
    verify().ends(5, &["upstream changed: `site-packages/a.py`", "the patch does the same to it"]);
    // What it looks for is not there any more.
    workspace.replace("app/act.py", "path = 1", "path = 7");
    verify().ends(1, &["cannot patch", "upstream may have changed the text"]);
}
