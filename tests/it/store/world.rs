//! An invented desk, and short ways to put it into a store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mava_export::normalize::{self, CustomerRows, Outcome, ThreadRows, TicketRows};
use mava_export::plan::{Slice, SliceState};
use mava_export::store::{OpenOptions, PageCommit, PageCounts, Run, RunSpec, Store};
use mava_export::table::{self, Instant};
use mava_export::window::{self, Window};
use mava_export::wire::RawTicket;
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

pub(crate) fn at(text: &str) -> Instant {
    window::parse(text).unwrap()
}

pub(crate) fn range(from: &str, until: &str) -> Window {
    Window::new(at(from), at(until)).unwrap()
}

pub(crate) fn spec() -> RunSpec {
    RunSpec {
        kind: mava_export::table::RunKind::Backfill,
        range: range("2025-01-01", "2025-07-01"),
        is_until_open: false,
        filters_json: None,
        has_messages: true,
    }
}

/// A ticket as the normaliser gives it, hashes set by [`seal`].
pub(crate) fn ticket(number: i64) -> TicketRows {
    let id = format!("ticket-{number:05}");
    let created_at = at("2025-01-01") + chrono::TimeDelta::minutes(number);
    let messages: Vec<table::Message> = (0..3)
        .map(|position| message(&id, position, created_at))
        .collect();
    let customer_id = format!("customer-{}", number % 7);
    seal(TicketRows {
        ticket: table::Ticket {
            id: id.clone(),
            status: Some("Open".to_owned()),
            priority: Some(2),
            source_type: Some("web".to_owned()),
            category_id: Some("category-1".to_owned()),
            assigned_agent_id: Some("agent-1".to_owned()),
            customer_id: Some(customer_id.clone()),
            email_subject: None,
            created_at,
            updated_at: None,
            resolved_at: None,
            resolution_time_ms: None,
            csat: None,
            ai_status: None,
            message_count: Some(3),
            customer_message_count: Some(2),
            agent_message_count: Some(1),
            system_message_count: Some(0),
            private_note_count: Some(0),
            first_customer_message_at: Some(created_at),
            first_agent_reply_at: None,
            first_reply_time_ms: None,
            last_message_at: Some(created_at),
            last_message_sender_type: Some("customer".to_owned()),
            extra_json: None,
        },
        thread: Some(ThreadRows {
            attachments: vec![table::MessageAttachment {
                ticket_id: id.clone(),
                message_id: messages[0].id.clone(),
                position: 0,
                file_name: Some("picture.png".to_owned()),
                url: Some("https://files.example/picture.png".to_owned()),
                file_type: Some("image/png".to_owned()),
            }],
            messages,
            hash: [0; 16],
        }),
        attributes: vec![table::TicketAttribute {
            ticket_id: id.clone(),
            position: 0,
            attribute_id: Some("attribute-1".to_owned()),
            label: Some("plan".to_owned()),
            value: Some("gold".to_owned()),
        }],
        tags: vec![tag("tag-b", Some("Beta")), tag("tag-a", None)],
        discord_users: vec![table::TicketDiscordUser {
            ticket_id: id,
            position: 0,
            user_name: "otter".to_owned(),
        }],
        customer: Some(customer(&customer_id, "Ada")),
        category: None,
        agent: None,
        rejects: Vec::new(),
        replaced_characters: 0,
        head_hash: [0; 16],
    })
}

pub(crate) fn message(ticket_id: &str, position: i64, at: Instant) -> table::Message {
    table::Message {
        id: format!("message-{position}"),
        ticket_id: ticket_id.to_owned(),
        position,
        sender_type: Some("customer".to_owned()),
        sender_reference_type: Some("Customer".to_owned()),
        sender_name: Some("Ada".to_owned()),
        sender_id: None,
        message_type: Some("ExternalMessage".to_owned()),
        content: Some(format!("hello {position}")),
        created_at: Some(at),
        updated_at: None,
        is_edited: Some(false),
        is_deleted: None,
        action_log_from: None,
        action_log_to: None,
        extra_json: None,
    }
}

pub(crate) fn tag(id: &str, name: Option<&str>) -> table::Tag {
    table::Tag {
        id: id.to_owned(),
        name: name.map(str::to_owned),
    }
}

/// A customer with one attribute, as the normaliser gives it.
pub(crate) fn customer(id: &str, name: &str) -> CustomerRows {
    let raw = serde_json::json!({
        "id": "t1",
        "createdAt": 0,
        "customer": {"id": id, "name": name, "attributes": [{"label": "name", "value": name}]},
    });
    let raw = RawTicket {
        raw: raw.to_string().into(),
        has_bytes: false,
    };
    match normalize::ticket(&raw, false) {
        Outcome::Rows(rows) => rows.customer.unwrap(),
        Outcome::Reject(reject) => panic!("{reject:?}"),
    }
}

