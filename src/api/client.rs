//! The client: one request through the gate, tried again as the faults allow.
#![expect(
    clippy::disallowed_methods,
    reason = "an HTTP date can only be told from the wall clock"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::query::Get;
use super::retry::{self, Cause, Remedy};
use crate::budget::{Gate, Ledger, Limit, Pass, fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::settings::{Connection, RetrySettings};
use crate::table;

/// The header that carries the key.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-auth-token");

/// What the API says of itself in an error is shown up to so many characters.
const LONGEST_WORDS: usize = 200;

/// One try is given this or the read timeout, whichever is longer.
const LEAST_ATTEMPT: Duration = Duration::from_secs(1);

/// Requests that may wait for their turn at the same time in one run.
const MOST_LANES: u32 = 16;

/// A pause that `Retry-After` asks for is never longer: more is a mistake, such as milliseconds.
const LONGEST_CLOSURE: Duration = Duration::from_secs(3_600);

/// A pause that `Retry-After` asks for is never shorter: `0` must not become a storm of our own.
const SHORTEST_CLOSURE: Duration = Duration::from_millis(250);

/// An answer in hand when the run is to end may take so long to arrive.
const GRACE: Duration = Duration::from_secs(3);

/// Talks to one API with one key.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    /// The same without a pool: each request has a connection of its own.
    http_alone: reqwest::Client,
    base_url: reqwest::Url,
    /// Kept to strike it from what the API says.
    api_key: SecretString,
    gate: Gate,
    retry: RetrySettings,
    /// How far from ours the server's clock is believed.
    clock_tolerance: Duration,
    /// Whether it was told that the server's clock is not believed.
    has_doubted_clock: AtomicBool,
    /// See [`Client::clock_behind`].
    clock_behind_ms: AtomicU64,
    /// The shortest time that one try is given, however little is left for all of them.
    least_attempt: Duration,
    max_body_bytes: u64,
    counters: Counters,
    random: fn() -> f64,
}

/// What a client has sent and received so far.
#[derive(Debug, Default)]
pub struct Counters {
    requests: AtomicU64,
    answers: AtomicU64,
    successes: AtomicU64,
    limited: AtomicU64,
    retries: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    /// Requests sent, retries included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that got a status, of whatever kind.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Requests whose answer was what was asked for.
    pub fn successes(&self) -> u64 {
        self.successes.load(Ordering::Relaxed)
    }

    /// Requests answered 429.
    pub fn limited(&self) -> u64 {
        self.limited.load(Ordering::Relaxed)
    }

    /// Requests sent again after a fault.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Bytes of bodies, decompressed.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// A decoded answer and what came with it.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    /// What the body held.
    pub value: T,
    /// The server's clock, from the `Date` header, to the second; `None` where it is further
    /// from ours than is believed.
    pub server_time: Option<table::Instant>,
    /// From sending the try that succeeded to the end of its body.
    pub latency: Duration,
}

/// Why a request gave up for good.
#[derive(Debug)]
pub struct FetchError {
    /// For the user.
    pub error: Error,
    /// Whether asking for fewer tickets may succeed.
    pub is_weight: bool,
    /// Whether the answer was past the cap on its size.
    pub is_too_large: bool,
    /// What the API said, where it refused the request itself (400, 404, 422).
    pub refusal: Option<String>,
    /// Whether the API answered otherwise than it documents: what a probe looks into.
    pub is_strange: bool,
}

impl From<FetchError> for Error {
    fn from(failure: FetchError) -> Self {
        failure.error
    }
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        Self {
            error,
            is_weight: false,
            is_too_large: false,
            refusal: None,
            is_strange: false,
        }
    }
}

#[derive(Deserialize)]
struct ApiError {
    error: String,
}

impl Client {
    /// A client for `connection`. `random` gives numbers in `[0, 1)` for the jitter.
    ///
    /// # Errors
    /// Where the key cannot be a header, or the ledger cannot be opened.
    pub fn new(connection: &Connection, random: fn() -> f64) -> Result<Self> {
        let mut key = HeaderValue::from_str(connection.api_key.expose_secret())
            .map_err(|_| Error::usage("the API key holds characters that no header can carry"))?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(KEY_HEADER, key);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        // Fails only where a provider is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_loopback = connection
            .base_url
            .host_str()
            .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("mava-export/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers.clone())
                .connect_timeout(connection.timeouts.connect)
                .read_timeout(connection.timeouts.read)
                // A redirect would carry the key elsewhere, and a hidden retry would escape the budget.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never());
            match is_loopback {
                true => builder.no_proxy(),
                false => builder,
            }
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .build()
                .map_err(|error| Error::failed("cannot set up the HTTP client").because(error))
        };
        let http = build(builder())?;
        let http_alone = build(builder().pool_max_idle_per_host(0))?;
        let limit = Limit::of(&connection.budget);
        let ledger = match (&connection.budget.state_dir, connection.budget.rate_limit) {
            (Some(directory), Some(rate)) => Some(Ledger::open(
                directory,
                &fingerprint(connection.api_key.expose_secret()),
                rate.requests,
            )?),
            _ => None,
        };
        Ok(Self {
            http,
            http_alone,
            base_url: connection.base_url.clone(),
            api_key: connection.api_key.clone(),
            gate: Gate::new(limit, ledger),
            retry: connection.retry,
            clock_tolerance: connection.clock_tolerance,
            has_doubted_clock: AtomicBool::new(false),
            clock_behind_ms: AtomicU64::new(0),
            least_attempt: connection.timeouts.read.max(LEAST_ATTEMPT),
            max_body_bytes: connection.max_body_bytes,
            counters: Counters::default(),
            random,
        })
    }

