//! How fast pages go into the store, without network and decoding: `cargo bench --bench store`
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement prints, and stops where it cannot measure"
)]

use std::time::{Duration, Instant};

use mava_export::normalize::TicketRows;
use mava_export::plan::{Position, Slice};
use mava_export::store::{PageCommit, Run};

use self::world::{Desk, at, message, seal, ticket};

#[path = "../tests/it/store/world.rs"]
#[expect(dead_code, reason = "what the tests need besides")]
mod world;

const PAGES: i64 = 200;
const PAGE: i64 = 100;

/// A ticket of ten messages, some three hundred characters each.
fn large(number: i64) -> TicketRows {
    let mut rows = ticket(number);
    let id = rows.ticket.id.clone();
    let thread = rows.thread.as_mut().unwrap();
    thread.messages = (0..10)
        .map(|position| {
            let mut message = message(&id, position, rows.ticket.created_at);
            message.id = format!("{number:012x}{position:012x}");
            message.content = Some(format!("{number} {}", "lorem ipsum ".repeat(24)));
            message
        })
        .collect();
    let first = thread.messages[0].id.clone();
    thread.attachments[0].message_id = first;
    let customer = world::customer(&format!("customer-{:05}", number * 7919 % 9001), "Ada");
    rows.ticket.customer_id = Some(customer.customer.id.clone());
    rows.customer = Some(customer);
    rows
}

fn pass(desk: &mut Desk, run: &Run, pages: &[Vec<TicketRows>]) -> Vec<Duration> {
    pages
        .iter()
        .map(|tickets| {
            let slice = Slice {
                position: Position::Key(tickets[0].ticket.created_at),
                ..run.slices[0].clone()
            };
            let page = PageCommit {
                snapshot_id: run.snapshot_id,
                slice: &slice,
                tickets,
                rejects: &[],
                requests: 1,
                read_at: at("2026-01-01"),
            };
            let start = busy();
            desk.store.commit_page(&page).unwrap();
            busy() - start
        })
        .collect()
}

/// Time this thread spent on a processor, so that a busy machine does not matter; waiting for the
/// disk is not in it. Elsewhere than on Linux, the time of day.
fn busy() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a measurement")]
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    statistics
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(|| START.elapsed(), Duration::from_nanos)
}

static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

fn tell(what: &str, times: &[Duration], rows: i64) {
    let total: Duration = times.iter().sum();
    println!(
        "{what}: {total:?}, {:.0} rows/s, {:?} a page",
        rows as f64 / total.as_secs_f64(),
        total / u32::try_from(times.len()).unwrap()
    );
}

fn main() {
    let mut desk = Desk::new();
    let mut pages: Vec<Vec<TicketRows>> = (0..PAGES)
        .map(|page| {
            (page * PAGE..(page + 1) * PAGE)
                .map(|number| seal(large(number)))
                .collect()
        })
        .collect();
    let run = desk.begin("2026-01-01");
    let fresh = pass(&mut desk, &run, &pages);
    let rows = desk
        .store
        .row_counts()
        .unwrap()
        .iter()
        .map(|(_, count)| count)
        .sum();
    tell("fresh", &fresh, rows);
    let start = Instant::now();
    desk.finish(&run, "2026-01-01");
    println!("finish: {:?}", start.elapsed());
    println!("{rows} rows, {} bytes", desk.store.size_bytes().unwrap());

    let run = desk.begin("2026-01-02");
    tell("unchanged", &pass(&mut desk, &run, &pages), rows);
    for rows in pages.iter_mut().flatten() {
        rows.ticket.status = Some("Resolved".to_owned());
        let created_at = rows.ticket.created_at;
        let added = message(&rows.ticket.id, 10, created_at);
        rows.thread.as_mut().unwrap().messages.push(added);
        *rows = seal(rows.clone());
    }
    tell("all changed", &pass(&mut desk, &run, &pages), rows);
}
