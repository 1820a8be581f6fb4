//! A store is read by whoever may read its files: another user who may not write to its directory, and
//! everybody where that is mounted to be read only; whether a run writes it, has ended or was killed.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mava_export::simulator::Fault;
use mava_export::window;

use super::support::{BACKFILL, Place, Running, desk, run, until, wait_for, watch};

/// Nobody's, on every system that we know of.
const OTHER: u32 = 65_534;

/// Answers each word that it reads: `count` of the tickets, `begin` and `end` of a transaction.
const READER: &str = "
import sqlite3, sys
try:
    store = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, isolation_level=None, timeout=20)
    for line in sys.stdin:
        word = line.strip()
        if word == 'count':
            print(store.execute('SELECT count(*) FROM tickets').fetchone()[0], flush=True)
        else:
            store.execute(word)
            print('done', flush=True)
except sqlite3.Error as error:
    print(repr(error), flush=True)
";

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Owner,
    Other,
}

/// A program that is not ours and has the store open for reading, as Datasette and Grafana open it.
struct Reader {
    child: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    fn open(store: &Path, who: Who) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", READER]).arg(store).current_dir("/");
        if who == Who::Other && is_root(store) {
            command.uid(OTHER).gid(OTHER);
        }
        Self::start(&mut command)
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3, which the tests need");
        Self {
            words: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn ask(&mut self, word: &str) -> String {
        // One that failed has gone, and says why below.
        let _ = writeln!(self.words.as_mut().unwrap(), "{word}");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.words.take());
        let _ = self.child.wait();
    }
}

/// Whether the tests run as root: only root can read as somebody else. Without it the directory alone
/// is closed, to its owner too.
fn is_root(store: &Path) -> bool {
    fs::metadata(store).unwrap().uid() == 0
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Lets others in as far as the working directory, and write nowhere.
fn open_to_others(place: &Place) {
    for path in [place.root(), &place.path("")] {
        allow(path, 0o755);
    }
}

/// What somebody sees who may read the store and not write to its directory.
fn seen_by_others(place: &Place) -> String {
    let work = place.path("");
    let store = place.path("support.db");
    allow(&work, 0o555);
    let seen = Reader::open(&store, Who::Other).ask("count");
    allow(&work, 0o755);
    seen
}

/// What is seen where the directory is mounted to be read only; `None` where this machine lets nobody
/// mount it so.
fn seen_through_a_mount(place: &Place, who: Who) -> Option<String> {
    let store = place.path("support.db");
    if !is_root(&store) {
        return None;
    }
    let mounted = place.root().join("mounted");
    fs::create_dir_all(&mounted).unwrap();
    let mount = "mount --bind -o ro \"$1\" \"$2\" && ! touch \"$2/new\" 2>&-";
    let script = |then: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", &format!("{mount} && {then}"), "sh"])
            .args([&place.path(""), &mounted]);
        command
    };
    if !script("true").status().is_ok_and(|status| status.success()) {
        return None;
    }
    let user = match who {
        Who::Owner => 0,
        Who::Other => OTHER,
    };
    let mut command = script(
        "exec python3 -c 'import os, sqlite3, sys; os.setgid(int(sys.argv[2])); os.setuid(int(sys.argv[2])); exec(sys.argv[3])' \"$2/support.db\" \"$3\" \"$4\"",
    );
    command.arg(user.to_string()).arg(READER);
    Some(Reader::start(&mut command).ask("count"))
}

/// Everybody who may read the store sees this many tickets.
#[track_caller]
fn assert_seen(place: &Place, count: &str, when: &str) {
    assert_eq!(seen_by_others(place), count, "{when}, by another user");
    for who in [Who::Owner, Who::Other] {
        if let Some(seen) = seen_through_a_mount(place, who) {
            assert_eq!(seen, count, "{when}, through a mount, by {who:?}");
        }
    }
}

fn backfill() -> String {
    format!("{BACKFILL} --file-mode 0644")
}