pub(crate) fn reject(id: &str, ticket_id: Option<&str>) -> table::Reject {
    table::Reject {
        id: id.to_owned(),
        ticket_id: ticket_id.map(str::to_owned),
        path: "priority".to_owned(),
        reason: "not a number".to_owned(),
        raw_json: "{}".to_owned(),
        created_at: None,
    }
}

/// Sets the hashes to what the rows hold, as the normaliser does.
pub(crate) fn seal(mut rows: TicketRows) -> TicketRows {
    normalize::seal(&mut rows);
    rows
}

/// The ticket as a run without messages reads it.
pub(crate) fn without_thread(mut rows: TicketRows) -> TicketRows {
    rows.thread = None;
    forget_thread(&mut rows.ticket);
    seal(rows)
}

fn forget_thread(ticket: &mut table::Ticket) {
    ticket.message_count = None;
    ticket.customer_message_count = None;
    ticket.agent_message_count = None;
    ticket.system_message_count = None;
    ticket.private_note_count = None;
    ticket.first_customer_message_at = None;
    ticket.first_agent_reply_at = None;
    ticket.first_reply_time_ms = None;
    ticket.last_message_at = None;
    ticket.last_message_sender_type = None;
}

/// A store in a directory of its own.
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) directory: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = open(&directory.path().join("support.db")).unwrap();
        Self { store, directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("support.db")
    }

    /// A second, plain connection that looks at the same file.
    pub(crate) fn look(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    pub(crate) fn begin(&mut self, now: &str) -> Run {
        self.begin_as(&spec(), now)
    }

    /// Begins a run with one slice.
    pub(crate) fn begin_as(&mut self, spec: &RunSpec, now: &str) -> Run {
        let mut run = self.store.begin(spec, at(now)).unwrap();
        if run.slices.is_empty() {
            run.slices = self
                .store
                .plan_slices(run.snapshot_id, &[run.range])
                .unwrap();
        }
        run
    }

    pub(crate) fn page(&mut self, run: &Run, tickets: &[TicketRows], read_at: &str) -> PageCounts {
        self.store
            .commit_page(&PageCommit {
                snapshot_id: run.snapshot_id,
                slice: &run.slices[0],
                tickets,
                rejects: &[],
                requests: 1,
                read_at: at(read_at),
            })
            .unwrap()
    }

    /// A page without tickets, after which the slice stands as given.
    pub(crate) fn empty_page(&mut self, run: &Run, slice: &Slice, requests: i64) {
        self.store
            .commit_page(&PageCommit {
                snapshot_id: run.snapshot_id,
                slice,
                tickets: &[],
                rejects: &[],
                requests,
                read_at: run.snapshot.started_at,
            })
            .unwrap();
    }

    /// Seals the run's slices and ends it.
    pub(crate) fn finish(&mut self, run: &Run, now: &str) -> table::Snapshot {
        for slice in &run.slices {
            let sealed = Slice {
                state: SliceState::Sealed,
                ..slice.clone()
            };
            self.empty_page(run, &sealed, 0);
        }
        let outcome = mava_export::store::Outcome::Complete;
        self.store
            .finish(run.snapshot_id, outcome, at(now))
            .unwrap()
    }

    /// A whole run of one page.
    pub(crate) fn run(&mut self, tickets: &[TicketRows], now: &str) -> PageCounts {
        let run = self.begin(now);
        let counts = self.page(&run, tickets, now);
        self.finish(&run, now);
        counts
    }

    pub(crate) fn text(&self, sql: &str) -> Option<String> {
        self.look().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.look().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn assert_references_hold(&self) {
        let look = self.look();
        let mut check = look.prepare("PRAGMA foreign_key_check").unwrap();
        assert!(!check.exists([]).unwrap(), "a foreign key leads nowhere");
        let whole: String = look
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(whole, "ok");
    }

    /// Every row of every table for people but `snapshots`, as text.
    pub(crate) fn dump(&self) -> BTreeMap<&'static str, Vec<String>> {
        let look = self.look();
        table::TABLES
            .iter()
            .filter(|table| table.name != "snapshots")
            .map(|table| (table.name, rows(&look, table)))
            .collect()
    }
}

fn rows(connection: &Connection, table: &table::Table) -> Vec<String> {
    let sql = format!(
        "SELECT * FROM {} ORDER BY {}",
        table.name,
        table.key.join(", ")
    );
    let mut statement = connection.prepare(&sql).unwrap();
    let count = statement.column_count();
    let rows = statement
        .query_map([], |row| {
            (0..count)
                .map(|index| row.get::<_, Value>(index).map(|value| format!("{value:?}")))
                .collect::<rusqlite::Result<Vec<_>>>()
        })
        .unwrap();
    rows.map(|row| row.unwrap().join(" ")).collect()
}

pub(crate) fn open(path: &Path) -> mava_export::error::Result<Store> {
    Store::open(path, &OpenOptions::new(at("2026-01-01T08:00:00Z")))
}

/// A range that holds every ticket of these tests.
pub(crate) fn ever() -> mava_export::window::Window {
    mava_export::window::Window::new(at("2000-01-01"), at("2100-01-01")).unwrap()
}
