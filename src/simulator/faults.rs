//! Failures on demand: what a hook can answer instead of, or do to, the page asked for.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::quirks::mix;
use super::world::World;

/// A request that passed authentication and the rate limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    /// Which request it is, from 1 on, among those that reach the hook.
    pub number: u64,
    /// Which connection it came over, from 1 on, in the order in which they were opened.
    pub connection: u64,
    /// Method.
    pub method: String,
    /// Path, such as `/api/tickets`.
    pub path: String,
    /// Query as it was sent, without the question mark.
    pub query: String,
    /// Decoded parameters in their order.
    pub parameters: Vec<(String, String)>,
}

impl RequestInfo {
    /// The first value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it asks for tickets.
    pub fn is_for_tickets(&self) -> bool {
        self.path == "/api/tickets"
    }
}

/// Called with every request before it is answered: it may change the world, and may ask for a
/// fault. It runs under the simulator's lock and must not call the simulator.
pub type Hook = Box<dyn FnMut(&RequestInfo, &mut World) -> Option<Fault> + Send>;

/// How a 429 says when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Not at all.
    None,
    /// In seconds.
    Seconds(u64),
    /// As an HTTP date this many seconds ahead.
    Date(u64),
}

/// Changes a rendered page as JSON.
pub type Edit = Box<dyn FnOnce(&mut Value) + Send>;

/// Changes a rendered page as text.
pub type EditText = Box<dyn FnOnce(String) -> Vec<u8> + Send>;

/// What goes wrong with one request.
pub enum Fault {
    /// This status with a JSON error.
    Status(u16),
    /// 429.
    TooMany(RetryAfter),
    /// 401.
    Unauthorized,
    /// 302 to this location.
    Redirect(String),
    /// The connection is reset before any byte of the answer.
    ResetBeforeHeaders,
    /// Headers and half of the body, then the connection closes.
    CutBody,
    /// Half of the body under a length that says it is whole.
    InvalidJson,
    /// A proxy's HTML page with status 200.
    HtmlWith200,
    /// No answer until the client goes.
    NeverAnswers,
    /// Headers and half of the body, then nothing until the client goes.
    HangMidBody,
    /// The right answer, this much later.
    Delay(Duration),
    /// A count that is off by this much.
    CountLies(i64),
    /// The opposite of the right `hasMore`.
    HasMoreLies,
    /// No count.
    OmitCount,
    /// No `hasMore`.
    OmitHasMore,
    /// No `Date` header.
    MissingDateHeader,
    /// An empty list and a count of 0, as from a desk without tickets, categories and agents.
    Empty,
    /// The right answer to this other request.
    AnswerTo(Box<RequestInfo>),
    /// The right answer, changed as JSON.
    Edit(Edit),
    /// The right answer, changed as text; for what a JSON value cannot hold, such as a lone
    /// surrogate.
    EditText(EditText),
}

impl fmt::Debug for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Fault {
    /// Changes the page as JSON.
    pub fn edit(change: impl FnOnce(&mut Value) + Send + 'static) -> Self {
        Self::Edit(Box::new(change))
    }

    /// Changes the page as text.
    pub fn edit_text(change: impl FnOnce(String) -> String + Send + 'static) -> Self {
        Self::edit_bytes(|page| change(page).into_bytes())
    }

    /// Changes the page as text, to bytes that need not be UTF-8.
    pub fn edit_bytes(change: impl FnOnce(String) -> Vec<u8> + Send + 'static) -> Self {
        Self::EditText(Box::new(change))
    }

    /// Changes each ticket of the page as JSON.
    pub fn edit_tickets(mut change: impl FnMut(&mut Value) + Send + 'static) -> Self {
        Self::edit(move |page| {
            let tickets = page.get_mut("tickets").and_then(Value::as_array_mut);
            tickets.into_iter().flatten().for_each(&mut change);
        })
    }

