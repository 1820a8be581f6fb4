//! A desk, a place of its own for each command, and commands that run in it.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mava_export::simulator::{
    Fault, Hook, RequestInfo, Simulator, SimulatorSpec, World, WorldSpec,
};
use tempfile::TempDir;

/// What a backfill of the whole desk is asked with, the limit lifted.
pub(super) const BACKFILL: &str = "backfill --since 2024-01-01 --until 2024-07-01 \
     --to sqlite:support.db --rate-limit none --retry-pause 5ms";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A desk of so many tickets, whose answers take so long.
pub(super) fn desk(tickets: usize, latency_ms: u64) -> Simulator {
    Simulator::start_apart(SimulatorSpec {
        latency: Duration::from_millis(latency_ms),
        is_prerendered: true,
        ..SimulatorSpec::new(world(tickets))
    })
    .unwrap()
}

pub(super) fn world(tickets: usize) -> World {
    World::generate(&WorldSpec {
        tickets,
        mean_messages: 0.5,
        ..WorldSpec::default()
    })
}

/// Tells of each request from now on; `answer` may ask for a fault, given its number from 1 on.
pub(super) fn watch(
    simulator: &Simulator,
    mut answer: impl FnMut(u64, &RequestInfo) -> Option<Fault> + Send + 'static,
) -> Receiver<u64> {
    let (arrived, arrivals) = mpsc::channel();
    let mut number = 0;
    let hook: Hook = Box::new(move |request, _| {
        number += 1;
        // Nobody needs to listen.
        let _ = arrived.send(number);
        answer(number, request)
    });
    simulator.set_hook(hook);
    arrivals
}

/// Waits for the request of this number.
pub(super) fn wait_for(arrivals: &Receiver<u64>, number: u64) {
    while arrivals.recv_timeout(PATIENCE).unwrap() < number {}
}

/// Waits until `is_so`.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} has not happened");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A home, a state directory and a working directory that nothing else uses.
pub(super) struct Place {
    directory: TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        for name in ["home", "state", "work"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    /// All of it.
    pub(super) fn root(&self) -> &Path {
        self.directory.path()
    }

    /// A file of the working directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root().join("work").join(name)
    }

    /// Every file, at any depth.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files.sort();
        files
    }

    /// The command with these words, and nothing of our own environment.
    pub(super) fn command(&self, words: &str) -> Command {
        self.program(env!("CARGO_BIN_EXE_mava-export"), words.split_whitespace())
    }

    /// The command with these words, talking to this desk.
    pub(super) fn command_at(&self, simulator: &Simulator, words: &str) -> Command {
        let mut command = self.command(words);
        command
            .env("MAVA_BASE_URL", simulator.base_url())
            .env("MAVA_API_KEY", simulator.api_key());
        command
    }

    /// The same as [`Self::command_at`] from a shell that first runs `preparation`, such as a
    /// `ulimit`.
    pub(super) fn shell_at(
        &self,
        simulator: &Simulator,
        preparation: &str,
        words: &str,
    ) -> Command {
        let mut command = self.shell(preparation, words);
        command
            .env("MAVA_BASE_URL", simulator.base_url())
            .env("MAVA_API_KEY", simulator.api_key());
        command
    }

    /// The command with these words from a shell that first runs `preparation`.
    pub(super) fn shell(&self, preparation: &str, words: &str) -> Command {
        let script = format!("{preparation}; exec \"$0\" \"$@\"");
        let binary = env!("CARGO_BIN_EXE_mava-export");
        let words = ["-c", &script, binary]
            .into_iter()
            .chain(words.split_whitespace());
        self.program("bash", words)
    }

    fn program<'a>(&self, program: &str, words: impl Iterator<Item = &'a str>) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root().join("home"))
            .env("XDG_STATE_HOME", self.root().join("state"))
            .env("TMPDIR", self.root())
            .current_dir(self.root().join("work"));
        // A clock that the tests themselves were started under.
        for name in ["LD_PRELOAD", "FAKETIME", "DONT_FAKE_MONOTONIC"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs the backfill of the whole desk to its end.
    pub(super) fn backfill(&self, simulator: &Simulator) -> Ended {
        run(&mut self.command_at(simulator, BACKFILL))
    }
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// Its exit code; `None` after a signal.
    pub(super) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// That it exited so, or everything it said.
    #[track_caller]
    pub(super) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// That stderr holds each of these, or everything it said.
    #[track_caller]
    pub(super) fn expect_error(&self, parts: &[&str]) {
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "no {part:?} in: {}",
                self.stderr
            );
        }
    }

    /// Stdout as the one JSON value that it is.
    #[track_caller]
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).expect(&self.stdout)
    }
}

/// Runs a command to its end, without a stdin.
pub(super) fn run(command: &mut Command) -> Ended {
    Running::start(command).end()
}

/// Runs a command to its end, with this on its stdin.
pub(super) fn run_with_stdin(command: &mut Command, stdin: &str) -> Ended {
    let mut running = Running::spawn(command.stdin(Stdio::piped()));
    let mut pipe = running.stdin();
    pipe.write_all(stdin.as_bytes()).unwrap();
    drop(pipe);
    running.end()
}

/// A command that runs. Killed when dropped.
pub(super) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        Self::spawn(command.stdin(Stdio::null()))
    }

    /// Starts it with the stdin that the command has.
    pub(super) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdout: Stream::read(child.stdout.take().unwrap()),
            stderr: Stream::read(child.stderr.take().unwrap()),
            child,
        }
    }

    /// Its stdin, to be written, where that is a pipe.
    pub(super) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it `INT` or `TERM`.
    pub(super) fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.pid());
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success());
    }

    /// What it printed on stdout so far.
    pub(super) fn told(&self) -> String {
        self.stdout.text()
    }

    /// What it said on stderr so far.
    pub(super) fn said(&self) -> String {
        self.stderr.text()
    }

    /// Waits until stderr holds this.
    pub(super) fn wait_to_say(&self, words: &str) {
        until(words, || self.said().contains(words));
    }

    /// Kills it by SIGKILL, dead when this returns.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(super) fn end(mut self) -> Ended {
        let mut status = None;
        until("the end of the command", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        Ended {
            status: status.unwrap(),
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
        }
    }

    /// Waits for its end, which comes within this time.
    pub(super) fn end_within(self, limit: Duration) -> Ended {
        let began = Instant::now();
        let ended = self.end();
        assert!(
            began.elapsed() < limit,
            "{:?}\n{}",
            began.elapsed(),
            ended.stderr
        );
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Mostly it has ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command says, read as it says it.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length) = pipe.read(&mut chunk)
                && length > 0
            {
                kept.lock().unwrap().extend_from_slice(&chunk[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn whole(&mut self) -> String {
        self.reader.take().unwrap().join().unwrap();
        self.text()
    }
}
