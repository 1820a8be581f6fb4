//! The backlog of each day held against the simulator's truth, and totals that were kept up over nights against
//! those that are made anew.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeDelta};
use mava_export::error::ExitCode;
use mava_export::settings::MetricsSettings;
use mava_export::simulator::{Evolution, WorkSpec};
use mava_export::store::{OpenOptions, Store};
use mava_export::table::{Instant, TOTALS};
use tokio_util::sync::CancellationToken;

use crate::support::nights::{copied_in_the_evening, pass_a_day, sync_at_night};
use crate::support::{Desk, NOW};

const NIGHTS: i64 = 30;

/// A desk at work that is copied and then synced each night, the store as it is after each.
struct Nights {
    desk: Desk,
    /// When the next sync begins.
    now: Instant,
    /// Truth: how many tickets were in the backlog at the end of each day, by id.
    backlogs: BTreeMap<String, Vec<String>>,
}

impl Nights {
    /// A desk that was copied at this time of day.
    async fn begun(seed: u64, time: NaiveTime) -> Self {
        let day = (NOW - TimeDelta::days(NIGHTS + 1)).date_naive();
        let now = day.and_time(time).and_utc();
        let work = WorkSpec {
            seed,
            tickets: 220,
            ..WorkSpec::default()
        };
        let desk = copied_in_the_evening(work, 30, now, MetricsSettings::default()).await;
        Self {
            desk,
            now,
            backlogs: BTreeMap::new(),
        }
    }

    /// Lets a day pass.
    fn pass(&mut self, seed: u64) {
        self.now += TimeDelta::days(1);
        let evolution = Evolution {
            seed,
            rate: 6.0,
            ..Evolution::default()
        };
        pass_a_day(&self.desk, &evolution, self.now);
    }

    /// Notes the truth of the end of a day that is over.
    fn note(&mut self) {
        let end = self.now.date_naive().and_time(NaiveTime::MIN).and_utc();
        let end = match self.now.time() == LAST {
            true => end + TimeDelta::days(1),
            false => end,
        };
        let day = (end - TimeDelta::milliseconds(1)).date_naive().to_string();
        let world = self.desk.simulator.world();
        let work = world.work().expect("a desk at work");
        let backlog = work.backlog(end.min(self.now));
        let backlog = backlog.map(|(story, _)| story.ticket_id().to_owned());
        self.backlogs.insert(day, backlog.collect());
    }

    async fn sync(&self) -> mava_export::error::Result<ExitCode> {
        let ended = sync_at_night(&self.desk).await;
        ended.map(|(_, code)| code)
    }

    /// How many of a day's backlog are no spam today, which the totals leave out.
    fn truth(&self, day: &str) -> i64 {
        let spam = self
            .desk
            .column("SELECT id FROM tickets WHERE status = 'Spam'");
        let backlog = self.backlogs[day].iter();
        i64::try_from(backlog.filter(|id| !spam.contains(id)).count()).expect("few")
    }

    /// A day's backlog by the totals: what it is, and the bounds that it lies in.
    fn told(&self, day: &str) -> [i64; 3] {
        ["backlog", "backlog_low", "backlog_high"].map(|column| {
            self.desk.number(&format!(
                "SELECT coalesce(sum({column}), 0) FROM daily_metrics WHERE day = '{day}'"
            ))
        })
    }

    /// All rows of totals, and of what they are made of, but for which run wrote them.
    fn rows(&self) -> Vec<String> {
        let kept = ["ticket_metrics", "ticket_events"].into_iter();
        let tables = kept.chain(TOTALS.iter().map(|table| table.name));
        let mut rows = Vec::new();
        for table in tables {
            let columns = self.desk.column(&format!(
                "SELECT name FROM pragma_table_info('{table}') WHERE name <> 'snapshot_id'"
            ));
            let columns: Vec<String> = columns
                .iter()
                .map(|column| format!("ifnull({column}, '-')"))
                .collect();
            let sql = format!(
                "SELECT {} FROM {table} ORDER BY 1",
                columns.join(" || ' ' || ")
            );
            rows.extend(
                self.desk
                    .column(&sql)
                    .into_iter()
                    .map(|row| format!("{table} {row}")),
            );
        }
        rows
    }
}

