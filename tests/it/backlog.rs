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

    /// Changes rows by hand; returns how many.
    fn change(&self, sql: &str) -> usize {
        let connection = rusqlite::Connection::open(self.desk.path()).expect("opens");
        connection.execute(sql, []).expect("changes")
    }

    /// Lets time pass in which nothing happens.
    fn rest(&mut self, hours: i64) {
        self.now += TimeDelta::hours(hours);
        self.desk.set_now(self.now);
    }

    fn store(&self) -> Store {
        Store::open(&self.desk.path(), &OpenOptions::new(self.now)).expect("opens")
    }

    /// Asserts that totals are those that are made anew.
    fn assert_kept_up(&self) {
        let kept = self.rows();
        let mut store = self.store();
        store.count_days_in(self.desk.settings.store.metrics.time_zone);
        store.remake_totals().expect("made");
        drop(store);
        let made = self.rows();
        for (one, other) in kept.iter().zip(&made) {
            assert_eq!(one, other);
        }
        assert_eq!(kept.len(), made.len());
    }

    /// All rows of totals, and of what they are made of, but for which run wrote them. Days count up to the last
    /// run: how far they go beyond it depends on when they were laid out.
    fn rows(&self) -> Vec<String> {
        let mut rows = self.rows_of(&["ticket_metrics", "ticket_events"]);
        rows.extend(self.totals());
        rows
    }

    fn totals(&self) -> Vec<String> {
        let tables: Vec<&str> = TOTALS.iter().map(|table| table.name).collect();
        self.rows_of(&tables)
    }

    fn rows_of(&self, tables: &[&str]) -> Vec<String> {
        let mut rows = Vec::new();
        for table in tables {
            let columns = self.desk.column(&format!(
                "SELECT name FROM pragma_table_info('{table}') WHERE name <> 'snapshot_id'"
            ));
            let columns: Vec<String> = columns
                .iter()
                .map(|column| format!("ifnull({column}, '-')"))
                .collect();
            let which = match *table {
                "days" => "WHERE starts_at <= (SELECT last_run FROM _totals)",
                _ => "",
            };
            let columns = columns.join(" || ' ' || ");
            let sql = format!("SELECT {columns} FROM {table} {which} ORDER BY 1");
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
        let before = nights.totals();
        let first = nights.sync().await;
        let is_cut = !matches!(first, Ok(ExitCode::Complete));
        if is_cut {
            // No run came to its end.
            assert_eq!(nights.totals(), before, "{night}");
        }
        cut += i64::from(is_cut);
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
    nights.change("UPDATE _metrics SET hours = 'others'");
    let mut store = nights.store();
    let renewed = store
        .renew_metrics(nights.now, &|_, _| true)
        .expect("computed");
    let renewed = renewed.expect("something to do");
    assert!(renewed.tickets > 300 && renewed.changed == 0, "{renewed:?}");
    drop(store);
    assert_eq!(nights.rows(), kept);
    nights.assert_kept_up();
}

#[tokio::test]
async fn where_nothing_happens_the_backlog_is_carried_on_from_day_to_day_and_hour_to_hour() {
    let mut nights = Nights::begun(61, NaiveTime::from_hms_opt(2, 30, 0).expect("a time")).await;
    nights.pass(62);
    assert_eq!(nights.sync().await.expect("ends"), ExitCode::Complete);
    // Were they made anew, this would go: it tells that they are carried on.
    let marked = nights.change("UPDATE customer_metrics SET tickets = tickets + 1000");
    for hours in [1, 3, 60] {
        let before = nights.totals();
        nights.rest(hours);
        assert_eq!(nights.sync().await.expect("ends"), ExitCode::Complete);
        assert_ne!(nights.totals(), before, "{hours}");
    }
    let unmarked = "UPDATE customer_metrics SET tickets = tickets - 1000 WHERE tickets > 1000";
    assert_eq!(nights.change(unmarked), marked);
    let days = "SELECT count(DISTINCT day) FROM daily_metrics WHERE day > (
        SELECT date(max(created_at)) FROM tickets)";
    assert!(nights.desk.number(days) >= 2);
    nights.assert_kept_up();
}

#[tokio::test]
async fn another_zone_makes_other_days_with_the_next_run_although_no_ticket_changed() {
    let mut nights = Nights::begun(71, NaiveTime::from_hms_opt(2, 30, 0).expect("a time")).await;
    let begins = "SELECT min(starts_at) FROM days";
    assert!(nights.desk.column(begins)[0].ends_with("T00:00:00.000Z"));
    for (zone, begin) in [
        (chrono_tz::Asia::Kathmandu, "T18:15:00.000Z"),
        (chrono_tz::UTC, "T00:00:00.000Z"),
    ] {
        nights.desk.settings.store.metrics.time_zone = zone;
        nights.rest(1);
        let behind = |nights: &Nights| nights.store().totals_behind(zone).expect("read");
        let told = behind(&nights).expect("something to say");
        assert!(told.contains("time zone"), "{told}");
        assert_eq!(nights.sync().await.expect("ends"), ExitCode::Complete);
        assert_eq!(behind(&nights), None);
        assert!(nights.desk.column(begins)[0].ends_with(begin), "{zone}");
        nights.assert_kept_up();
    }
}
