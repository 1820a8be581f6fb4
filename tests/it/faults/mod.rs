//! Failures of every kind while a desk is copied: right data, or an honest end; never a hang.

mod lasting;
mod lies;
mod passing;

use std::time::Duration;

use mava_export::settings::RateLimit;
use mava_export::simulator::{Fault, Hook, Quirks, SimulatorSpec};

use crate::support::{Desk, generated};

/// A desk in pages of forty, with a limit that is never reached: its short period keeps the
/// pauses after a 429 short.
async fn desk(tickets: usize) -> Desk {
    let mut desk = Desk::open(SimulatorSpec {
        quirks: Quirks {
            largest_page: Some(40),
            ..Quirks::default()
        },
        ..SimulatorSpec::new(generated(tickets))
    })
    .await;
    desk.connection.budget.rate_limit = Some(RateLimit {
        requests: 100_000,
        period: Duration::from_millis(100),
    });
    desk
}

/// The pages of these numbers, counted from 1, get a fault.
fn pages(numbers: &'static [u64], mut make: impl FnMut() -> Fault + Send + 'static) -> Hook {
    let mut page = 0;
    Box::new(move |request, _| {
        if !request.is_for_tickets() {
            return None;
        }
        page += 1;
        numbers.contains(&page).then(&mut make)
    })
}

/// Every page from this one on gets a fault.
fn pages_from(number: u64, mut make: impl FnMut() -> Fault + Send + 'static) -> Hook {
    let mut page = 0;
    Box::new(move |request, _| {
        if !request.is_for_tickets() {
            return None;
        }
        page += 1;
        (page >= number).then(&mut make)
    })
}

/// How many requests got a fault of this name.
fn served(desk: &Desk, name: &str) -> usize {
    let requests = desk.simulator.requests();
    requests
        .iter()
        .filter(|one| one.fault == Some(name))
        .count()
}

/// The account in `snapshots` is what the simulator saw.
#[track_caller]
fn assert_accounted(desk: &Desk) {
    let requests = i64::try_from(desk.simulator.requests().len()).expect("few");
    assert_eq!(desk.number("SELECT sum(requests) FROM snapshots"), requests);
}
