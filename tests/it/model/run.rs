//! A case, carried out: a desk, a run in its weather, and the same run with the desk at rest.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::TimeDelta;
use mava_export::error::{ExitCode, Result};
use mava_export::report::{Summary, Verification};
use mava_export::run;
use mava_export::settings::{RateLimit, Spend, Sync, Verify};
use mava_export::simulator::{LoggedRequest, Quirks, SimulatorSpec};
use mava_export::sync;
use mava_export::table::{Instant, RunKind};
use mava_export::verify;
use mava_export::window::Window;
use rand::RngExt;

use super::case::{Case, Changes, Command, Damage, Kind};
use super::chronicle::{Answer, Chronicle};
use super::desk;
use super::judge::{Judged, Judgement, LOST_ALL, Rows, stored};
use super::weather::Weather;
use crate::support::{Desk, LOSE, end_of};

/// How a run ended.
#[derive(Debug, Clone)]
pub(crate) enum End {
    Complete,
    /// With what it said.
    Incomplete(String),
    Failed(String),
}

/// What came of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    /// Why it need not have ended complete, if there is a reason.
    pub(crate) excuse: Option<&'static str>,
    pub(crate) wrong: Vec<String>,
    pub(crate) untold: usize,
    pub(crate) evened_out: usize,
    pub(crate) requests: usize,
    /// What happened, line by line.
    pub(crate) trace: String,
}

struct Carried {
    case: Case,
    desk: Desk,
    chronicle: Arc<Mutex<Chronicle>>,
    outcome: Outcome,
    /// Whether verifications are told that tickets really are gone.
    is_loss_allowed: bool,
}

/// A run that has ended.
struct Ran {
    end: End,
    /// Whether it read the whole range.
    is_whole: bool,
    /// What its answers held, as the server knows it.
    log: Vec<LoggedRequest>,
}

/// Carries a case out.
pub(crate) async fn check(case: &Case) -> Outcome {
    let mut carried = Carried::open(case).await;
    let mut now = desk::until(case);
    let edge =
        |share: i64| desk::from() + TimeDelta::seconds(case.desk.days * 86_400 * share / 1_000);
    let since = edge(case.range.0);
    // The present, where the range ends with it.
    let until = |now: Instant| match case.range.1 {
        1_000 => now,
        share => edge(share),
    };
    let window = |until: Instant| Window::new(since, until).expect("a range");
    let mut range = window(until(now));
    if case.is_again {
        carried
            .rest("the first backfill", Command::Backfill, range, now)
            .await;
        now += carried.pause();
    } else {
        now += TimeDelta::minutes(2);
    }
    carried.pass(now);
    carried.damage();
    if matches!(case.command, Command::Backfill | Command::Sync) {
        range = window(until(now));
    }
    now = carried.disturbed(range, now).await;
    now += TimeDelta::minutes(20);
    let (command, range) = match case.command {
        Command::Verify => (Command::Repair, range),
        Command::Sync => (Command::Sync, window(now)),
        command => (command, range),
    };
    carried
        .rest("the run at rest that followed", command, range, now)
        .await;
    carried.outcome
}

impl Carried {
    async fn open(case: &Case) -> Self {
        let world = desk::world(case);
        let chronicle = Chronicle::new(world.clone(), desk::until(case));
        let mut desk = Desk::open(SimulatorSpec {
            quirks: Quirks {
                has_shuffled_ties: case.desk.has_shuffled_ties,
                largest_page: case.desk.largest_page,
                ..Quirks::default()
            },
            latency: Duration::from_millis(case.latency_ms),
            ..SimulatorSpec::new(world)
        })
        .await;
        desk.settings.max_lanes = case.lanes;
        // Never reached: it is from the rate and the latency that lanes are counted.
        desk.connection.budget.rate_limit = Some(RateLimit {
            requests: 5_000,
            period: Duration::from_secs(1),
        });
        Self {
            case: case.clone(),
            desk,
            chronicle: Arc::new(Mutex::new(chronicle)),
            outcome: Outcome {
                end: End::Complete,
                excuse: None,
                wrong: Vec::new(),
                untold: 0,
                evened_out: 0,
                requests: 0,
                trace: String::new(),
            },
            is_loss_allowed: false,
        }
    }

