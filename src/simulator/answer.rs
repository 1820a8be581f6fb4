//! One request in, one reply out: authentication, limit, hook, query, page and faults.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use hyper::body::Bytes;
use serde_json::Value;

use super::faults::{Fault, Hook, RequestInfo, RetryAfter};
use super::limit::{Arrivals, Hint, RateLimit};
use super::present::Clock;
use super::query::Query;
use super::quirks::{Quirks, mix};
use super::render::{self, Envelope};
use super::select::{Selection, select};
use super::shape::Shape;
use super::world::{View, World};
use crate::table;

/// A request as the simulator saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// When it arrived.
    pub arrived_at: Instant,
    /// When its answer was sent; empty before, and where there is none.
    pub answered_at: Arc<OnceLock<Instant>>,
    /// Which connection it came over, from 1 on, in the order in which they were opened.
    pub connection: u64,
    /// Method.
    pub method: String,
    /// Path.
    pub path: String,
    /// Query as it was sent, without the question mark.
    pub query: String,
    /// Status answered; `None` where the connection was reset or never answered.
    pub status: Option<u16>,
    /// How many tickets matched, for a page of tickets.
    pub count: Option<usize>,
    /// How many tickets the page held, for a page of tickets.
    pub page_length: Option<usize>,
    /// The fault it got.
    pub fault: Option<&'static str>,
}

/// How much of a reply is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    HalfThenClose,
    HalfThenHang,
    Reset,
    Never,
}

/// A reply, ready to be sent.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) header: Option<(&'static str, String)>,
    pub(super) body: Bytes,
    pub(super) has_date: bool,
    /// When it was made, by the desk's clock; `None` by the real one.
    pub(super) made_at: Option<table::Instant>,
    pub(super) delivery: Delivery,
    pub(super) delay: Duration,
    /// When it is sent, for the log.
    pub(super) answered_at: Arc<OnceLock<Instant>>,
}

impl Reply {
    fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            content_type: "application/json; charset=utf-8",
            header: None,
            body: body.into(),
            has_date: true,
            made_at: None,
            delivery: Delivery::Whole,
            delay: Duration::ZERO,
            answered_at: Arc::default(),
        }
    }

    /// A reply of which no body is delivered.
    fn without_body(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::new(200, Bytes::new())
        }
    }

    fn error(status: u16, text: &str) -> Self {
        Self::new(status, render::error(text))
    }

    fn too_many(retry_after: RetryAfter, http_date: impl Fn(u64) -> String) -> Self {
        let mut reply = Self::error(429, "Too many requests");
        reply.header = match retry_after {
            RetryAfter::None => None,
            RetryAfter::Seconds(seconds) => Some(("retry-after", seconds.to_string())),
            RetryAfter::Date(seconds) => Some(("retry-after", http_date(seconds))),
        };
        reply
    }
}

/// What requests read and write under the lock.
struct Desk {
    world: World,
    hook: Option<Hook>,
    arrivals: Arrivals,
    log: Vec<LoggedRequest>,
    admitted: u64,
    clock: Option<Clock>,
}

impl Desk {
    /// The present, where it is not the real one.
    fn now(&self) -> Option<table::Instant> {
        self.clock?.at(self.admitted)
    }
}

/// The simulated API, without its network.
pub(super) struct Service {
    pub(super) shape: Shape,
    pub(super) quirks: Quirks,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) latency: Duration,
    pub(super) jitter: Duration,
    pub(super) api_key: String,
    pub(super) is_prerendered: bool,
    desk: Mutex<Desk>,
}

/// What is to be rendered once the lock is free.
enum Content {
    Page(Box<Query>, Selection, View),
    Categories(View),
    Agents(View),
    Error(u16, String),
}

