//! A simulated Mava: a deterministic desk behind the API's contract, on a loopback port.
//!
//! ```text
//! World ──► select ──► render ──► answer ──► server
//!   ▲        query     shape      limit, hook, faults
//!   └ live ──► truth
//! ```
//!
//! It reads requests as strictly as the API's page allows and, on demand, behaves as badly as an
//! API behind proxies can: see [`Shape`], [`Quirks`] and [`Fault`].

mod answer;
mod faults;
mod json;
mod limit;
mod live;
mod present;
mod query;
mod quirks;
mod render;
mod select;
mod server;
mod shape;
mod truth;
mod world;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::error::Result;
use crate::table::Instant;

pub use self::answer::LoggedRequest;
pub use self::faults::{Edit, EditText, Fault, Faults, Hook, RequestInfo, RetryAfter};
pub use self::limit::{Hint, RateLimit};
pub use self::live::{Day, Event, Life};
pub use self::quirks::{Order, Quirks, ResolutionTime, Start};
pub use self::shape::{
    Absent, Attributes, CountPlace, IdKey, Instants, Numbers, References, Sender, Shape,
};
pub use self::truth::Truth;
pub use self::world::{
    Actor, Agent, Attachment, Attribute, AttributeValue, Campaign, Category, Change, ChangeKind,
    Changes, Customer, CustomerChange, Directory, Evolution, Happening, Id, Message, Recasting,
    Reference, State, Story, Tag, Ticket, What, Word, Work, WorkSpec, World, WorldSpec, object_id,
};

/// The key a simulator takes unless told another.
pub const API_KEY: &str = "simulated-key";

/// What a simulator serves, and how.
#[derive(Debug, Clone)]
pub struct SimulatorSpec {
    /// The desk.
    pub world: World,
    /// How it is written.
    pub shape: Shape,
    /// How it deviates.
    pub quirks: Quirks,
    /// How many requests it takes.
    pub rate_limit: Option<RateLimit>,
    /// How long an admitted request takes.
    pub latency: Duration,
    /// How much longer it takes at most.
    pub jitter: Duration,
    /// The key it takes.
    pub api_key: String,
    /// The port it listens on; 0 takes a free one.
    pub port: u16,
    /// Whether every ticket is rendered once, before the first request.
    pub is_prerendered: bool,
    /// Its clock, from the first answer on; `None` is the real one.
    pub now: Option<Instant>,
}

impl Default for SimulatorSpec {
    fn default() -> Self {
        Self {
            world: World::empty(),
            shape: Shape::default(),
            quirks: Quirks::default(),
            rate_limit: None,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            api_key: API_KEY.to_owned(),
            port: 0,
            is_prerendered: false,
            now: None,
        }
    }
}

impl SimulatorSpec {
    /// This world, served as documented, without a rate limit.
    pub fn new(world: World) -> Self {
        Self {
            world,
            ..Self::default()
        }
    }
}

/// A running simulator. Dropping it closes its port and its connections.
pub struct Simulator {
    service: Arc<answer::Service>,
    server: server::Server,
}

impl Simulator {
    /// Starts serving on 127.0.0.1, on the current runtime.
    ///
    /// # Errors
    /// Where the port is taken.
    #[expect(
        clippy::unused_async,
        reason = "it can only be called on a runtime, and the signature says so"
    )]
    pub async fn start(spec: SimulatorSpec) -> Result<Self> {
        let port = spec.port;
        let service = Arc::new(answer::Service::new(spec));
        let server = server::Server::start(Arc::clone(&service), port)?;
        Ok(Self { service, server })
    }

    /// Starts serving on 127.0.0.1, on a thread of its own, for callers that block their own.
    ///
    /// # Errors
    /// Where the port is taken.
    pub fn start_apart(spec: SimulatorSpec) -> Result<Self> {
        let port = spec.port;
        let service = Arc::new(answer::Service::new(spec));
        let server = server::Server::start_apart(Arc::clone(&service), port)?;
        Ok(Self { service, server })
    }

    /// Stops serving and waits until the port is free for another.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// The key it takes.
    pub fn api_key(&self) -> &str {
        &self.service.api_key
    }

    /// Every request so far, in the order of arrival. Of a desk that lives on, those since its last change.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.service.log()
    }

    /// Forgets the requests so far. Their numbers go on.
    pub fn clear_requests(&self) {
        self.service.clear_log();
    }

    /// How many requests got a 429.
    pub fn count_429(&self) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|one| one.status == Some(429))
            .count()
    }

    /// Looks at the world, or changes it between two requests.
    pub fn with_world<R>(&self, look: impl FnOnce(&mut World) -> R) -> R {
        self.service.with_world(look)
    }

    /// A copy of the world as it is now.
    pub fn world(&self) -> World {
        self.with_world(|world| world.clone())
    }

    /// Dates answers with this instant, cut to its second, from now on; `None` is the real clock.
    pub fn set_now(&self, now: Option<Instant>) {
        self.service.set_clock(now, TimeDelta::zero());
    }

    /// Sets the clock; with each request from now on it is so much later.
    pub fn set_clock(&self, now: Instant, step: TimeDelta) {
        self.service.set_clock(Some(now), step);
    }

    /// Calls this hook with every request from now on.
    pub fn set_hook(&self, hook: Hook) {
        self.service.set_hook(Some(hook));
    }

    /// Calls no hook from now on.
    pub fn clear_hook(&self) {
        self.service.set_hook(None);
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Simulator")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

/// Serves until `shutdown` resolves. `on_ready` gets the simulator once it listens.
///
/// # Errors
/// Where the port is taken.
pub async fn serve_until(
    spec: SimulatorSpec,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(&Simulator),
) -> Result<()> {
    let simulator = Simulator::start(spec).await?;
    on_ready(&simulator);
    shutdown.await;
    Ok(())
}
