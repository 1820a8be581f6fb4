#![expect(
    clippy::disallowed_methods,
    reason = "reads the proxy's variables, which the HTTP client reads too: an edge"
)]
//! The variables that name a proxy. The HTTP client reads them itself, and takes one that it cannot
//! read for none: so they are held against its own reader first.

use std::ffi::OsString;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::api::is_loopback;
use crate::error::{Error, Result};

/// Every variable that names a proxy.
const VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// Set where a web server runs a program for a request. What is called `HTTP_PROXY` there may come
/// from that request, so the HTTP client then takes no proxy from any variable.
const OF_A_REQUEST: &str = "REQUEST_METHOD";

/// Holds the environment's variables against what the HTTP client makes of them.
///
/// # Errors
/// A usage error that names a variable that would be passed over in silence. Its value is not
/// shown: it may hold a password.
pub(super) fn check(base_url: &Url) -> Result<()> {
    check_in(base_url, |name| std::env::var_os(name))
}

fn check_in(base_url: &Url, variable: impl Fn(&str) -> Option<OsString>) -> Result<()> {
    // What goes to this machine goes through no proxy.
    if is_loopback(base_url) {
        return Ok(());
    }
    let set = VARIABLES.into_iter().filter_map(|name| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some((name, value))
    });
    for (name, value) in set {
        if !value.to_str().is_some_and(is_proxy) {
            return Err(
                Error::usage(format!("{name} is not the address of a proxy")).help(format!(
                    "write {name}=http://host:port (https://, socks5:// and socks5h:// work too), or unset it to go \
                     without a proxy"
                )),
            );
        }
        if variable(OF_A_REQUEST).is_some() {
            return Err(Error::usage(format!(
                "{name} names a proxy, which is not used while {OF_A_REQUEST} is set"
            ))
            .help(format!(
                "unset {OF_A_REQUEST}: it is for programs that a web server runs"
            )));
        }
    }
    Ok(())
}

/// Whether the HTTP client would use it, and as it is meant.
fn is_proxy(value: &str) -> bool {
    let matcher = Matcher::builder().all(value).build();
    let anywhere = Uri::from_static("https://gateway.mava.app");
    let Some(found) = matcher.intercept(&anywhere) else {
        return false;
    };
    let Some(authority) = found.uri().authority() else {
        return false;
    };
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host);
    // What stands before a second `@` would be taken for a name.
    let has_port = || authority.port_u16().is_some_and(|port| port > 0);
    !host.is_empty() && port.is_some_and(|port| port.is_empty() || has_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str, set: &[(&str, &str)]) -> Result<()> {
        check_in(&Url::parse(url).expect(url), |name| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    const API: &str = "https://gateway.mava.app";

    #[test]
    fn a_proxy_is_an_address_that_the_client_takes() {
        for value in [
            "http://proxy.example:3128",
            "https://proxy.example",
            "proxy.example:3128",
            "proxy",
            "10.0.0.1:8080",
            "http://[2001:db8::1]:3128",
            "http://name:pass%40word@proxy.example:3128/",
            "socks5://127.0.0.1:1080",
            "socks5h://127.0.0.1:1080",
        ] {
            for variable in VARIABLES {
                assert!(checked(API, &[(variable, value)]).is_ok(), "{value}");
            }
        }
    }

    #[test]
    fn what_would_be_passed_over_in_silence_is_named_without_its_value() {
        for value in [
            "http//s3cr3t:3128",
            "htp://s3cr3t:3128",
            "http:/s3cr3t:3128",
            "http://s3cr3t:99999",
            "http://s3cr3t:port",
            "http://s3cr3t:",
            "http://s3cr3t:0",
            "http://a:s3cr3t@b@proxy:3128",
            "http://",
            "http://s3cr3t proxy:3128",
            " http://s3cr3t:3128",
            "socks6://s3cr3t",
            "::",
            "/s3cr3t",
        ] {
            for variable in VARIABLES {
                let error = checked(API, &[(variable, value)]).expect_err(value);
                let shown = format!("{error} {}", error.help_text().unwrap_or_default());
                assert!(shown.contains(&format!("{variable} is not")), "{shown}");
                assert!(!shown.contains("s3cr3t"), "{shown}");
            }
        }
    }

    #[test]
    fn a_variable_that_is_no_text_is_named_too() {
        use std::os::unix::ffi::OsStringExt;
        let url = Url::parse(API).expect("a URL");
        let value = OsString::from_vec(b"http://proxy\xff:3128".to_vec());
        let error = check_in(&url, |name| (name == "https_proxy").then(|| value.clone()));
        assert!(
            error
                .expect_err("no text")
                .to_string()
                .contains("https_proxy")
        );
    }

    #[test]
    fn an_empty_variable_is_none_and_on_this_machine_none_counts() {
        assert!(checked(API, &[("HTTPS_PROXY", "")]).is_ok());
        for url in ["http://127.0.0.2:8090", "https://localhost", "http://[::1]"] {
            assert!(checked(url, &[("HTTPS_PROXY", "::"), ("http_proxy", "::")]).is_ok());
        }
    }

    #[test]
    fn a_proxy_that_a_web_servers_variable_switches_off_is_named() {
        let cgi = ("REQUEST_METHOD", "GET");
        assert!(checked(API, &[cgi]).is_ok());
        let error = checked(API, &[cgi, ("ALL_PROXY", "proxy:3128")]).expect_err("not used");
        let text = error.to_string();
        assert!(
            text.contains("ALL_PROXY") && text.contains("REQUEST_METHOD"),
            "{text}"
        );
    }
}