#[test]
fn a_store_at_rest_is_read_by_another_user_and_through_a_mount_that_is_read_only() {
    let simulator = desk(600, 0);
    let place = Place::new();
    open_to_others(&place);
    run(&mut place.command_at(&simulator, &backfill())).expect(0);
    assert_seen(&place, "600", "after the first run");
    // Nothing of a run stays in the log: a copy of the file alone is whole.
    assert_eq!(fs::metadata(place.path("support.db-wal")).unwrap().len(), 0);
    // Commands of the owner that only read, or write without a run.
    for words in [
        "status --to sqlite:support.db",
        "verify --deep --to sqlite:support.db",
        "publish --from sqlite:support.db --to parquet:desk",
    ] {
        run(&mut place.command(words));
        assert_seen(&place, "600", words);
    }
    place.backfill(&simulator).expect(0);
    assert_seen(&place, "600", "after a run without --file-mode");
    // A shell of the owner's takes the side files away; whatever the owner runs next puts them back.
    let shell = rusqlite::Connection::open(place.path("support.db")).unwrap();
    let count: i64 = shell
        .query_row("SELECT count(*) FROM tickets", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 600);
    drop(shell);
    assert!(!place.path("support.db-wal").exists());
    run(&mut place.command("status --to sqlite:support.db")).expect(0);
    assert_seen(&place, "600", "after a shell and a status");
}

#[test]
fn a_store_is_read_by_others_while_a_run_writes_it_and_after_it_was_interrupted_or_killed() {
    let simulator = desk(600, 0);
    for signal in ["KILL", "INT"] {
        let place = Place::new();
        open_to_others(&place);
        let arrivals = watch(&simulator, |request, _| {
            (request >= 6).then_some(Fault::NeverAnswers)
        });
        let mut running = Running::start(&mut place.command_at(&simulator, &backfill()));
        wait_for(&arrivals, 6);
        let mut owner = Reader::open(&place.path("support.db"), Who::Owner);
        until("a page in the store", || {
            owner
                .ask("count")
                .parse::<u64>()
                .is_ok_and(|count| count > 0)
        });
        // The last page that was answered may still be on its way into the store.
        let mut seen = owner.ask("count");
        until("the end of what was answered", || {
            std::mem::replace(&mut seen, owner.ask("count")) == owner.ask("count")
        });
        assert_seen(&place, &seen, "while a run writes");
        drop(owner);
        if signal == "KILL" {
            running.kill();
        } else {
            running.signal(signal);
            running.end();
        }
        let kept = Reader::open(&place.path("support.db"), Who::Owner).ask("count");
        assert!(
            kept.parse::<u64>().unwrap() >= seen.parse().unwrap(),
            "{kept} of {seen}"
        );
        assert_seen(&place, &kept, signal);
    }
}

#[test]
fn a_run_does_not_mind_readers_that_are_open_before_it_begins_and_after_it_has_ended() {
    let simulator = desk(300, 0);
    let place = Place::new();
    open_to_others(&place);
    run(&mut place.command_at(&simulator, &backfill())).expect(0);
    let store = place.path("support.db");
    for (who, created_at) in [(Who::Owner, "2024-03-01"), (Who::Other, "2024-04-01")] {
        let before = Reader::open(&store, Who::Owner).ask("count");
        let mut idle = Reader::open(&store, who);
        let mut within = Reader::open(&store, who);
        assert_eq!(within.ask("begin"), "done");
        assert_eq!(within.ask("count"), before);
        assert_eq!(idle.ask("count"), before);
        let total: u64 = before.parse::<u64>().unwrap() + 40;
        let at = window::parse(created_at).unwrap();
        simulator.with_world(|world| world.insert_burst(at, 40));
        run(&mut place.command_at(&simulator, BACKFILL)).expect(0);
        assert_eq!(within.ask("count"), before, "{who:?} in its transaction");
        assert_eq!(idle.ask("count"), total.to_string(), "{who:?} without one");
        assert_eq!(within.ask("rollback"), "done");
        assert_eq!(within.ask("count"), total.to_string(), "{who:?} after it");
        drop((idle, within));
        // The next run moves what a reader kept in the log.
        run(&mut place.command_at(&simulator, BACKFILL)).expect(0);
        assert_eq!(fs::metadata(place.path("support.db-wal")).unwrap().len(), 0);
    }
}
