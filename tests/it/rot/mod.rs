//! Rows that are not as they were written: flipped bits, edits by hand, lost pages. All of it is
//! found, and what the desk still has is mended.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests damage files and look at the clock"
)]

mod accepted;
mod bits;
mod columns;
mod earlier;
mod marks;
mod metrics;
mod names;
mod published;
mod recounted;
mod totals;

use std::fs;
use std::path::Path;

use mava_export::error::{Error, ExitCode, Result};
use mava_export::report::{SyncSummary, Verification};
use mava_export::run::Context;
use mava_export::settings::{Sync, Verify, Whole};
use mava_export::simulator::{Fault, SimulatorSpec, World};
use mava_export::store::{Audit, Store};
use mava_export::sync;
use mava_export::verify;
use mava_export::window;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{Desk, generated};
use crate::sync::settings as sync_settings;

/// A desk of half a year, already copied, whose store lies in one file without a log beside it.
async fn copied(tickets: usize) -> Desk {
    copied_from(SimulatorSpec::new(generated(tickets))).await
}

async fn copied_from(spec: SimulatorSpec) -> Desk {
    let mut desk = Desk::open(spec).await;
    desk.settings.since = window::parse("2024-01-01").unwrap();
    desk.settings.until = Some(window::parse("2024-07-01").unwrap());
    desk.backfill().await.expect("completes");
    desk
}

/// The same, where some tickets hold values that do not fit, attributes of every kind, and one that
/// was deleted.
async fn strange() -> Desk {
    let mut world: World = generated(160);
    let ids: Vec<String> = world.tickets().map(|ticket| ticket.id.clone()).collect();
    let gone = ids[60].clone();
    let changed = ids[80].clone();
    world.edit(&changed, |ticket| ticket.status = "Open".into());
    let mut desk = Desk::open(SimulatorSpec::new(world)).await;
    desk.settings.since = window::parse("2024-01-01").unwrap();
    desk.settings.until = Some(window::parse("2024-07-01").unwrap());
    let odd: Vec<String> = ids.iter().step_by(9).cloned().collect();
    desk.simulator.set_hook(Box::new(move |request, _| {
        let odd = odd.clone();
        request.is_for_tickets().then(|| {
            Fault::edit_text(move |page| {
                let mut page: Value = serde_json::from_str(&page).expect("a page");
                for ticket in page["tickets"].as_array_mut().expect("an array") {
                    if odd.iter().any(|id| ticket["id"] == json!(id)) {
                        spoil(ticket);
                    }
                }
                page.to_string()
            })
        })
    }));
    desk.backfill().await.expect("ends");
    desk.simulator.with_world(|world| {
        world.remove(&gone);
        world.edit(&changed, |ticket| ticket.status = "Waiting".into());
    });
    desk.backfill().await.expect("ends");
    // For what syncs go by.
    full_sync(&desk).await.expect("ends");
    desk
}

/// Gives a ticket of everything that has a column.
fn spoil(ticket: &mut Value) {
    ticket["priority"] = json!("high");
    ticket["strange"] = json!({"kept": ["as", "sent"]});
    ticket["discordUsers"] = json!(["otter", "heron"]);
    ticket["attributes"] =
        json!([{"label": "plan", "value": "gold"}, {"label": "seats", "value": 3}]);
    ticket["updatedAt"] = json!("2024-06-30T10:00:00.000Z");
    ticket["emailSubjectLine"] = json!("Where is my parcel?");
    if let Some(customer) = ticket.get_mut("customer").filter(|one| one.is_object()) {
        customer["attributes"] = json!([{"label": "tier", "value": "silver"}]);
        customer["extra"] = json!(true);
    }
    if let Some(messages) = ticket["messages"].as_array_mut() {
        for message in messages {
            message["attachments"] = json!([{"fileName": "a.png", "url": "https://files.example/a.png", "fileType": "image/png"}]);
            message["odd"] = json!(1);
        }
    }
}

fn context(desk: &Desk) -> Result<Context> {
    desk.context()
}

async fn verify(desk: &Desk, is_deep: bool, is_repair: bool) -> Result<(Verification, ExitCode)> {
    let settings = Verify {
        store: desk.settings.store.clone(),
        is_deep,
        is_repair,
        allow_deletions: false,
    };
    verify::verify(&context(desk)?, &settings, &|_| {}).await
}

async fn full_sync(desk: &Desk) -> Result<(SyncSummary, ExitCode)> {
    let settings = Sync {
        whole: Whole::Always,
        ..sync_settings(desk)
    };
    sync::sync(&context(desk)?, &settings).await
}

/// Runs SQL on the store as a hand would.
#[track_caller]
fn meddle(path: &Path, sql: &str) -> usize {
    let sqlite = Connection::open(path).unwrap();
    sqlite.pragma_update(None, "foreign_keys", false).unwrap();
    let before = sqlite.total_changes();
    sqlite.execute_batch(sql).expect(sql);
    usize::try_from(sqlite.total_changes() - before).unwrap()
}

/// What an audit of the file says, or that it cannot be read at all.
fn audit(path: &Path) -> Result<Audit> {
    Store::open_read_only(path)?.audit(&|_| true)
}

/// Every file of the store, so that it can be put back.
struct Kept {
    bytes: Vec<u8>,
}

impl Kept {
    fn of(desk: &Desk) -> Self {
        let path = desk.path();
        let sqlite = Connection::open(&path).unwrap();
        sqlite
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        drop(sqlite);
        Self {
            bytes: fs::read(&path).unwrap(),
        }
    }

    fn put_back(&self, path: &Path) {
        self.write(path, &self.bytes);
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        for side in ["-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(side);
            let _ = fs::remove_file(name);
        }
        fs::write(path, bytes).unwrap();
    }
}

/// An error names the store's file and a way out, and its exit code is one of the table's.
#[track_caller]
fn assert_told(error: &Error, what: &str) {
    assert!(error.help_text().is_some(), "{what}: {error}");
    assert!(error.to_string().contains("support.db"), "{what}: {error}");
}