    /// A short name, for the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::TooMany(_) => "too-many",
            Self::Unauthorized => "unauthorized",
            Self::Redirect(_) => "redirect",
            Self::ResetBeforeHeaders => "reset-before-headers",
            Self::CutBody => "cut-body",
            Self::InvalidJson => "invalid-json",
            Self::HtmlWith200 => "html-with-200",
            Self::NeverAnswers => "never-answers",
            Self::HangMidBody => "hang-mid-body",
            Self::Delay(_) => "delay",
            Self::CountLies(_) => "count-lies",
            Self::HasMoreLies => "has-more-lies",
            Self::OmitCount => "omit-count",
            Self::OmitHasMore => "omit-has-more",
            Self::MissingDateHeader => "missing-date-header",
            Self::Empty => "empty",
            Self::AnswerTo(_) => "answer-to-another",
            Self::Edit(_) => "edit",
            Self::EditText(_) => "edit-text",
        }
    }
}

/// Ready-made hooks.
#[derive(Debug, Clone, Copy)]
pub struct Faults;

impl Faults {
    /// The request of this number, counted from 1, gets this fault.
    pub fn at(number: u64, fault: Fault) -> Hook {
        let mut fault = Some(fault);
        Box::new(move |request, _| (request.number == number).then(|| fault.take()).flatten())
    }

    /// Every request gets the fault that `make` makes for it.
    pub fn always(mut make: impl FnMut(&RequestInfo) -> Fault + Send + 'static) -> Hook {
        Box::new(move |request, _| Some(make(request)))
    }

    /// No fault, but the world changes before requests are answered.
    pub fn none_but(mut change: impl FnMut(&RequestInfo, &mut World) + Send + 'static) -> Hook {
        Box::new(move |request, world| {
            change(request, world);
            None
        })
    }

    /// A mix of failures that a retry mends, at this rate between 0 and 1. Which request fails
    /// and how depends on the seed and the request's number alone.
    pub fn random(seed: u64, rate: f64) -> Hook {
        Box::new(move |request, _| {
            let chance = mix(seed ^ request.number.rotate_left(32), "whether") % 1_000_000;
            let threshold = rate.clamp(0.0, 1.0) * 1_000_000.0;
            let is_hit = u32::try_from(chance).is_ok_and(|chance| f64::from(chance) < threshold);
            is_hit.then(
                || match mix(seed ^ request.number.rotate_left(32), "which") % 10 {
                    0 => Fault::Status(500),
                    1 => Fault::Status(502),
                    2 => Fault::Status(503),
                    3 => Fault::TooMany(RetryAfter::None),
                    4 => Fault::TooMany(RetryAfter::Seconds(0)),
                    5 => Fault::ResetBeforeHeaders,
                    6 => Fault::CutBody,
                    7 => Fault::InvalidJson,
                    8 => Fault::HtmlWith200,
                    _ => Fault::MissingDateHeader,
                },
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(seed: u64, rate: f64) -> Vec<Option<&'static str>> {
        let mut hook = Faults::random(seed, rate);
        (1..=1_000)
            .map(|number| {
                let request = RequestInfo {
                    number,
                    connection: 1,
                    method: "GET".into(),
                    path: "/api/tickets".into(),
                    query: String::new(),
                    parameters: Vec::new(),
                };
                hook(&request, &mut World::empty()).map(|fault| fault.name())
            })
            .collect()
    }

    #[test]
    fn random_faults_are_the_same_for_the_same_seed_and_come_at_their_rate() {
        assert_eq!(names(7, 0.2), names(7, 0.2));
        assert_ne!(names(7, 0.2), names(8, 0.2));
        assert_eq!(names(7, 0.0).into_iter().flatten().count(), 0);
        assert_eq!(names(7, 1.0).into_iter().flatten().count(), 1_000);
        let hits = names(7, 0.2).into_iter().flatten().count();
        assert!((150..250).contains(&hits), "{hits}");
    }
}
