//! `mava-export` keeps a complete, queryable copy of a Mava support desk in SQLite.
//!
//! ```text
//!  settings ──► plan ──► extract ───────────────────────────────────► store
//!  cli, config  pure     lanes, pagers                                 1 thread,
//!                           │     ▲                                    1 transaction
//!                        request  page                                 a page
//!                           ▼     │                                      │
//!                         api ──► wire ──► normalize ──► table rows ─────┘
//!                         budget, pure     pure
//!                         retry
//! ```
//!
//! # Guarantees
//!
//! - *Complete.* A run that ends with [`ExitCode::Complete`](error::ExitCode::Complete) has stored
//!   every ticket that the API held for the whole run, in the range asked for, once and with its
//!   whole thread.
//! - *Crash-proof.* Killed at any point, the store opens and holds a consistent prefix of the run;
//!   the next run goes on from there, to the same end.
//! - *Within budget.* Never more sends than the limit in any window of its period, across lanes,
//!   restarts and the processes of one user that share a key.
//! - *Nothing silently lost.* What cannot be represented is kept raw, counted, and told by the
//!   exit code; unknown fields are kept as JSON; a deleted ticket is flagged, not erased.
//! - *Secret.* The API key never reaches a log, an error, a file or a process list.
//!
//! # Modules, in the order the data flows
//!
//! - [`cli`], [`config`], [`settings`]: what was typed and read, and what it means.
//! - [`commands`]: one file a command: settings in, a call, what came of it printed.
//! - [`run`], [`sync`], [`verify`]: what a backfill, a sync and a verification do, step by step.
//! - [`mava`]: what the API documents: words, sizes, what a filter selects. Pure.
//! - [`window`], [`plan`]: ranges, slices, what they cost. Pure.
//! - [`refresh`]: how a sync finds what changed. Pure.
//! - [`extract`]: pagers, lanes, the writer's thread. The only module that spawns tasks.
//! - [`budget`]: the ledger, and the gate that every request passes.
//! - [`api`]: the HTTP client, its queries and its retries.
//! - [`wire`]: JSON as sent. Pure.
//! - [`normalize`]: JSON to rows, rejects and hashes. Pure.
//! - [`metrics`]: what a ticket's numbers are: rows from a ticket, its thread and its versions. Pure.
//! - [`table`]: the one schema.
//! - [`store`]: the SQLite file: pages, runs, history, deletions, lock, migrations.
//! - [`publish`]: Parquet snapshots of the store.
//! - `query`: the answer to a question in SQL.
//! - `derived`: opens the files whose paths follow from the one that was named.
//! - [`report`], [`terminal`]: what a run says of itself, and how it is shown.
//! - [`redact`]: the key and hidden characters struck out of what is shown. Pure.
//! - [`probe`]: an answer of the API held against what we expect. Pure.
//! - [`simulator`]: a made-up Mava on loopback, for the demo and the tests.
//! - `demo`: the invented desk of the demo, and what is asked of its copy.
//! - `spelling`: the known word that a mistyped one was meant to be. Pure.
//! - [`clock`], [`limits`]: the machine's clock, and what the system allows a process.
//! - [`error`]: the one error, and the exit codes.
//!
//! Arrows point one way, from the edge to the core: the client never sees a table, the store never
//! sees JSON, and what is pure is handed its time, its randomness and its environment.

pub mod api;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
mod demo;
mod derived;
pub mod error;
pub mod extract;
pub mod limits;
pub mod mava;
pub mod metrics;
pub mod normalize;
pub mod plan;
pub mod probe;
pub mod publish;
mod query;
pub mod redact;
pub mod refresh;
pub mod report;
pub mod run;
pub mod settings;
pub mod simulator;
mod spelling;
pub mod store;
pub mod sync;
pub mod table;
pub mod terminal;
pub mod verify;
pub mod window;
pub mod wire;
