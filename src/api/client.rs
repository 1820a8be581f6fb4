//! The client: one request through the gate, tried again as the faults allow.
#![expect(
    clippy::disallowed_methods,
    reason = "an HTTP date can only be told from the wall clock"
)]

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, LOCATION, RETRY_AFTER};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clocks::Clocks;
use super::counters::Counters;
use super::failure::{self, FetchError, Undecodable};
use super::http::Http;
use super::query::{Get, LONGEST_URL};
use super::retry::{self, Answered, Cause, Remedy};
use super::room::{Held, Room, weight};
use super::words::Words;
use crate::budget::{Barred, Gate, Ledger, Limit, Pass, fingerprint};
use crate::error::{Error, Result};
use crate::settings::{Connection, RetrySettings};
use crate::table;

/// One try is given this or the read timeout, whichever is longer.
const LEAST_ATTEMPT: Duration = Duration::from_secs(1);

/// Requests that may wait for their turn at the same time in one run.
const MOST_LANES: u32 = 16;

/// The target of log lines of what was tried again: where all goes well in the end, they are not what a
/// quiet run has to say.
pub const RETRIES: &str = "mava_export::retries";

/// An error's body is read up to so many bytes: enough for any words that are worth showing.
const LONGEST_ERROR: usize = 64 << 10;

/// A body of more bytes is decoded on a thread of its own, so that signals and time limits hold
/// meanwhile.
const LARGE: usize = 1 << 20;

/// A pause that `Retry-After` asks for is never shorter: `0` must not become a storm of our own.
const SHORTEST_CLOSURE: Duration = Duration::from_millis(250);

/// An answer in hand when the run is to end may take so long to arrive; so may the words of an error.
const GRACE: Duration = Duration::from_secs(3);

/// Talks to one API with one key.
#[derive(Debug)]
pub struct Client {
    http: Http,
    base_url: reqwest::Url,
    /// Reads what the API and proxies say.
    words: Words,
    gate: Gate,
    retry: RetrySettings,
    clocks: Clocks,
    /// The shortest time that one try is given, however little is left for all of them.
    least_attempt: Duration,
    max_body_bytes: u64,
    counters: Counters,
    room: Room,
    random: fn() -> f64,
}

/// A decoded answer and what came with it.
#[derive(Debug)]
pub struct Fetched<T> {
    /// What the body held.
    pub value: T,
    /// The server's clock, from the `Date` header, to the second; `None` where it is further
    /// from ours than is believed.
    pub server_time: Option<table::Instant>,
    /// From sending the try that succeeded to the end of its body.
    pub latency: Duration,
    /// The memory that the value takes: to be dropped with it, and not before.
    pub held: Held,
}

/// One try that succeeded.
struct Landed<T> {
    value: T,
    server_time: Option<table::Instant>,
    arrived: Instant,
    held: Held,
}

impl<T> Landed<T> {
    /// What is given to who asked, of a try that was sent then.
    fn fetched(self, sent: Instant) -> Fetched<T> {
        Fetched {
            value: self.value,
            server_time: self.server_time,
            latency: self.arrived - sent,
            held: self.held,
        }
    }
}

/// The tries of one request so far.
struct Tries {
    began: Instant,
    /// Tries and the pauses after them: waiting for one's turn within the budget is no fault.
    spent: Duration,
    attempts: u32,
    faults: u32,
}

impl Tries {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            spent: Duration::ZERO,
            attempts: 0,
            faults: 0,
        }
    }

    /// Adds the time of one and of the pause after it.
    fn spend(&mut self, time: Duration) {
        self.spent = self.spent.saturating_add(time);
    }

    /// The error of a request that is not tried any more.
    fn given_up(&self, get: &Get, cause: Cause, total: Duration) -> FetchError {
        failure::given_up(get, self.attempts, self.began.elapsed(), cause, total)
    }

    /// Says that the last one failed and that another follows.
    fn tell(&self, get: &Get, cause: &Cause, [latency, pause]: [Duration; 2]) {
        tracing::warn!(
            target: RETRIES,
            window = get.window.map(tracing::field::display),
            path = get.path,
            attempt = self.attempts,
            status = cause.status(),
            elapsed_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            error = %cause,
            "request failed, trying again"
        );
    }
}

