//! The command itself: killed, stopped, out of space, locked out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use super::support::{
    Rows, Site, assert_manifest, assert_same, image, stored, ticket, with_status,
};
use crate::store::world::{Desk, seal};

const KILLS: usize = 30;

/// A store that is published once, then changed; nothing holds it.
struct Given {
    directory: TempDir,
    /// What was published.
    before: Rows,
    /// What the store holds now.
    after: Rows,
}

impl Given {
    fn new(tickets: i64, months: u32) -> Self {
        let mut site = Site::of(0..tickets, months);
        site.publish();
        let before = site.stored();
        let changed: Vec<_> = (0..tickets)
            .step_by(3)
            .map(|number| with_status(ticket(number, months), "Resolved"))
            .collect();
        site.run(&changed);
        let after = site.stored();
        let Desk { store, directory } = site.desk;
        drop(store);
        Self {
            directory,
            before,
            after,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The published directory as it was, under another name.
    fn copy(&self, name: &str) -> PathBuf {
        let copied = Command::new("cp")
            .args(["-a".as_ref(), self.path("desk").as_os_str()])
            .arg(self.path(name))
            .status();
        assert!(copied.unwrap().success());
        self.path(name)
    }

    fn publish(&self, directory: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mava-export"));
        self.arguments(&mut command, directory);
        command
    }

    /// The same from a shell that first runs `preparation`.
    fn publish_after(&self, preparation: &str, directory: &Path) -> Command {
        let mut command = Command::new("bash");
        let script = format!("{preparation}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_mava-export")]);
        self.arguments(&mut command, directory);
        command
    }

    fn arguments(&self, command: &mut Command, directory: &Path) {
        command
            .args(["publish", "--json", "--from"])
            .arg(format!("sqlite:{}", self.path("support.db").display()))
            .arg("--to")
            .arg(format!("parquet:{}", directory.display()))
            .env_clear()
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }

    /// `current` is whole: the snapshot from before, or the one of now.
    #[track_caller]
    fn assert_old_or_new(&self, directory: &Path, what: &str) -> bool {
        let current = fs::canonicalize(directory.join("current")).unwrap();
        let is_new = current.ends_with("000002");
        let expected = if is_new { &self.after } else { &self.before };
        assert_same(&image(&current), expected, what);
        assert_manifest(&current);
        is_new
    }
}

#[track_caller]
fn succeeded(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

/// What lies in a directory, hidden names included.
fn listing(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_publish_killed_at_any_of_thirty_points_is_repaired_by_the_next() {
    let given = Given::new(150, 3);
    let began = Instant::now();
    succeeded(&given.publish(&given.copy("undisturbed")).output().unwrap());
    let whole = began.elapsed();
    let mut random = StdRng::seed_from_u64(30);
    let (mut tries, mut killed, mut has_litter) = (0, 0, 0);
    // A publish that is over before it is killed does not count, and the next is killed earlier.
    let mut longest = 1.0;
    while killed < KILLS {
        let kill = tries;
        tries += 1;
        assert!(tries < 10 * KILLS, "{killed} of {tries} were killed");
        let directory = given.copy(&format!("killed-{kill}"));
        let mut child = given.publish(&directory).spawn().unwrap();
        // One in three dies at any moment from its start on, the others a moment after they began
        // to write.
        let is_litter = |name: &String| name.starts_with(".mava-export-tmp-");
        let litter = || listing(&directory.join("snapshots")).iter().any(is_litter);
        while kill % 3 > 0 && !litter() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let moment = whole.mul_f64(longest * random.random_range(0.0..1.0));
        std::thread::sleep(moment);
        child.kill().unwrap();
        match child.wait().unwrap().code() {
            None => killed += 1,
            Some(_) => longest *= 0.9,
        }
        let what = format!("kill {kill} after {moment:?}");
        given.assert_old_or_new(&directory, &what);
        has_litter += usize::from(litter());
        succeeded(&given.publish(&directory).output().unwrap());
        assert!(given.assert_old_or_new(&directory, &what), "{what}");
        assert_eq!(
            listing(&directory),
            [".publish-lock", "current", "snapshots"],
            "{what}"
        );
        assert_eq!(
            listing(&directory.join("snapshots")),
            ["000001", "000002"],
            "{what}"
        );
    }
    println!("{killed} of {tries} killed, {has_litter} of them in the middle");
    assert!(has_litter >= KILLS / 4, "{has_litter}");
}

#[test]
fn a_signal_ends_a_publish_and_leaves_nothing_half_made() {
    let given = Given::new(2_000, 2);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let directory = given.copy(signal);
        let mut child = given.publish(&directory).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !directory.join("snapshots/.mava-export-tmp-000002").exists() {
            assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(1));
        }
        let script = format!("kill -{signal} {}", child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &script])
                .status()
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("interrupted while publishing"), "{said}");
        assert!(!given.assert_old_or_new(&directory, signal));
        assert_eq!(
            listing(&directory),
            [".publish-lock", "current", "snapshots"]
        );
        succeeded(&given.publish(&directory).output().unwrap());
        assert!(given.assert_old_or_new(&directory, signal));
    }
}

#[test]
fn a_full_disk_ends_a_publish_with_its_path_and_leaves_all_as_it_was() {
    let mut site = Site::new();
    let tickets: Vec<_> = (0..150)
        .map(|number| {
            let mut rows = ticket(number, 1);
            for message in &mut rows.thread.as_mut().unwrap().messages {
                let first = (number * 10 + message.position) * 100;
                let hash = |part: i64| blake3::hash(&(first + part).to_le_bytes());
                message.content = Some((0..20).map(|part| hash(part).to_string()).collect());
            }
            seal(rows)
        })
        .collect();
    site.run(&tickets);
    let Desk { store, directory } = site.desk;
    drop(store);
    let rows = stored(&directory.path().join("support.db"));
    let given = Given {
        directory,
        before: rows.clone(),
        after: rows,
    };
    let store = fs::read(given.path("support.db")).unwrap();
    for limit_kib in [64, 100, 150] {
        let directory = given.path("desk");
        let preparation = format!("trap '' XFSZ; ulimit -f {limit_kib}");
        let output = given
            .publish_after(&preparation, &directory)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in [
            "the limit on the size of files",
            "messages.parquet",
            "publish again",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(listing(&directory), [".publish-lock", "snapshots"]);
        assert!(listing(&directory.join("snapshots")).is_empty());
        assert!(
            fs::read(given.path("support.db")).unwrap() == store,
            "the store changed"
        );
    }
    succeeded(&given.publish(&given.path("desk")).output().unwrap());
    given.assert_old_or_new(&given.path("desk"), "in the end");
}

#[test]
fn a_store_that_a_run_holds_is_not_published() {
    let mut site = Site::of(0..10, 1);
    site.publish();
    let output = Command::new(env!("CARGO_BIN_EXE_mava-export"))
        .args(["publish", "--from"])
        .arg(format!("sqlite:{}", site.desk.path().display()))
        .arg("--to")
        .arg(format!("parquet:{}", site.root().display()))
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("another run"), "{said}");
}
