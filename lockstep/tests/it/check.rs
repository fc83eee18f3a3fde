//! The checks of an output that does its best to pass them: what it brings must not answer for the
//! programs that check it.

use crate::small_workspace::Workspace;

/// A module that imports what it says; `more` are further entries of the wheel.
fn wheel(module: &str, more: &str) -> String {
    format!("def act():\n    return {{'small/__init__.py': {module:?}, {more}}}\n")
}

/// Adds what a recipe says of checks.
fn with(act: &str, rule: &str) -> Workspace {
    let small = Workspace::new(act);
    small.append("recipes/small.toml", rule);
    small
}

const IMPORTS: &str = "\n[check]\nimports = [\"small.missing\"]\n";

#[test]
fn an_import_that_ends_early_has_failed() {
    let ends = [
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "raise SystemExit(0)",
        "import os; os.close(3); [os.close(it) for it in range(4, 20)]; os._exit(0)",
        "import os; os.write(1, b'{\"failures\": [], \"token\": \"\"}'); os._exit(0)",
        "import os\nfor it in range(3, 20):\n  try: os.write(it, b'ok')\n  except OSError: pass\n\
         os._exit(0)",
        "import os; os.execv('/bin/true', ['true'])",
    ];
    // All in one build: a module for each.
    let entry = |(number, text)| format!("'small/end{number}.py': {text:?}, ");
    let entries = ends.iter().enumerate().map(entry).collect::<Vec<_>>().concat();
    let names: Vec<String> = (0..ends.len()).map(|number| format!("small.end{number}")).collect();
    let rule = format!("\n[check]\nimports = {names:?}\n");
    let ended = with(&wheel("", &entries), &rule).xtask("build", &[]);
    let failed: Vec<String> = names.iter().map(|name| format!("import {name} ")).collect();
    let failed: Vec<&str> = failed.iter().map(String::as_str).collect();
    ended.ends(1, &failed);
    ended.ends(1, &["7 checks of the output failed"]);
}

/// What an output runs at every start of its interpreter cannot speak for the script that checks.
#[test]
fn an_interpreter_that_ends_early_has_failed() {
    let answers = ["os._exit(0)", "os.write(1, b'[]'); os._exit(0)"];
    for answer in answers {
        let line = format!(
            "import os; 'checks.py' in str(open('/proc/self/cmdline').read()) and ({})",
            answer.replace("; ", " and ")
        );
        let act = wheel("", &format!("'early.pth': {line:?}"));
        with(&act, IMPORTS).xtask("build", &[]).ends(1, &["the output's interpreter"]);
    }
}

#[test]
fn programs_of_an_output_do_not_check_it() {
    let script = "#!/bin/sh\\nexit 0\\n";
    let names = ["uv", "sh", "env", "ip", "unshare", "setsid", "mount"];
    let entries = names.map(|it| format!("'small-1.0.data/scripts/{it}': '{script}', ")).concat();
    let act = format!("REQUIRES = ['absent']\n\n\n{}", wheel("", &entries));
    let ended = with(&act, "\n[check]\nimports = [\"small\"]\n").xtask("build", &[]);
    ended.ends(1, &["uv pip check", "absent", "1 check of the output failed"]);
}

/// Nothing that an output brings runs before, beside or as what was asked for, and nothing of the
/// output or of the toolchain can be written to meanwhile.
#[test]
fn an_output_is_not_changed_by_its_checks() {
    let script = "#!/bin/sh\\necho ran >> /dev/shm/ran\\n";
    let names =
        ["ip", "unshare", "setsid", "env", "capsh", "setpriv", "mount", "umount", "hostname"];
    let entries = names.map(|it| format!("'small-1.0.data/scripts/{it}': '{script}', ")).concat();
    let attempts = "import os, sys\n\
        for path in ('/opt/small/x', '/usr/share/x', '/build/tools/uv', sys.executable):\n\
        \x20   try: open(path, 'ab').close()\n\
        \x20   except OSError: continue\n\
        \x20   raise SystemExit(path + ' can be written to')\n\
        assert not os.path.exists('/dev/shm/ran'), 'a script ran'\n";
    let rule = format!(
        "\n[check]\nimports = [\"small\"]\n[[check.run]]\nname = \"writing\"\ncommand = \
         [\"python\", \"-c\", {}]\n",
        serde_json::to_string(attempts).unwrap()
    );
    with(&wheel("", &entries), &rule).xtask("build", &[]).ends(0, &[]);
}

#[test]
fn limits_of_a_recipe_hold() {
    let rule = "\n[limits]\ncheck-minutes = 0\n";
    with(&wheel("", ""), rule).xtask("build", &[]).ends(2, &["check-minutes"]);
    // The log of a build is held as well.
    let act = "import sys\n\n\ndef act():\n    sys.stdout.write('x' * (3 << 20))\n    return {}\n";
    let ended = with(act, "\n[limits]\nlog-megabytes = 1\n").xtask("build", &[]);
    ended.ends(1, &["`limits.log-megabytes` of the recipe sets another limit", "exit code  124"]);
}