impl Service {
    pub(super) fn new(spec: super::SimulatorSpec) -> Self {
        let service = Self {
            shape: spec.shape,
            quirks: spec.quirks,
            rate_limit: spec.rate_limit,
            latency: spec.latency,
            jitter: spec.jitter,
            api_key: spec.api_key,
            is_prerendered: spec.is_prerendered,
            desk: Mutex::new(Desk {
                world: spec.world,
                hook: None,
                arrivals: Arrivals::default(),
                log: Vec::new(),
                admitted: 0,
                clock: spec.now.map(|now| Clock::new(now, 0, TimeDelta::zero())),
            }),
        };
        if service.is_prerendered {
            let world = service.with_world(|world| world.clone());
            let view = world.view();
            for entry in world.entries() {
                view.kept(entry, service.shape, service.quirks.resolution_time);
            }
        }
        service
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with_world<R>(&self, look: impl FnOnce(&mut World) -> R) -> R {
        look(&mut self.lock().world)
    }

    pub(super) fn set_hook(&self, hook: Option<Hook>) {
        self.lock().hook = hook;
    }

    pub(super) fn set_clock(&self, now: Option<table::Instant>, step: TimeDelta) {
        let mut desk = self.lock();
        desk.clock = now.map(|set_to| Clock::new(set_to, desk.admitted, step));
    }

    /// Puts another desk in the place of the one that is served, and moves the clock, between two
    /// requests; returns the former. The log begins anew, or it would grow for as long as a desk lives.
    pub(super) fn replace(&self, world: World, now: table::Instant) -> World {
        let mut desk = self.lock();
        desk.clock = Some(Clock::new(now, desk.admitted, TimeDelta::zero()));
        desk.log.clear();
        std::mem::replace(&mut desk.world, world)
    }

    /// The present, where it is not the real one.
    pub(super) fn now(&self) -> Option<table::Instant> {
        self.lock().now()
    }

    pub(super) fn log(&self) -> Vec<LoggedRequest> {
        self.lock().log.clone()
    }

    pub(super) fn clear_log(&self) {
        self.lock().log.clear();
    }

    /// Answers a request. `http_date` gives the HTTP date so many seconds from now.
    pub(super) fn answer(
        &self,
        connection: u64,
        method: &str,
        path: &str,
        query: &str,
        key: Option<&str>,
        http_date: impl Fn(u64) -> String,
    ) -> Reply {
        let mut desk = self.lock();
        let arrived_at = Instant::now();
        let refusal = self.refusal(&mut desk, arrived_at, key, &http_date);
        let mut logged = LoggedRequest {
            arrived_at,
            answered_at: Arc::default(),
            connection,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            status: None,
            count: None,
            page_length: None,
            fault: None,
        };
        let answered_at = Arc::clone(&logged.answered_at);
        if let Some(mut reply) = refusal {
            reply.answered_at = answered_at;
            reply.made_at = desk.now();
            logged.status = Some(reply.status);
            desk.log.push(logged);
            return reply;
        }
        desk.admitted += 1;
        let request = RequestInfo {
            number: desk.admitted,
            connection,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            parameters: decode(query),
        };
        let (content, fault) = self.choose(&mut desk, &request);
        if let Content::Page(_, selection, _) = &content {
            logged.count = Some(selection.count);
            logged.page_length = Some(selection.page.len());
        }
        logged.fault = fault.as_ref().map(Fault::name);
        logged.status = status(&content, fault.as_ref());
        desk.log.push(logged);
        let made_at = desk.now();
        drop(desk);

        let mut reply = self.reply(&content, fault, http_date);
        reply.delay += self.latency + self.jitter_of(request.number);
        reply.answered_at = answered_at;
        reply.made_at = made_at;
        reply
    }

    fn jitter_of(&self, number: u64) -> Duration {
        let share = u32::try_from(mix(number, "jitter") % 1_000).unwrap_or(0);
        self.jitter * share / 1_000
    }

    /// The 401 or 429 that a request gets before anything looks at it.
    fn refusal(
        &self,
        desk: &mut Desk,
        arrived_at: Instant,
        key: Option<&str>,
        http_date: impl Fn(u64) -> String,
    ) -> Option<Reply> {
        if key != Some(self.api_key.as_str()) {
            return Some(Reply::error(401, "Unauthorized"));
        }
        let limit = self.rate_limit.as_ref()?;
        let wait = desk.arrivals.admit(arrived_at, limit).err()?;
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let retry_after = match limit.hint {
            Hint::Absent => RetryAfter::None,
            Hint::Seconds => RetryAfter::Seconds(seconds),
            // An HTTP date is cut to its second, so the next one.
            Hint::Date => RetryAfter::Date(seconds + 1),
        };
        Some(Reply::too_many(retry_after, http_date))
    }

    fn query(&self, parameters: &[(String, String)]) -> Result<Query, String> {
        let ignored = self.quirks.ignored;
        if ignored.is_empty() {
            return Query::parse(parameters);
        }
        let read = |(name, _): &&(String, String)| !ignored.contains(&name.as_str());
        let parameters: Vec<_> = parameters.iter().filter(read).cloned().collect();
        Query::parse(&parameters)
    }

    /// What is answered to a request that is let through, and what is to be wrong with the answer.
    fn choose(&self, desk: &mut Desk, request: &RequestInfo) -> (Content, Option<Fault>) {
        let Desk { world, hook, .. } = desk;
        let fault = hook.as_mut().and_then(|hook| hook(request, world));
        let asked = match &fault {
            Some(Fault::AnswerTo(other)) => other,
            _ => request,
        };
        let content = match &fault {
            Some(Fault::Empty) => self.content(&World::empty(), asked),
            _ => self.content(world, asked),
        };
        (content, fault)
    }

    fn content(&self, world: &World, request: &RequestInfo) -> Content {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/tickets") => match self.query(&request.parameters) {
                Err(text) => Content::Error(400, text),
                Ok(query) => {
                    let selection = select(world, &query, &self.quirks, request.number);
                    Content::Page(Box::new(query), selection, world.view())
                }
            },
            ("GET", "/api/categories") => Content::Categories(world.view()),
            ("GET", "/api/agents") => Content::Agents(world.view()),
            _ => Content::Error(404, "Not found".into()),
        }
    }

    fn reply(
        &self,
        content: &Content,
        fault: Option<Fault>,
        http_date: impl Fn(u64) -> String,
    ) -> Reply {
        match fault {
            None | Some(Fault::Empty | Fault::AnswerTo(_)) => self.right(content, |_| {}),
            Some(Fault::Status(status)) => Reply::error(status, "Something went wrong"),
            Some(Fault::TooMany(retry_after)) => Reply::too_many(retry_after, http_date),
            Some(Fault::Unauthorized) => Reply::error(401, "Unauthorized"),
            Some(Fault::Redirect(location)) => Reply {
                header: Some(("location", location)),
                ..Reply::new(302, Bytes::new())
            },
            Some(Fault::ResetBeforeHeaders) => Reply::without_body(Delivery::Reset),
            Some(Fault::NeverAnswers) => Reply::without_body(Delivery::Never),
            Some(Fault::HtmlWith200) => Reply {
                content_type: "text/html",
                ..Reply::new(200, "<!doctype html><title>Checking your browser</title>")
            },
            Some(Fault::CutBody) => Reply {
                delivery: Delivery::HalfThenClose,
                ..self.right(content, |_| {})
            },
            Some(Fault::HangMidBody) => Reply {
                delivery: Delivery::HalfThenHang,
                ..self.right(content, |_| {})
            },
            Some(Fault::InvalidJson) => {
                let mut reply = self.right(content, |_| {});
                reply.body.truncate(reply.body.len() / 2);
                reply
            }
            Some(Fault::Delay(delay)) => Reply {
                delay,
                ..self.right(content, |_| {})
            },
            Some(Fault::MissingDateHeader) => Reply {
                has_date: false,
                ..self.right(content, |_| {})
            },
            Some(Fault::CountLies(delta)) => self.right(content, |envelope| {
                envelope.count = envelope.count.map(|count| count.saturating_add(delta));
            }),
            Some(Fault::HasMoreLies) => self.right(content, |envelope| {
                envelope.has_more = envelope.has_more.map(|has_more| !has_more);
            }),
            Some(Fault::OmitCount) => self.right(content, |envelope| envelope.count = None),
            Some(Fault::OmitHasMore) => self.right(content, |envelope| envelope.has_more = None),
            Some(Fault::Edit(change)) => edited(self.right(content, |_| {}), change),
            Some(Fault::EditText(change)) => {
                let mut reply = self.right(content, |_| {});
                reply.body = change(String::from_utf8_lossy(&reply.body).into_owned()).into();
                reply
            }
        }
    }

    /// The right answer, but for what `lie` does to its envelope.
    fn right(&self, content: &Content, lie: impl FnOnce(&mut Envelope)) -> Reply {
        let (query, selection, view) = match content {
            Content::Page(query, selection, view) => (query, selection, view),
            Content::Categories(view) => {
                return Reply::new(200, render::categories(&view.directory, self.shape));
            }
            Content::Agents(view) => {
                return Reply::new(200, render::agents(&view.directory, self.shape));
            }
            Content::Error(status, text) => return Reply::error(*status, text),
        };
        let tickets: Vec<Bytes> = selection
            .page
            .iter()
            .map(|entry| {
                if self.is_prerendered {
                    let kept = view.kept(entry, self.shape, self.quirks.resolution_time);
                    if query.has_messages {
                        kept.whole
                    } else {
                        kept.head
                    }
                } else {
                    render::ticket(
                        &entry.ticket,
                        &view.directory,
                        self.shape,
                        self.quirks.resolution_time,
                        query.has_messages,
                    )
                }
            })
            .collect();
        let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        let mut envelope = Envelope {
            count: Some(number(selection.count)),
            skip: number(query.skip),
            limit: number(query.limit),
            has_more: (!self.quirks.has_no_has_more).then_some(selection.has_more),
        };
        lie(&mut envelope);
        Reply::new(200, render::page(envelope, &tickets, self.shape))
    }
}

fn edited(mut reply: Reply, change: super::faults::Edit) -> Reply {
    if let Ok(mut page) = serde_json::from_slice::<Value>(&reply.body) {
        change(&mut page);
        reply.body = page.to_string().into();
    }
    reply
}

/// The status that goes out; `None` where none does.
fn status(content: &Content, fault: Option<&Fault>) -> Option<u16> {
    match fault {
        Some(Fault::Status(status)) => Some(*status),
        Some(Fault::TooMany(_)) => Some(429),
        Some(Fault::Unauthorized) => Some(401),
        Some(Fault::Redirect(_)) => Some(302),
        Some(Fault::HtmlWith200) => Some(200),
        Some(Fault::ResetBeforeHeaders | Fault::NeverAnswers) => None,
        _ => Some(match content {
            Content::Error(status, _) => *status,
            _ => 200,
        }),
    }
}

/// Decodes a query into its parameters, in order.
fn decode(query: &str) -> Vec<(String, String)> {
    reqwest::Url::parse(&format!("http://simulator.test/?{query}")).map_or_else(
        |_| Vec::new(),
        |url| {
            url.query_pairs()
                .map(|(key, value)| (key.into_owned(), value.into_owned()))
                .collect()
        },
    )
}