impl Client {
    /// A client for `connection`. `random` gives numbers in `[0, 1)` for the jitter.
    ///
    /// # Errors
    /// Where the key cannot be a header, or the ledger cannot be opened.
    pub fn new(connection: &Connection, random: fn() -> f64) -> Result<Self> {
        let http = Http::open(connection)?;
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
            base_url: connection.base_url.clone(),
            words: Words::without(&connection.api_key),
            gate: Gate::new(limit, ledger).waiting_at_most(connection.retry.total),
            retry: connection.retry,
            clocks: Clocks::of(connection),
            least_attempt: connection.timeouts.read.max(LEAST_ATTEMPT),
            max_body_bytes: connection.max_body_bytes,
            counters: Counters::default(),
            room: Room::default(),
            random,
        })
    }

    /// Now, by our clock.
    ///
    /// # Errors
    /// [`Usage`](crate::error::ErrorKind::Usage) where it cannot be right.
    pub fn now(&self) -> Result<table::Instant> {
        self.clocks.ours.now()
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
    /// a body, without showing any of it; it may run on a thread of its own. Cancelling ends waits at
    /// once, but not a request that is under way.
    ///
    /// # Errors
    /// [`Unauthorized`](crate::error::ErrorKind::Unauthorized) at 401 and 403, [`Interrupted`](crate::error::ErrorKind::Interrupted) when cancelled,
    /// [`Usage`](crate::error::ErrorKind::Usage) where the request is too long, else [`Failed`](crate::error::ErrorKind::Failed), with method,
    /// path, window, attempts, time and the last cause.
    pub async fn fetch<T: Send + 'static>(
        &self,
        get: &Get,
        cancel: &CancellationToken,
        decode: impl Fn(&[u8]) -> std::result::Result<T, Undecodable> + Clone + Send + 'static,
    ) -> std::result::Result<Fetched<T>, FetchError> {
        let length = get.url(&self.base_url).as_str().len();
        if length > LONGEST_URL {
            return Err(failure::too_long(get, length));
        }
        let mut tries = Tries::begin();
        loop {
            let mut pass = tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Error::interrupted().into()),
                pass = self.pass(get) => pass?,
            };
            if tries.attempts > 0 {
                self.counters.retries.fetch_add(1, Ordering::Relaxed);
            }
            tries.attempts += 1;
            self.counters.requests.fetch_add(1, Ordering::Relaxed);
            let sent = Instant::now();
            // A body that drips for ever never meets the read timeout.
            let left = self.retry.total.saturating_sub(tries.spent);
            let left = left.max(self.least_attempt);
            let outcome = tokio::select! {
                outcome = tokio::time::timeout(left, self.attempt(get, &mut pass, &decode)) => {
                    outcome.unwrap_or(Err(Cause::Slow))
                }
                () = too_late(cancel) => return Err(Error::interrupted().into()),
            };
            let latency = sent.elapsed();
            pass.answered(false).await;
            let cause = match outcome {
                Ok(landed) => return Ok(landed.fetched(sent)),
                Err(cause) => cause,
            };
            let pause = self.pause_after(&cause, &pass, &mut tries).await?;
            tries.spend(latency.saturating_add(pause.unwrap_or_default()));
            let Some(pause) = pause.filter(|_| tries.spent <= self.retry.total) else {
                return Err(tries.given_up(get, cause, self.retry.total));
            };
            tries.tell(get, &cause, [latency, pause]);
            // After a 429 it is the gate that makes everyone wait.
            if cause.remedy() == Remedy::TryAgain {
                tokio::select! {
                    () = cancel.cancelled() => return Err(Error::interrupted().into()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// The pause before the next try; `None` where there is to be none.
    async fn pause_after(
        &self,
        cause: &Cause,
        pass: &Pass<'_>,
        tries: &mut Tries,
    ) -> std::result::Result<Option<Duration>, FetchError> {
        Ok(match cause.remedy() {
            Remedy::GiveUp => None,
            Remedy::WaitForGate => {
                self.counters.limited.fetch_add(1, Ordering::Relaxed);
                let asked = cause.asked().map(|asked| asked.max(SHORTEST_CLOSURE));
                let pause = self.gate.close(pass, asked, (self.random)()).await?;
                Some(asked.unwrap_or_default().max(pause))
            }
            Remedy::TryAgain => {
                tries.faults += 1;
                (tries.faults < self.retry.attempts).then(|| {
                    let pause = retry::pause(tries.faults, self.retry, (self.random)());
                    cause.asked().unwrap_or_default().max(pause)
                })
            }
        })
    }

    /// Waits for the right to send one request.
    async fn pass(&self, get: &Get) -> std::result::Result<Pass<'_>, FetchError> {
        let longest = self.longest_wait();
        let Ok(pass) = tokio::time::timeout(longest, self.gate.pass()).await else {
            let is_paused = self.gate.closed_for().is_some();
            return Err(failure::never_let_through(get, longest, is_paused));
        };
        pass.map_err(|barred| match barred {
            Barred::Paused(pause) => {
                let now_ms = table::Instant::from(SystemTime::now()).timestamp_millis();
                failure::paused(get, pause, now_ms, self.retry.total)
            }
            Barred::Ledger(error) => error.into(),
        })
    }

    /// One try: sends, reads the body under the cap, decodes.
    async fn attempt<T: Send + 'static>(
        &self,
        get: &Get,
        pass: &mut Pass<'_>,
        decode: &(impl Fn(&[u8]) -> std::result::Result<T, Undecodable> + Clone + Send + 'static),
    ) -> std::result::Result<Landed<T>, Cause> {
        let url = get.url(&self.base_url);
        let http = self.http.of(get);
        let sent = http.get(url).send().await;
        let mut response = sent.map_err(|error| self.words.cause(error))?;
        let status = response.status();
        pass.answered(status.is_success()).await;
        self.counters.answers.fetch_add(1, Ordering::Relaxed);
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let server_time = header(DATE).and_then(retry::date).map(table::Instant::from);
        let asked = header(RETRY_AFTER).and_then(|text| {
            // Held against the server's own clock where it tells it.
            let now = server_time.unwrap_or_else(|| self.clocks.ours.reading());
            let now = SystemTime::from(now);
            retry::retry_after(text, now)
        });
        if status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            return Err(Cause::Limited(asked));
        }
        if !status.is_success() {
            let location = header(LOCATION)
                .filter(|_| status.is_redirection())
                .and_then(|location| retry::destination(response.url(), location));
            return Err(Cause::Status(Answered {
                status: status.as_u16(),
                location: location.map(|location| self.words.shown(&location)),
                words: tokio::time::timeout(GRACE, self.error_words(&mut response))
                    .await
                    .unwrap_or_default(),
                pause: asked.filter(|asked| !asked.is_zero()),
            }));
        }
        let (body, held) = self.body(&mut response).await?;
        let arrived = Instant::now();
        let decoded = decoded(body, held, decode).await;
        let (value, held) = decoded.map_err(|cause| cause.told(|words| self.words.shown(words)))?;
        self.counters.successes.fetch_add(1, Ordering::Relaxed);
        Ok(Landed {
            value,
            server_time: server_time.filter(|at| self.clocks.believe(*at)),
            arrived,
            held,
        })
    }

    /// Reads a body under the cap, and no faster than there is room for it.
    async fn body(
        &self,
        response: &mut reqwest::Response,
    ) -> std::result::Result<(Vec<u8>, Held), Cause> {
        let announced = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(0);
        let cap = usize::try_from(self.max_body_bytes).unwrap_or(usize::MAX);
        let mut held = self.room.enter();
        let mut body = Vec::with_capacity(announced.min(cap).min(1 << 20));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.words.cause(error))?
        {
            let length = body.len() + chunk.len();
            if length > cap {
                return Err(Cause::TooLarge(self.max_body_bytes));
            }
            held.grow_to(length as u64).await;
            body.extend_from_slice(&chunk);
        }
        let received = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.counters.bytes.fetch_add(received, Ordering::Relaxed);
        Ok((body, held))
    }

    /// How far the server's clock was behind ours at most, where that is too far to go by it. Tickets
    /// are dated by it all the same, as far as anyone knows.
    pub fn clock_behind(&self) -> Duration {
        self.clocks.behind()
    }

    /// What the API wrote, fit to be shown: on one line, cut, and without the key in it.
    pub fn redact(&self, text: &str) -> String {
        self.words.shown(text)
    }

    /// The API's own words in an error's body, fit to be shown. A body that is longer than any words,
    /// or breaks off, has none.
    async fn error_words(&self, response: &mut reqwest::Response) -> Option<String> {
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            if body.len() + chunk.len() > LONGEST_ERROR {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        let received = u64::try_from(body.len()).unwrap_or(u64::MAX);
        self.counters.bytes.fetch_add(received, Ordering::Relaxed);
        self.words.in_error(&body)
    }

    /// Longer than any wait that the budget alone explains.
    fn longest_wait(&self) -> Duration {
        let Some(limit) = self.gate.limit() else {
            return self.retry.total;
        };
        let span = Duration::from_millis(u64::try_from(limit.span_ms).unwrap_or(0));
        // All lanes may have to go first.
        let spans = MOST_LANES.div_ceil(u32::try_from(limit.requests).unwrap_or(1).max(1));
        self.retry.total.saturating_add(span.saturating_mul(spans))
    }
}

