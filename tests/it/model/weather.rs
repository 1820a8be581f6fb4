//! What a run meets: a hook of the simulator that lets the desk change, answers from its copies and
//! lies as the case says. All of it hangs on the number of the request, none of it on time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use mava_export::simulator::{Fault, Hook, RequestInfo, World};
use mava_export::table::Instant;
use rand::RngExt;

use super::case::{Case, Mixup};
use super::chronicle::{Answer, Chronicle};
use super::desk;

/// Requests that a stray answer may belong to.
const RECENT: usize = 8;

/// A run's weather.
pub(crate) struct Weather {
    case: Case,
    chronicle: Arc<Mutex<Chronicle>>,
    /// The desk's clock before the first request.
    began: Instant,
    number: u64,
    changes: usize,
    recent: VecDeque<RequestInfo>,
    /// The last request of each connection.
    last: HashMap<u64, RequestInfo>,
    /// Connections that are late, and for how many answers more.
    late: HashMap<u64, u64>,
}

impl Weather {
    pub(crate) fn new(case: &Case, chronicle: &Arc<Mutex<Chronicle>>, began: Instant) -> Self {
        Self {
            case: case.clone(),
            chronicle: Arc::clone(chronicle),
            began,
            number: 0,
            changes: 0,
            recent: VecDeque::new(),
            last: HashMap::new(),
            late: HashMap::new(),
        }
    }

    pub(crate) fn hook(mut self) -> Hook {
        Box::new(move |request, world| self.meet(request, world))
    }

    fn meet(&mut self, request: &RequestInfo, world: &mut World) -> Option<Fault> {
        self.number += 1;
        let now = self.now();
        let kept = Arc::clone(&self.chronicle);
        let mut chronicle = kept.lock().expect("no panic before");
        self.change(&mut chronicle, now);
        let version = self.version(&chronicle, request, now);
        *world = chronicle.version(version).clone();
        let fault = self.fault(request);
        let lie = match &fault {
            Some(Fault::Empty) => Some("empty"),
            Some(_) => Some("swapped"),
            None => None,
        };
        chronicle.answered(Answer {
            request: request.clone(),
            version,
            lie,
        });
        self.recent.push_back(request.clone());
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.last.insert(request.connection, request.clone());
        fault
    }

    fn now(&self) -> Instant {
        let number = i64::try_from(self.number).expect("few");
        self.began + TimeDelta::milliseconds(self.case.step_ms * number)
    }

    fn change(&mut self, chronicle: &mut Chronicle, now: Instant) {
        let random = &mut self.case.random(1_000 + self.number);
        let changes = &self.case.changes;
        while self.changes < changes.most && random.random_range(0..1_000) < changes.rate {
            self.changes += 1;
            desk::change(&self.case, random, chronicle, now);
            if random.random_bool(0.5) {
                break;
            }
        }
    }

    /// The version of the desk that this request is answered from.
    fn version(&self, chronicle: &Chronicle, request: &RequestInfo, now: Instant) -> usize {
        let Some(copies) = &self.case.copies else {
            return chronicle.newest();
        };
        let draw = match copies.is_sticky {
            true => request.connection,
            false => 1_000_000 + self.number,
        };
        let copy: usize = self.case.random(2_000_000 + draw).random_range(0..3);
        let (always, more) = copies.lags[copy];
        // It catches up all at once, again and again.
        let since = now.timestamp_millis() + i64::try_from(copy).expect("three") * 7_919;
        let lag = always + if more > 0 { since.rem_euclid(more) } else { 0 };
        chronicle.version_at(now - TimeDelta::milliseconds(lag))
    }

    fn fault(&mut self, request: &RequestInfo) -> Option<Fault> {
        let number = self.number;
        let is_out =
            |one: &&super::case::Outage| (one.from..one.from + one.length).contains(&number);
        if self.case.outages.iter().find(is_out).is_some() {
            return Some(Fault::Empty);
        }
        for mixup in &self.case.mixups {
            if let Mixup::Late { at, length } = *mixup
                && at == number
            {
                self.late.insert(request.connection, length);
            }
        }
        if let Some(left) = self.late.get_mut(&request.connection)
            && *left > 0
        {
            *left -= 1;
            return another(request, self.last.get(&request.connection));
        }
        let mixups = self.case.mixups.iter();
        let mut others = mixups.filter_map(|mixup| match *mixup {
            Mixup::Stray { at, back } if at == number => self.recent.iter().rev().nth(back - 1),
            Mixup::Crossed { at } if at == number || at + 1 == number => self.recent.back(),
            _ => None,
        });
        another(request, others.next())
    }
}

/// The answer to the other request, where that asked for something else.
fn another(request: &RequestInfo, other: Option<&RequestInfo>) -> Option<Fault> {
    let is_other =
        |other: &&RequestInfo| (&other.path, &other.query) != (&request.path, &request.query);
    let other = other.filter(is_other)?;
    Some(Fault::AnswerTo(Box::new(other.clone())))
}
