//! The command as users meet it: the real binary in a process of its own, against a simulated API.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests start processes, look at their files and watch the clock"
)]

mod demo;
mod exits;
mod kill;
mod kill_sync;
mod output;
mod partial;
mod permissions;
mod publish;
mod query;
mod secrets;
mod signals;
mod stored;
mod support;
mod targets;
mod verify;
