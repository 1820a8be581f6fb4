//! What comes whole, once a run: categories and agents.

use tokio_util::sync::CancellationToken;

use crate::api::{Client, FailureKind, FetchError, Get, Undecodable};
use crate::error::{ErrorKind, Result};
use crate::table::{Agent, Category, Instant, Reject};
use crate::wire::{self, List};

/// The lists, each `None` where it could not be read.
#[derive(Debug, Default)]
pub struct Lookups {
    /// Active categories.
    pub categories: Option<List<Category>>,
    /// Agents.
    pub agents: Option<List<Agent>>,
    /// The server's clock when the first of them answered.
    pub server_time: Option<Instant>,
    /// What could not be read, and why.
    pub remarks: Vec<String>,
}

/// Fetches both. One that fails is a remark: the tickets do not depend on it.
///
/// # Errors
/// A key that is refused, an interruption, a pause that is too long to wait for, or no answer at all to
/// the first request: those would end every other request too.
pub async fn lookups(client: &Client, cancel: &CancellationToken) -> Result<Lookups> {
    let mut lookups = Lookups::default();
    let decode = |body: &[u8]| wire::decode_categories(body).map_err(Undecodable::from);
    match client.fetch(&Get::categories(), cancel, decode).await {
        Ok(fetched) => {
            lookups.server_time = fetched.server_time;
            lookups.categories = Some(fetched.value);
        }
        // An API that has never answered will not answer the rest either.
        Err(failure) if client.counters().answers() == 0 => return Err(failure.error),
        Err(failure) => lookups.remark("categories", failure)?,
    }
    let decode = |body: &[u8]| wire::decode_agents(body).map_err(Undecodable::from);
    match client.fetch(&Get::agents(), cancel, decode).await {
        Ok(fetched) => {
            lookups.server_time = lookups.server_time.or(fetched.server_time);
            lookups.agents = Some(fetched.value);
        }
        Err(failure) => lookups.remark("agents", failure)?,
    }
    Ok(lookups)
}

/// The server's clock, at the cost of a request; `None` where it does not tell or is not believed.
///
/// # Errors
/// Whatever ends a request for good.
pub async fn server_time(client: &Client, cancel: &CancellationToken) -> Result<Option<Instant>> {
    let decode = |_: &[u8]| Ok(());
    let fetched = client.fetch(&Get::categories(), cancel, decode).await;
    Ok(fetched.map_err(|failure| failure.error)?.server_time)
}

impl Lookups {
    /// What of both lists could not be represented.
    pub fn rejects(&self) -> Vec<Reject> {
        let categories = self.categories.iter().flat_map(|list| &list.rejects);
        let agents = self.agents.iter().flat_map(|list| &list.rejects);
        categories.chain(agents).cloned().collect()
    }

    /// Characters of both lists that became U+FFFD.
    pub fn replaced_characters(&self) -> i64 {
        let categories = self.categories.iter().map(|list| list.replaced_characters);
        let agents = self.agents.iter().map(|list| list.replaced_characters);
        categories.chain(agents).sum()
    }

    fn remark(&mut self, what: &str, failure: FetchError) -> Result<()> {
        let error = failure.error;
        match error.kind() {
            ErrorKind::Failed if failure.kind != FailureKind::Paused => {
                tracing::warn!(error = %error, "{what} were not refreshed");
                self.remarks
                    .push(format!("{what} were not refreshed: {error}"));
                Ok(())
            }
            _ => Err(error),
        }
    }
}