    fn chronicle(&self) -> MutexGuard<'_, Chronicle> {
        self.chronicle.lock().expect("no panic before")
    }

    /// How long nothing is run after the first backfill.
    fn pause(&self) -> TimeDelta {
        match self.case.random(10).random_range(0..3) {
            0 => TimeDelta::minutes(2),
            1 => TimeDelta::hours(2),
            _ => TimeDelta::days(1),
        }
    }

    /// Lets happen what happens until the run of this instant.
    fn pass(&mut self, until: Instant) {
        let random = &mut self.case.random(11);
        let minute = until - TimeDelta::minutes(1);
        let from = desk::until(&self.case);
        let mut draw = |from: Instant, until: Instant, count: usize| -> Vec<Instant> {
            let span = (until - from).num_milliseconds();
            let times = (0..count).map(|_| TimeDelta::milliseconds(random.random_range(0..span)));
            times.map(|time| from + time).collect()
        };
        let mut times = draw(from, minute, self.case.changes.between);
        times.extend(draw(minute, until, self.case.changes.just_before));
        times.sort_unstable();
        let mut chronicle = self.chronicle.lock().expect("no panic before");
        for at in times {
            desk::change(&self.case, random, &mut chronicle, at);
        }
    }

    /// Somebody meddles with the store.
    fn damage(&self) {
        let random = &mut self.case.random(12);
        let mut some = |ids: Vec<String>, count: usize| -> Vec<String> {
            let drawn = (0..count.min(ids.len())).map(|_| random.random_range(0..ids.len()));
            drawn.filter_map(|place| ids.get(place).cloned()).collect()
        };
        let (ids, sql) = match self.case.damage {
            Damage::None => return,
            Damage::Lost(count) => (some(self.desk.live_ids(), count), LOSE),
            Damage::Edited(count) => {
                let other = "SELECT id FROM tickets WHERE status <> 'Waiting' ORDER BY id";
                let sql = "UPDATE tickets SET status = 'Waiting' WHERE id = 'ID';";
                (some(self.desk.column(other), count), sql)
            }
            Damage::Flagged(count) => (
                some(self.desk.live_ids(), count),
                "UPDATE tickets SET deleted_at = '2022-06-01T00:00:00.000Z' WHERE id = 'ID';",
            ),
        };
        let sql: String = ids.iter().map(|id| sql.replace("ID", id)).collect();
        self.desk.meddle(&sql);
    }

    /// The run that the case is about; gives the desk's clock after it.
    async fn disturbed(&mut self, range: Window, began: Instant) -> Instant {
        let case = self.case.clone();
        self.chronicle().forget_answers();
        let before = self.stored();
        let counted = self.counted(range);
        let ran = self.run(&case, case.command, range, began).await;
        let after = self.stored();
        self.trace(&ran);
        let chronicle = self.chronicle.lock().expect("no panic before");
        let judged = Judged {
            case: &case,
            command: case.command,
            chronicle: &chronicle,
            range,
            counted,
            began,
            before: &before,
            after: &after,
            is_complete: matches!(ran.end, End::Complete),
            is_whole: ran.is_whole,
        };
        let is_short = case.command == Command::Sync && case.spend != Spend::ALL;
        let short = is_short.then_some("it might not spend what it takes");
        let kept = self.is_told_once(&ran) && is_nothing_else(&ran, &chronicle);
        let kept =
            kept.then_some("a damaged row of which the desk has no ticket any more was kept");
        self.outcome.excuse = judged.excuse().or(short).or(kept);
        if case.command == Command::Verify && judged.is_damaged() {
            self.outcome.excuse = Some("the store was not equal");
        } else if case.command == Command::Verify && case.kind.has_changes() {
            self.outcome.excuse = Some("the desk changed while it was counted");
        }
        let judgement = judged.judge();
        let is_rest = case.kind == Kind::Rest && self.outcome.excuse.is_none();
        drop(chronicle);
        self.outcome.end = ran.end.clone();
        self.outcome.requests = ran.log.len();
        self.enter("the run", judgement);
        if is_rest && !matches!(ran.end, End::Complete) && !self.is_told_once(&ran) {
            self.wrong(format!(
                "the run, with the desk at rest, ended {:?}",
                ran.end
            ));
        }
        let requests = i32::try_from(ran.log.len()).expect("few");
        began + TimeDelta::milliseconds(case.step_ms) * requests
    }

    /// Whether the run says that a row was kept as it was found: what was damaged by hand and is gone from the
    /// desk cannot come back, which is told once.
    fn is_told_once(&self, ran: &Ran) -> bool {
        self.case.damage != Damage::None
            && matches!(&ran.end, End::Incomplete(words) if words.contains("kept as found"))
    }

    /// The case with the desk at rest.
    fn calm(&self) -> Case {
        Case {
            kind: Kind::Rest,
            changes: Changes {
                between: 0,
                just_before: 0,
                rate: 0,
                most: 0,
                has_bulk: false,
                has_crowds: false,
            },
            copies: None,
            outages: Vec::new(),
            mixups: Vec::new(),
            spend: Spend::ALL,
            ..self.case.clone()
        }
    }

    /// A run with the desk at rest, which ends complete and leaves no difference.
    async fn rest(&mut self, what: &str, command: Command, range: Window, began: Instant) {
        let case = self.calm();
        self.chronicle().forget_answers();
        let before = self.stored();
        let counted = self.counted(range);
        let mut ran = self.run(&case, command, range, began).await;
        if self.is_told_once(&ran) {
            ran = self.run(&case, command, range, began).await;
        }
        let after = self.stored();
        let (excuse, judgement) = {
            let judged = Judged {
                case: &self.case,
                command,
                chronicle: &self.chronicle(),
                range,
                counted,
                began,
                before: &before,
                after: &after,
                is_complete: matches!(ran.end, End::Complete),
                is_whole: ran.is_whole,
            };
            (judged.excuse(), judged.judge())
        };
        let is_excused = excuse.is_some();
        let is_wrong = !judgement.wrong.is_empty();
        self.enter(what, judgement);
        let has_failed = !is_excused && !matches!(ran.end, End::Complete);
        if has_failed {
            self.wrong(format!("{what} ended {:?}", ran.end));
        }
        if excuse == Some(LOST_ALL) {
            self.allowed(command, range, began).await;
        }
        if is_wrong || has_failed {
            self.outcome.trace.push_str(&format!("{what}:\n"));
            self.trace(&ran);
        }
    }

    /// The way out that a verification names where nothing is left on either side.
    async fn allowed(&mut self, command: Command, range: Window, began: Instant) {
        let case = self.calm();
        self.is_loss_allowed = true;
        let ran = self.run(&case, command, range, began).await;
        self.is_loss_allowed = false;
        if !matches!(ran.end, End::Complete) {
            self.wrong(format!("with --allow-deletions it ended {:?}", ran.end));
        }
    }

    fn enter(&mut self, what: &str, judgement: Judgement) {
        let told = judgement.wrong.iter().map(|line| format!("{what}: {line}"));
        self.outcome.wrong.extend(told);
        self.outcome.untold += judgement.untold;
        self.outcome.evened_out += judgement.evened_out;
    }

    fn wrong(&mut self, line: String) {
        self.outcome.wrong.push(line);
    }

    /// What of `range` a verification counts now.
    fn counted(&self, range: Window) -> Option<Window> {
        if !self.desk.path().exists() {
            return None;
        }
        let last = "SELECT coalesce(max(started_at), '') FROM snapshots WHERE kind <> 'verify'";
        let began = self.desk.column(last).pop().unwrap_or_default();
        let began = mava_export::table::parse_instant(&began)?;
        Window::new(
            range.from(),
            range.until().min(began - TimeDelta::minutes(10)),
        )
    }

    fn stored(&self) -> Rows {
        match self.desk.path().exists() {
            true => stored(&self.desk),
            false => Rows::new(),
        }
    }

    /// Runs a command in the weather of `case`.
    async fn run(&mut self, case: &Case, command: Command, range: Window, began: Instant) -> Ran {
        let weather = Weather::new(case, &self.chronicle, began);
        self.desk.simulator.set_hook(weather.hook());
        let step = TimeDelta::milliseconds(case.step_ms);
        self.desk.set_now(began);
        self.desk.simulator.set_clock(began, step);
        self.desk.simulator.clear_requests();
        let chronicle = Arc::clone(&self.chronicle);
        let sent = || chronicle.lock().expect("no panic before").trace().1.len();
        let ended = end_of(sent, self.command(case, command, range)).await;
        self.desk.simulator.clear_hook();
        let log = self.desk.simulator.requests();
        let now = self.chronicle().now().clone();
        self.desk.simulator.with_world(|world| *world = now);
        let (end, is_whole) = match ended {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => (End::Failed(error.to_string()), false),
            None => {
                self.wrong("the run does not end".to_owned());
                (End::Failed("it hangs".to_owned()), false)
            }
        };
        Ran { end, is_whole, log }
    }

    /// How the command ended, and whether it read its whole range.
    async fn command(
        &mut self,
        case: &Case,
        command: Command,
        range: Window,
    ) -> Result<(End, bool)> {
        self.desk.settings.since = range.from();
        self.desk.settings.until = Some(range.until());
        let context = self.desk.context()?;
        let store = self.desk.settings.store.clone();
        Ok(match command {
            Command::Backfill => {
                let settings = &self.desk.settings;
                let (summary, exit_code) = run::backfill(&context, settings).await?;
                (end(exit_code, &summary), true)
            }
            Command::Sync => {
                let settings = Sync {
                    kind: RunKind::Backfill,
                    since: None,
                    whole: case.whole,
                    spend: case.spend,
                    has_messages: true,
                    max_lanes: case.lanes,
                    allow_deletions: false,
                    store,
                };
                let (summary, exit_code) = sync::sync(&context, &settings).await?;
                let is_whole = summary.steps.iter().any(|step| step.step.word() == "full");
                (end(exit_code, &summary.summary), is_whole)
            }
            Command::Verify | Command::Repair => {
                let settings = Verify {
                    is_deep: false,
                    store,
                    is_repair: command == Command::Repair,
                    allow_deletions: self.is_loss_allowed,
                };
                let (found, exit_code) = verify::verify(&context, &settings, &|_| {}).await?;
                (end_of_verification(exit_code, &found), false)
            }
        })
    }

    fn trace(&mut self, ran: &Ran) {
        let chronicle = self.chronicle.lock().expect("no panic before");
        let (events, answers) = chronicle.trace();
        let mut lines: Vec<String> = events.to_vec();
        for (number, (answer, logged)) in answers.iter().zip(&ran.log).enumerate() {
            lines.push(line(number + 1, answer, logged));
        }
        lines.push(format!("it ended {:?}\n", ran.end));
        self.outcome.trace.push_str(&lines.join("\n"));
    }
}

