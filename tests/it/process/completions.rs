//! The completion scripts, in the shells that they are for: typed on a terminal, with a tabulator.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::support::{Place, run};

/// What is typed, and what the line is after a tabulator.
const TYPED: [(&str, &str); 14] = [
    ("mava-export back", "backfill"),
    ("mava-export compl", "completions"),
    ("mava-export backfill --sin", "backfill --since"),
    ("mava-export backfill --file-m", "backfill --file-mode"),
    ("mava-export sync --spe", "sync --spend"),
    ("mava-export sync --log-format js", "sync --log-format json"),
    ("mava-export plan sy", "plan sync"),
    ("mava-export plan sync --max-r", "plan sync --max-requests"),
    ("mava-export completions zs", "completions zsh"),
    ("mava-export query --nam", "query --named"),
    ("mava-export query --named back", "query --named backlog"),
    (
        "mava-export query --named first-reply-by-w",
        "query --named first-reply-by-week",
    ),
    ("mava-export simulate --tick", "simulate --tickets"),
    ("mava-export --log-l", "--log-level"),
];

/// Types each line into a shell on a terminal of its own, then a tabulator and a return, and prints what
/// the shell gave to the command, which is one that prints its words.
const TYPIST: &str = r#"
import os, pty, re, select, sys, time

shell, lines = sys.argv[1].split(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.environ.update(TERM='dumb', PS1='', PROMPT='')
    os.execvp(shell[0], shell)

def until(pattern):
    said, end = b'', time.monotonic() + 60
    while True:
        found = re.search(pattern, said)
        if found:
            return found.group(1).decode()
        if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
            sys.exit('the shell has not answered: %r' % said)
        try:
            said += os.read(terminal, 4096)
        except OSError:
            sys.exit('the shell has gone: %r' % said)

for line in lines:
    os.write(terminal, line.encode() + b'\t\r')
    print(until(rb'<<(.*?)>>'), flush=True)
os.write(terminal, b'\x04')
"#;

/// A place with the script of `shell` and a command of our name that prints the words it is given.
fn place(shell: &str) -> Place {
    let place = Place::new();
    let script = run(&mut place.command(&format!("completions {shell}"))).expect(0);
    fs::write(place.path("completions"), script.stdout).unwrap();
    let command = place.path("mava-export");
    // Not as they stand in the line that was typed, which the terminal shows as well.
    fs::write(&command, "#!/bin/sh\nprintf '%s%s%s>>\\n' '<' '<' \"$*\"\n").unwrap();
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755)).unwrap();
    place
}

/// A command of this place, which finds our stand-in.
fn within(place: &Place, program: &str) -> Command {
    let mut path = place.path("").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", place.root().join("home"))
        .current_dir(place.path(""));
    command
}

fn require(shell: &str) {
    let version = Command::new(shell).arg("--version").output();
    assert!(
        version.is_ok_and(|ended| ended.status.success()),
        "{shell} is not installed: make test installs it where apt-get is at hand and you are root; \
         elsewhere install it yourself, as in apt-get install {shell} or brew install {shell}"
    );
}

#[track_caller]
fn assert_completed(shell: &str, started: &str) {
    require(shell);
    let place = place(shell);
    // As a distribution sets it up.
    let zshrc = "autoload -U compinit && compinit -u && source ./completions\nunsetopt zle_bracketed_paste 2>&-\n";
    fs::write(place.root().join("home/.zshrc"), zshrc).unwrap();
    let mut typist = within(&place, "python3");
    typist
        .args(["-c", TYPIST, started])
        .args(TYPED.map(|(typed, _)| typed));
    let ended = run(&mut typist).expect(0);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim_end).collect();
    assert_eq!(lines, TYPED.map(|(_, completed)| completed), "{shell}");
}

#[test]
fn bash_completes_what_is_typed() {
    assert_completed("bash", "bash --noprofile --rcfile ./completions -i");
}

#[test]
fn zsh_completes_what_is_typed() {
    assert_completed("zsh", "zsh -i");
}

#[test]
fn fish_completes_what_is_typed() {
    require("fish");
    let place = place("fish");
    for (typed, completed) in TYPED {
        let mut fish = within(&place, "fish");
        fish.args(["--no-config", "--command"])
            .arg("source ./completions; complete --do-complete $argv[1]")
            .arg(typed);
        let ended = run(&mut fish).expect(0);
        // Each candidate is followed by what it is.
        let found: Vec<&str> = ended
            .stdout
            .lines()
            .filter_map(|line| line.split('\t').next())
            .collect();
        let last = completed.rsplit(' ').next().unwrap();
        assert_eq!(found, [last], "{typed}");
    }
}