/// The end of a day.
const LAST: NaiveTime = NaiveTime::from_hms_milli_opt(23, 59, 59, 999).expect("a time");

#[tokio::test]
async fn where_syncs_run_at_the_end_of_the_day_each_days_backlog_is_the_true_one() {
    let mut nights = Nights::begun(31, LAST).await;
    for night in 1..=NIGHTS {
        nights.pass(32);
        assert_eq!(nights.sync().await.expect("ends"), ExitCode::Complete);
        nights.note();
        let today = nights.now.date_naive().to_string();
        let [backlog, ..] = nights.told(&today);
        assert_eq!(backlog, nights.truth(&today), "{today}");
        if night == NIGHTS {
            let days: Vec<String> = nights.backlogs.keys().cloned().collect();
            for day in days {
                let [backlog, low, high] = nights.told(&day);
                assert_eq!(backlog, nights.truth(&day), "{day}, seen from {today}");
                assert!(low <= backlog && backlog <= high, "{day}");
            }
        }
    }
}

#[tokio::test]
async fn where_syncs_run_in_the_night_each_days_backlog_lies_within_its_bounds() {
    let mut nights = Nights::begun(41, NaiveTime::from_hms_opt(2, 30, 0).expect("a time")).await;
    for _ in 1..=NIGHTS {
        nights.pass(42);
        assert_eq!(nights.sync().await.expect("ends"), ExitCode::Complete);
        nights.note();
    }
    let mut widths = Vec::new();
    for day in nights.backlogs.keys() {
        let ([backlog, low, high], truth) = (nights.told(day), nights.truth(day));
        assert!(
            low <= truth && truth <= high,
            "{day}: {low} to {high}, and {truth}"
        );
        assert!(
            low <= backlog && backlog <= high,
            "{day}: {low} to {high}, and {backlog}"
        );
        widths.push(high - low);
    }
    // They say something: most of what happens is in the audit log.
    widths.sort_unstable();
    assert!(widths[widths.len() / 2] <= 12, "{widths:?}");
}

#[tokio::test]
async fn totals_kept_up_over_nights_that_were_each_cut_short_are_those_made_anew() {
    let mut nights = Nights::begun(51, NaiveTime::from_hms_opt(2, 30, 0).expect("a time")).await;
    let mut cut = 0;
    for night in 1..=NIGHTS {
        nights.pass(52);
        // Each at another request.
        let stop = 2 + u64::try_from(night).expect("few") % 9;
        nights.desk.cancel = CancellationToken::new();
        let cancel = nights.desk.cancel.clone();
        let mut requests = 0;
        nights.desk.simulator.set_hook(Box::new(move |_, _| {
            requests += 1;
            if requests == stop {
                cancel.cancel();
            }
            None
        }));
        let before = nights.desk.column("SELECT made_of FROM _totals");
        let first = nights.sync().await;
        cut += i64::from(!matches!(first, Ok(ExitCode::Complete)));
        assert_eq!(before.len(), 1);
        nights.desk.simulator.clear_hook();
        nights.desk.cancel = CancellationToken::new();
        assert_eq!(
            nights.sync().await.expect("ends"),
            ExitCode::Complete,
            "{night}"
        );
    }
    assert!(cut >= NIGHTS / 2, "{cut} were cut short");
    let kept = nights.rows();
    assert!(nights.desk.audit().is_whole());
    let path = nights.desk.path();
    let forgotten = "UPDATE _metrics SET hours = 'others'";
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute(forgotten, [])
        .unwrap();
    let mut store = Store::open(&path, &OpenOptions::new(nights.now)).expect("opens");
    let renewed = store
        .renew_metrics(nights.now, &|_, _| true)
        .expect("computed");
    let renewed = renewed.expect("something to do");
    assert!(renewed.tickets > 300 && renewed.changed == 0, "{renewed:?}");
    store.remake_totals().expect("made");
    drop(store);
    let made = nights.rows();
    for (one, other) in kept.iter().zip(&made) {
        assert_eq!(one, other);
    }
    assert_eq!(kept.len(), made.len());
}
