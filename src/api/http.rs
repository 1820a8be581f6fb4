//! The connections of a client: where they may lead, and what every request carries.

use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use super::query::Get;
use super::{loopback, tls};
use crate::error::{Error, Result};
use crate::settings::Connection;

/// The header that carries the key.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-auth-token");

/// The connections of a client.
#[derive(Debug)]
pub(super) struct Http {
    pooled: reqwest::Client,
    /// Without a pool: each request has a connection of its own.
    alone: reqwest::Client,
}

impl Http {
    /// Sets connections up; none is made before the first request.
    ///
    /// # Errors
    /// The key cannot be a header, or no server could be believed.
    pub(super) fn open(connection: &Connection) -> Result<Self> {
        let mut key = HeaderValue::from_str(connection.api_key.expose_secret())
            .map_err(|_| Error::usage("the API key holds characters that no header can carry"))?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(KEY_HEADER, key);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let is_loopback = loopback::is_loopback(&connection.base_url);
        // Where nothing is encrypted, no certificates are needed, and none are looked for.
        let tls = match connection.base_url.scheme() {
            "http" => tls::believing_nobody()?,
            _ => tls::verifying()?,
        };
        let builder = || {
            let builder = reqwest::Client::builder()
                .user_agent(concat!("mava-export/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers.clone())
                .tls_backend_preconfigured(tls.clone())
                .connect_timeout(connection.timeouts.connect)
                .read_timeout(connection.timeouts.read)
                // A redirect would carry the key elsewhere, and a hidden retry would escape the budget.
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never());
            let builder = match is_loopback {
                true => builder.no_proxy(),
                false => builder,
            };
            match loopback::resolution(&connection.base_url) {
                Some((host, addresses)) => builder.resolve_to_addrs(host, &addresses),
                None => builder,
            }
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .build()
                .map_err(|error| Error::failed("cannot set up the HTTP client").because(error))
        };
        Ok(Self {
            pooled: build(builder())?,
            alone: build(builder().pool_max_idle_per_host(0))?,
        })
    }

    /// The connections that a request may take.
    pub(super) fn of(&self, get: &Get) -> &reqwest::Client {
        match get.is_alone {
            true => &self.alone,
            false => &self.pooled,
        }
    }
}
