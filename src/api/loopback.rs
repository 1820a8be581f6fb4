//! What is this very machine: pure. Plain http is allowed there and nowhere else, and what goes
//! there goes through no proxy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// Both addresses that a name of this machine stands for, whatever a resolver says.
const ADDRESSES: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::LOCALHOST),
];

/// Whether `url` leads to this machine: 127.0.0.0/8, `::1`, the former written as IPv6, `localhost`
/// or a name below it (RFC 6761, 6.3).
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => is_local_name(host),
    }
}

fn is_local_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.rsplit('.').next() == Some("localhost") && !host.starts_with('.')
}

/// What a name of this machine is to be resolved to; `None` where `url` holds an address or
/// leads elsewhere. The port is the URL's.
pub(super) fn resolution(url: &Url) -> Option<(&str, [SocketAddr; 2])> {
    let host = url.host_str().filter(|host| is_local_name(host))?;
    Some((host, ADDRESSES.map(|address| SocketAddr::new(address, 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect(text)
    }

    #[test]
    fn loopback_is_every_address_and_name_of_this_machine_and_no_other() {
        for text in [
            "http://127.0.0.1:8090",
            "http://127.0.0.2",
            "http://127.255.255.254:1",
            "http://127.1",
            "http://0x7f.0.0.1",
            "http://2130706433",
            "http://[::1]:8090",
            "http://[::ffff:127.0.0.1]",
            "http://[::ffff:7f00:2]:8090",
            "http://localhost",
            "http://LOCALHOST.:8090",
            "http://mava.localhost:8090",
            "https://a.b.localhost./desk",
        ] {
            assert!(is_loopback(&url(text)), "{text}");
        }
        for text in [
            "http://gateway.mava.app",
            "http://128.0.0.1",
            "http://0.0.0.0",
            "http://10.0.0.1",
            "http://[::]",
            "http://[::2]",
            "http://[::ffff:10.0.0.1]",
            "http://[::127.0.0.1]",
            "http://localhost.evil.example",
            "http://notlocalhost",
            "http://127.0.0.1.evil.example",
            "http://localhost.localdomain",
            "data:text/plain,localhost",
        ] {
            assert!(!is_loopback(&url(text)), "{text}");
        }
    }

    #[test]
    fn names_of_this_machine_are_not_looked_up() {
        let named = url("http://Mava.localhost:8090/desk");
        let (host, addresses) = resolution(&named).expect("a name");
        assert_eq!(host, "mava.localhost");
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        for text in ["http://127.0.0.1", "https://gateway.mava.app"] {
            assert_eq!(resolution(&url(text)), None);
        }
    }
}