/// Decodes a body; a large one on a thread of its own, once there is room for what becomes of it.
async fn decoded<T: Send + 'static>(
    body: Vec<u8>,
    mut held: Held,
    decode: &(impl Fn(&[u8]) -> std::result::Result<T, Undecodable> + Clone + Send + 'static),
) -> std::result::Result<(T, Held), Cause> {
    if body.len() <= LARGE {
        return Ok((decode(&body)?, held));
    }
    let decode = decode.clone();
    let ended =
        |_: tokio::task::JoinError| Cause::Undecodable("decoding it ended unexpectedly".to_owned());
    let (body, weight) = tokio::task::spawn_blocking(move || {
        let weight = weight(&body);
        (body, weight)
    })
    .await
    .map_err(ended)?;
    held.grow_to(weight).await;
    // The room goes with it: what is not waited for any more takes its memory all the same.
    let work = move || decode(&body).map(|value| (value, held));
    Ok(tokio::task::spawn_blocking(work).await.map_err(ended)??)
}

/// Resolves when an answer has had its time after the cancellation.
async fn too_late(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, mpsc};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::clock::Clock;
    use crate::settings::{BudgetSettings, Timeouts};

    /// A client of a server that answers every request with a body past [`LARGE`].
    async fn client(total: Duration) -> Client {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4_096];
                let body = "x".repeat(LARGE + 1);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                if stream.read(&mut request).await.is_ok() {
                    stream.write_all(head.as_bytes()).await.unwrap();
                    stream.write_all(body.as_bytes()).await.unwrap();
                }
            }
        });
        let connection = Connection {
            base_url: format!("http://{address}").parse().unwrap(),
            api_key: secrecy::SecretString::from("a-key"),
            budget: BudgetSettings {
                rate_limit: None,
                share_percent: 100,
                margin: Duration::ZERO,
                state_dir: None,
            },
            timeouts: Timeouts {
                connect: Duration::from_secs(5),
                read: Duration::from_millis(100),
            },
            retry: RetrySettings {
                attempts: 1,
                total,
                pause: Duration::from_millis(1),
            },
            clock: Clock::default(),
            clock_tolerance: Duration::MAX,
            max_body_bytes: 64 << 20,
        };
        Client::new(&connection, || 0.5).unwrap()
    }

    /// Decodes nothing until `release` is dropped, and says when it has begun.
    fn stuck(
        began: CancellationToken,
        release: mpsc::Receiver<()>,
    ) -> impl Fn(&[u8]) -> std::result::Result<(), Undecodable> + Clone + Send + 'static {
        let release = Arc::new(Mutex::new(release));
        move |_| {
            began.cancel();
            let _ = release.lock().unwrap().recv();
            Ok(())
        }
    }

    #[tokio::test]
    async fn decoding_that_takes_long_is_ended_by_the_user() {
        let client = client(Duration::from_secs(900)).await;
        let (hold, release) = mpsc::channel();
        let (began, cancel) = (CancellationToken::new(), CancellationToken::new());
        let decode = stuck(began.clone(), release);
        let get = Get::agents();
        let (fetched, ()) = tokio::join!(client.fetch(&get, &cancel, decode), async {
            began.cancelled().await;
            cancel.cancel();
        });
        assert!(fetched.unwrap_err().error.is_interruption());
        drop(hold);
    }

    #[tokio::test]
    async fn decoding_that_takes_long_is_ended_by_the_time_limit() {
        let client = client(Duration::from_millis(1)).await;
        let (hold, release) = mpsc::channel();
        let decode = stuck(CancellationToken::new(), release);
        let (get, cancel) = (Get::agents(), CancellationToken::new());
        let error = client.fetch(&get, &cancel, decode).await.unwrap_err().error;
        assert!(error.to_string().contains("took longer"), "{error}");
        drop(hold);
    }
}