/// Whether a repair left nothing else than rows that it kept, all of tickets that are gone from the desk.
fn is_nothing_else(ran: &Ran, chronicle: &Chronicle) -> bool {
    let End::Incomplete(words) = &ran.end else {
        return false;
    };
    let (_, last) = chronicle.answering();
    let is_gone = |id: &str| {
        let life = chronicle.life(id);
        life.is_some_and(|life| life.died.is_some_and(|died| died <= last))
    };
    let kept = words.split("kept as found (").nth(1);
    let kept = kept.and_then(|rest| rest.split(')').next());
    let names = kept.map(|kept| kept.split(" and ").next().unwrap_or(kept));
    let is_all_gone = names.is_some_and(|names| {
        let mut ids = names.split(", ").map(|name| name.strip_prefix("tickets "));
        ids.all(|id| id.is_some_and(is_gone))
    });
    is_all_gone && words.contains("left []")
}

fn end(exit_code: ExitCode, summary: &Summary) -> End {
    match exit_code {
        ExitCode::Complete => End::Complete,
        _ => End::Incomplete(format!("{:?} {:?}", summary.unverified, summary.remarks)),
    }
}

fn end_of_verification(exit_code: ExitCode, found: &Verification) -> End {
    match exit_code {
        ExitCode::Complete => End::Complete,
        _ => {
            let differences = found.differences.iter().take(4);
            let left = found
                .repair
                .iter()
                .flat_map(|repair| repair.differences.iter().take(4));
            let brief = |one: &mava_export::report::Difference| {
                format!("{} {} {}", one.group, one.value, one.difference)
            };
            let (found_brief, left): (Vec<_>, Vec<_>) =
                (differences.map(brief).collect(), left.map(brief).collect());
            End::Incomplete(format!("{found_brief:?} left {left:?} {:?}", found.remarks))
        }
    }
}

/// A request and its answer.
fn line(number: usize, answer: &Answer, logged: &LoggedRequest) -> String {
    let query = answer
        .request
        .query
        .replace("%3A", ":")
        .replace("includeMessages=true", "m");
    let path = answer.request.path.trim_start_matches("/api/");
    let lie = answer.lie.map_or(String::new(), |lie| format!(" {lie}"));
    let told = match (logged.page_length, logged.count) {
        (Some(length), Some(count)) => format!("{length} of {count}"),
        _ => format!("status {:?}", logged.status),
    };
    format!(
        "{number:>3} connection {} version {} {path} {query}: {told}{lie}",
        answer.request.connection, answer.version
    )
}