    /// What was sent and received so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The budget's gate.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Sends `get` until `decode` accepts its answer: waits for the budget, tries again after
    /// faults, and gives up when `retry` says so. `decode` names in a few words what is wrong with
    /// a body, without showing any of it. Cancelling ends waits at once, but not a request that is
    /// under way.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] at 401 and 403, [`ErrorKind::Interrupted`] when cancelled, else
    /// [`ErrorKind::Failed`], with method, path, window, attempts, time and the last cause.
    pub async fn fetch<T>(
        &self,
        get: &Get,
        cancel: &CancellationToken,
        decode: impl Fn(&[u8]) -> std::result::Result<T, String>,
    ) -> std::result::Result<Fetched<T>, FetchError> {
        let began = Instant::now();
        // Tries and the pauses after them: waiting for one's turn within the budget is no fault.
        let mut spent = Duration::ZERO;
        let mut attempts = 0u32;
        let mut faults = 0u32;
        loop {
            if let Some(left) = self
                .gate
                .closed_for()
                .filter(|left| *left > self.retry.total)
            {
                return Err(self.paused_too_long(get, left));
            }
            let mut pass = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(interrupted().into()),
                pass = tokio::time::timeout(self.longest_wait(), self.gate.pass()) => {
                    pass.map_err(|_| self.never_let_through(get))??
                }
            };
            if attempts > 0 {
                self.counters.retries.fetch_add(1, Ordering::Relaxed);
            }
            attempts += 1;
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
            let sent = Instant::now();
            // A body that drips for ever never meets the read timeout.
            let left = self
                .retry
                .total
                .saturating_sub(spent)
                .max(self.least_attempt);
            let outcome = tokio::select! {
                outcome = tokio::time::timeout(left, self.attempt(get, &mut pass, &decode)) => {
                    outcome.unwrap_or(Err(Cause::Slow))
                }
                () = too_late(cancel) => return Err(interrupted().into()),
            };
            let latency = sent.elapsed();
            pass.answered(false).await;
            let cause = match outcome {
                Ok((value, server_time)) => {
                    return Ok(Fetched {
                        value,
                        server_time,
                        latency,
                    });
                }
                Err(cause) => cause,
            };
            let pause = match cause.remedy() {
                Remedy::GiveUp => return Err(given_up(get, attempts, began, cause)),
                Remedy::WaitForGate => {
                    self.counters.limited.fetch_add(1, Ordering::Relaxed);
                    let asked = match &cause {
                        Cause::Limited(asked) => {
                            asked.map(|asked| asked.clamp(SHORTEST_CLOSURE, LONGEST_CLOSURE))
                        }
                        _ => None,
                    };
                    self.gate.close(&pass, asked, (self.random)()).await?
                }
                Remedy::TryAgain => {
                    faults += 1;
                    if faults >= self.retry.attempts {
                        return Err(given_up(get, attempts, began, cause));
                    }
                    retry::pause(faults, self.retry, (self.random)())
                }
            };
            spent += latency + pause;
            if spent > self.retry.total {
                return Err(given_up(get, attempts, began, cause));
            }
            tracing::warn!(
                window = get.window.map(tracing::field::display),
                path = get.path,
                attempt = attempts,
                status = cause.status(),
                elapsed_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                error = %cause,
                "request failed, trying again"
            );
            // After a 429 it is the gate that makes everyone wait.
            if cause.remedy() == Remedy::TryAgain {
                tokio::select! {
                    () = cancel.cancelled() => return Err(interrupted().into()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// One try: sends, reads the body under the cap, decodes.
    async fn attempt<T>(
        &self,
        get: &Get,
        pass: &mut Pass<'_>,
        decode: &impl Fn(&[u8]) -> std::result::Result<T, String>,
    ) -> std::result::Result<(T, Option<table::Instant>), Cause> {
        let mut url = self.base_url.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), get.path);
        url.set_path(&path);
        if !get.pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(&get.pairs);
        }
        let http = match get.is_alone {
            true => &self.http_alone,
            false => &self.http,
        };
        let mut response = http.get(url).send().await.map_err(cause_of)?;
        let status = response.status();
        pass.answered(status.is_success()).await;
        self.counters.answers.fetch_add(1, Ordering::Relaxed);
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let server_time = header(DATE)
            .and_then(|text| httpdate::parse_http_date(text).ok())
            .map(table::Instant::from);
        let asked = header(RETRY_AFTER).and_then(|text| {
            // Held against the server's own clock where it tells it.
            let now = server_time.map_or_else(SystemTime::now, SystemTime::from);
            retry::retry_after(text, now)
        });
        if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(Cause::Limited(asked));
        }
        let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(0);
        let cap = usize::try_from(self.max_body_bytes).unwrap_or(usize::MAX);
        let mut body = Vec::with_capacity(announced.min(cap).min(1 << 20));
        while let Some(chunk) = response.chunk().await.map_err(cause_of)? {
            if body.len() + chunk.len() > cap {
                return Err(Cause::TooLarge(self.max_body_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        let received = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.counters.bytes.fetch_add(received, Ordering::Relaxed);
        if !status.is_success() {
            return Err(Cause::Status(status.as_u16(), self.words(&body)));
        }
        let value = decode(&body).map_err(Cause::Undecodable)?;
        self.counters.successes.fetch_add(1, Ordering::Relaxed);
        Ok((value, server_time.filter(|at| self.is_believed(*at))))
    }

    /// Whether the server's clock is near enough to ours to go by; says once where it is not.
    fn is_believed(&self, server_time: table::Instant) -> bool {
        let (server, ours) = (SystemTime::from(server_time), SystemTime::now());
        let distance = retry::distance(server, ours);
        if distance <= self.clock_tolerance {
            return true;
        }
        if server < ours {
            let behind_ms = u64::try_from(distance.as_millis()).unwrap_or(u64::MAX);
            self.clock_behind_ms.fetch_max(behind_ms, Ordering::Relaxed);
        }
        if !self.has_doubted_clock.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                server_time = %table::instant_text(server_time),
                "the API's clock and this machine's are {} s apart; this machine's is taken: check both",
                distance.as_secs()
            );
        }
        false
    }

    /// How far the server's clock was behind ours at most, where that is too far to go by it. Tickets
    /// are dated by it all the same, as far as anyone knows.
    pub fn clock_behind(&self) -> Duration {
        Duration::from_millis(self.clock_behind_ms.load(Ordering::Relaxed))
    }

    /// The API's own words in an error body, cut, on one line, and never with the key in them.
    fn words(&self, body: &[u8]) -> Option<String> {
        let parsed: ApiError = serde_json::from_slice(body).ok()?;
        let line: String = parsed
            .error
            .replace(self.api_key.expose_secret(), "[REDACTED]")
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(LONGEST_WORDS)
            .collect();
        Some(line)
    }

    /// Longer than any wait that the budget alone explains.
    fn longest_wait(&self) -> Duration {
        let Some(limit) = self.gate.limit() else {
            return self.retry.total;
        };
        let span = Duration::from_millis(u64::try_from(limit.span_ms).unwrap_or(0));
        // All lanes may have to go first.
        let spans = MOST_LANES.div_ceil(u32::try_from(limit.requests).unwrap_or(1).max(1));
        self.retry.total + span * spans
    }

    fn paused_too_long(&self, get: &Get, left: Duration) -> FetchError {
        Error::failed(format!(
            "{get} was not sent: the API answered 429 and asked for a pause, of which {} s are left",
            left.as_secs()
        ))
        .help("run the same command again after that, or raise --retry-for")
        .into()
    }

    fn never_let_through(&self, get: &Get) -> FetchError {
        Error::failed(format!(
            "{get} was not sent: the budget stayed closed for {} s",
            self.longest_wait().as_secs()
        ))
        .help("other runs spend from the same key: wait for them, then run the same command again")
        .into()
    }
}

fn cause_of(error: reqwest::Error) -> Cause {
    let is_timeout = error.is_timeout();
    let is_connect = error.is_connect();
    let error = error.without_url();
    // The outermost message says only that sending failed; the innermost says why.
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let words = innermost.to_string();
    match (is_connect, is_timeout) {
        (true, true) => Cause::Connect("no answer within the connect timeout".to_owned()),
        (true, false) => Cause::Connect(words),
        (false, true) => Cause::Silence,
        (false, false) => Cause::Broken(words),
    }
}

/// Resolves when an answer has had its time after the cancellation.
async fn too_late(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}

fn given_up(get: &Get, attempts: u32, began: Instant, cause: Cause) -> FetchError {
    let kind = if cause.is_unauthorized() {
        ErrorKind::Unauthorized
    } else {
        ErrorKind::Failed
    };
    let tries = if attempts == 1 { "attempt" } else { "attempts" };
    let message = if cause.is_unauthorized() {
        format!("{cause}: {get}")
    } else {
        let seconds = began.elapsed().as_secs_f64();
        format!("{get} failed after {attempts} {tries} in {seconds:.1} s: {cause}")
    };
    FetchError {
        error: Error::new(kind, message).help(cause.help()),
        is_weight: cause.is_weight(),
        is_too_large: matches!(cause, Cause::TooLarge(_)),
        refusal: matches!(cause, Cause::Status(400 | 404 | 422, _)).then(|| cause.to_string()),
        is_strange: matches!(cause, Cause::Status(400, _) | Cause::Undecodable(_)),
    }
}
