//! What every run is given.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::Client;
use crate::report::Progress;

/// What a run is given by its surroundings.
#[derive(Debug)]
pub struct Context {
    /// Sends its requests.
    pub client: Arc<Client>,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// Where it tells its progress.
    pub progress: watch::Sender<Progress>,
}
