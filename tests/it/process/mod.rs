//! The command as users meet it: the real binary in a process of its own, against a simulated API.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests start processes, look at their files and watch the clock"
)]

mod accept;
mod at_rest;
mod bounds;
mod budget;
mod clock;
mod completions;
mod configuration;
mod deep;
mod demo;
mod derived;
mod directory;
mod exits;
mod homeless;
mod kill;
mod kill_sync;
mod limits;
mod live;
mod names;
mod network;
mod output;
mod partial;
mod pauses;
mod permissions;
mod publish;
mod query;
mod query_answers;
mod query_files;
mod query_named;
mod query_words;
mod replaced;
mod secrets;
mod server;
mod servers;
mod shown;
mod signals;
mod stored;
mod support;
mod targets;
mod verify;
