//! Which servers are believed, and in what words it is told that one is not.

use std::fmt;
use std::io;
use std::sync::Arc;

use chrono::DateTime;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_platform_verifier::Verifier;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::error::{Error, Result};
use crate::redact;

/// Names of a certificate that are shown.
const SHOWN_NAMES: usize = 3;

/// How https is spoken: servers are believed whose certificates the system's store of them confirms.
///
/// # Errors
/// A usage error where there is no such store.
pub(super) fn verifying() -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new(Arc::clone(&provider)).map_err(without_store)?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(InWords(verifier)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// For plain http, where nothing is to be verified: no server is believed.
///
/// # Errors
/// None that occur.
pub(super) fn believing_nobody() -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn unusable(error: rustls::Error) -> Error {
    Error::failed("cannot set up TLS").because(error)
}

/// What was looked for is named by the loader, with its path.
fn without_store(error: rustls::Error) -> Error {
    let found = rustls_native_certs::load_native_certs();
    let refused = Error::usage(
        "https needs the certificates of this machine, and none could be read (SSL_CERT_FILE and \
         SSL_CERT_DIR go before the system's own)",
    );
    let refused = match found.errors.into_iter().next() {
        Some(why) => refused.because(why),
        None => refused.because(error),
    };
    refused.help(
        "install the package ca-certificates; where SSL_CERT_FILE or SSL_CERT_DIR is set, unset it or \
         name a file of certificates in PEM",
    )
}

/// The system's verifier, whose refusals name what they are about.
#[derive(Debug)]
struct InWords(Verifier);

impl ServerCertVerifier for InWords {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| match error {
                rustls::Error::InvalidCertificate(why) => {
                    let top = intermediates.last().unwrap_or(end_entity);
                    let refused = Refused::of(&why, end_entity, top);
                    CertificateError::Other(OtherError(Arc::new(refused))).into()
                }
                other => other,
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Why a server is not believed, or cannot be spoken to: the same at every try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    words: String,
    remedy: &'static str,
}

/// Where the certificate's issuer is not known.
const TRUST: &str = "behind a company's proxy, ask for its root certificate, save it as a file (PEM), and write the path \
                     of that file into the variable SSL_CERT_FILE; or add it to this machine's store of certificates";

/// Where the certificate is of another time.
const TIME: &str =
    "check this machine's clock; where it is right, the server's certificate has to be renewed";

/// Where the certificate is of another server.
const NAME: &str = "check --base-url (or MAVA_BASE_URL), and a proxy on the way";

/// Where it is something else.
const OTHER: &str = "check --base-url, and a proxy on the way: for one that answers in the API's place, write the path of a file \
     with its root certificate (PEM) into the variable SSL_CERT_FILE";

impl Refused {
    /// Of a server's certificate, `top` being the last one that it sent.
    fn of(
        why: &CertificateError,
        end_entity: &CertificateDer<'_>,
        top: &CertificateDer<'_>,
    ) -> Self {
        let (words, remedy) = match why {
            CertificateError::UnknownIssuer => (
                format!(
                    "the server's certificate is signed {}, which this machine does not trust",
                    signer(end_entity, top)
                ),
                TRUST,
            ),
            CertificateError::Expired => ("the server's certificate has expired".to_owned(), TIME),
            CertificateError::ExpiredContext { not_after, .. } => (
                format!("the server's certificate expired{}", instant(not_after)),
                TIME,
            ),
            CertificateError::NotValidYet => {
                ("the server's certificate is not valid yet".to_owned(), TIME)
            }
            CertificateError::NotValidYetContext { not_before, .. } => (
                format!(
                    "the server's certificate is not valid before{}",
                    instant(not_before)
                ),
                TIME,
            ),
            CertificateError::NotValidForName => (
                "the server's certificate is for another name".to_owned(),
                NAME,
            ),
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => (
                format!(
                    "the server's certificate is for {}, not for {}",
                    names(presented),
                    expected.to_str()
                ),
                NAME,
            ),
            other => (
                format!("the server's certificate is not valid: {other}"),
                OTHER,
            ),
        };
        Self {
            words: redact::on_one_line(&words),
            remedy,
        }
    }

    /// Read from what ended a request; `None` where it was something else.
    pub(super) fn in_chain(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut link = Some(error);
        while let Some(error) = link {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return Self::of_tls(error);
            }
            // An error inside one of input or output is not its source, but a part of it.
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            link = match inner {
                Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
                None => error.source(),
            };
        }
        None
    }

    fn of_tls(error: &rustls::Error) -> Option<Self> {
        let other = |words: String| Self {
            words,
            remedy: OTHER,
        };
        match error {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
                Some(inner.downcast_ref::<Self>().cloned().unwrap_or_else(|| {
                    other(format!("the server's certificate is not valid: {inner}"))
                }))
            }
            rustls::Error::InvalidCertificate(why) => Some(other(format!(
                "the server's certificate is not valid: {why}"
            ))),
            rustls::Error::InvalidMessage(_) => {
                Some(other("what answers there does not speak https".to_owned()))
            }
            rustls::Error::PeerIncompatible(why) => {
                Some(other(format!("the server speaks another TLS: {why:?}")))
            }
            _ => None,
        }
    }

    /// The way out.
    pub(super) fn remedy(&self) -> &'static str {
        self.remedy
    }

    /// This failure, with what it repeats of the server's words passed through `change`.
    pub(super) fn told(self, change: impl FnOnce(&str) -> String) -> Self {
        Self {
            words: change(&self.words),
            ..self
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.words)
    }
}

impl std::error::Error for Refused {}

fn read(certificate: &CertificateDer<'_>) -> Option<Certificate> {
    Certificate::from_der(certificate).ok()
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    read(certificate)
        .is_some_and(|read| read.tbs_certificate().issuer() == read.tbs_certificate().subject())
}

/// By whom the server's certificate is signed, in words; `top` is the last one that it sent.
fn signer(end_entity: &CertificateDer<'_>, top: &CertificateDer<'_>) -> String {
    match (is_self_signed(end_entity), issuer(top)) {
        (true, Some(issuer)) => format!("by itself ({issuer})"),
        (true, None) => "by itself".to_owned(),
        (false, Some(issuer)) => format!("by {issuer}"),
        (false, None) => "by an issuer without a readable name".to_owned(),
    }
}

/// The names of a certificate, as far as they are shown.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "no name".to_owned();
    }
    let shown = presented.iter().take(SHOWN_NAMES).map(|name| {
        name.trim_start_matches("DnsName(")
            .trim_end_matches(')')
            .replace('"', "")
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A time after a blank; empty where no calendar has it.
fn instant(time: &UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    at.map_or_else(String::new, |at| {
        format!(" {}", at.format("%Y-%m-%d %H:%M UTC"))
    })
}

/// `CN=…,O=…` of who signed it.
fn issuer(certificate: &CertificateDer<'_>) -> Option<String> {
    let read = read(certificate)?;
    let name = read.tbs_certificate().issuer().to_string();
    (!name.is_empty()).then_some(name)
}
