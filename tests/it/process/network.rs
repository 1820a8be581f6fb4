//! Proxies and certificates: where the key goes, and what is said where it does not.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use mava_export::simulator::Simulator;

use super::servers::{Authority, Identity, Manner, Proxy, Tls, door, socks};
use super::support::{BACKFILL, Ended, Place, desk, run};

/// Every variable that names a proxy.
const VARIABLES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

const PROBE: &str = "probe --rate-limit none --retry-pause 5ms";

/// A file with the certificates of these.
fn store(place: &Place, trusted: &[&Authority]) -> PathBuf {
    let path = place.path("trusted.pem");
    let pem: String = trusted.iter().map(|authority| authority.pem()).collect();
    fs::write(&path, pem).unwrap();
    path
}

/// A probe of this address, with the key of the desk.
fn probe(place: &Place, url: &str) -> Command {
    let mut command = place.command(PROBE);
    command
        .env("MAVA_BASE_URL", url)
        .env("MAVA_API_KEY", mava_export::simulator::API_KEY);
    command
}

/// That it looked at the desk, whatever it made of it.
#[track_caller]
fn assert_answered(ended: Ended, simulator: &Simulator) {
    assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
    assert_eq!(simulator.requests().len(), 1, "{}", ended.stderr);
}

#[test]
fn https_is_spoken_with_a_server_that_the_store_vouches_for() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let known = Authority::new("Known Root");
    let server = Tls::start(&known.certify("localhost"), &simulator.base_url());
    let other = Authority::new("Other Root");
    let store = store(&place, &[&other, &known]);
    let ended = run(probe(&place, &server.url()).env("SSL_CERT_FILE", store));
    assert_answered(ended, &simulator);
    assert_eq!(server.requests.all().len(), 1);
}

#[test]
fn without_certificates_plain_http_on_this_machine_and_the_demo_work() {
    let simulator = desk(10, 0);
    let place = Place::new();
    fs::create_dir(place.path("none")).unwrap();
    for (variable, value) in [("SSL_CERT_FILE", "/nope"), ("SSL_CERT_DIR", "none")] {
        let mut command = place.command_at(&simulator, BACKFILL);
        run(command.env(variable, value)).expect(0);
        let mut command = place.command("demo --tickets 20");
        run(command.env(variable, value)).expect(0);
    }
}

#[test]
fn without_certificates_https_ends_with_2_and_names_variable_and_package() {
    let place = Place::new();
    fs::create_dir(place.path("none")).unwrap();
    fs::write(place.path("empty.pem"), "").unwrap();
    fs::write(place.path("text.pem"), "no certificate\n").unwrap();
    for (variable, value) in [
        ("SSL_CERT_FILE", "/nope"),
        ("SSL_CERT_FILE", "empty.pem"),
        ("SSL_CERT_FILE", "text.pem"),
        ("SSL_CERT_FILE", "none"),
        ("SSL_CERT_DIR", "none"),
        ("SSL_CERT_DIR", "/nope"),
    ] {
        for words in [PROBE, BACKFILL, &format!("plan {BACKFILL}")] {
            let mut command = place.command(words);
            command
                .env("MAVA_BASE_URL", "https://localhost:9")
                .env("MAVA_API_KEY", "a-key-of-this-test");
            let ended = run(command.env(variable, value)).expect(2);
            ended.expect_error(&["SSL_CERT_FILE", "SSL_CERT_DIR", "ca-certificates"]);
            if value == "/nope" {
                ended.expect_error(&["/nope"]);
            }
        }
    }
}

#[test]
fn a_certificate_that_is_not_believed_is_named_and_not_asked_for_again() {
    let known = Authority::new("Known Root");
    let stranger = Authority::new("Corporate Proxy Root");
    let cases: [(Identity, &[&str]); 5] = [
        (
            stranger.certify("localhost"),
            &[
                "signed by CN=Corporate Proxy Root",
                "does not trust",
                "SSL_CERT_FILE",
            ],
        ),
        (
            Identity::self_signed("localhost"),
            &["signed by itself", "CN=Myself", "does not trust"],
        ),
        (
            known.certify_between("localhost", (2001, 2002)),
            &["expired 2002-01-01", "clock"],
        ),
        (
            known.certify_between("localhost", (2098, 2099)),
            &["not valid before 2098-01-01", "clock"],
        ),
        (
            known.certify("elsewhere.example"),
            &["for elsewhere.example, not for localhost", "--base-url"],
        ),
    ];
    for (identity, parts) in cases {
        let simulator = desk(10, 0);
        let server = Tls::start(&identity, &simulator.base_url());
        for words in [PROBE, BACKFILL] {
            let place = Place::new();
            let before = server.connections.all().len();
            let mut command = place.command(words);
            command
                .env("MAVA_BASE_URL", server.url())
                .env("MAVA_API_KEY", "a-key-of-this-test")
                .env("SSL_CERT_FILE", store(&place, &[&known]));
            let ended = run(&mut command).expect(1);
            ended.expect_error(parts);
            ended.expect_error(&["after 1 attempt "]);
            assert_eq!(
                server.connections.all().len() - before,
                1,
                "{}",
                ended.stderr
            );
        }
        assert!(server.requests.all().is_empty() && simulator.requests().is_empty());
    }
}

#[test]
fn a_server_that_does_not_speak_https_is_told_at_the_first_try() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let known = Authority::new("Known Root");
    let url = simulator.base_url().replace("http://", "https://");
    let mut command = probe(&place, &url);
    let ended = run(command.env("SSL_CERT_FILE", store(&place, &[&known]))).expect(1);
    ended.expect_error(&["does not speak https", "after 1 attempt "]);
}

#[test]
fn what_goes_to_this_machine_goes_through_no_proxy() {
    let simulator = desk(10, 0);
    let url = simulator.base_url();
    let port = url.rsplit(':').next().unwrap();
    let mut urls = vec![
        url.clone(),
        format!("http://localhost:{port}"),
        format!("http://LocalHost.:{port}"),
        format!("http://mava.localhost:{port}"),
    ];
    let doors = [
        ("127.0.0.2:0", "127.0.0.2"),
        ("127.255.255.254:0", "127.255.255.254"),
        ("[::1]:0", "[::1]"),
    ];
    for (address, host) in doors {
        // Some machines have no IPv6.
        let opened = door(address, &url);
        assert!(opened.is_some() || host.contains(':'), "{address}");
        urls.extend(opened.map(|port| format!("http://{host}:{port}")));
    }
    if has_mapped_addresses() {
        urls.push(format!("http://[::ffff:127.0.0.1]:{port}"));
    }
    for url in urls {
        for exceptions in [
            None,
            Some(""),
            Some("gateway.mava.app"),
            Some("*"),
            Some("10.0.0.0/8"),
        ] {
            let proxy = Proxy::start(Manner::Refuse);
            let place = Place::new();
            let before = simulator.requests().len();
            let mut command = probe(&place, &url);
            command.envs(VARIABLES.map(|variable| (variable, proxy.url())));
            if let Some(exceptions) = exceptions {
                command
                    .env("NO_PROXY", exceptions)
                    .env("no_proxy", exceptions);
            }
            let ended = run(&mut command);
            assert!(
                matches!(ended.code(), Some(0 | 3)),
                "{url}: {}",
                ended.stderr
            );
            assert_eq!(simulator.requests().len() - before, 1, "{url}");
            assert_eq!(proxy.requests.all(), [""; 0], "{url}");
        }
    }
}

/// Whether this machine's IPv4 can be reached by an address of IPv6.
fn has_mapped_addresses() -> bool {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::net::TcpStream::connect(format!("[::ffff:127.0.0.1]:{port}")).is_ok()
}

#[test]
fn https_elsewhere_goes_through_the_proxy_that_a_variable_names_and_it_never_sees_the_key() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let simulator = desk(10, 0);
        let place = Place::new();
        let known = Authority::new("Known Root");
        let server = Tls::start(&known.certify("gateway.example"), &simulator.base_url());
        let proxy = Proxy::start(Manner::LeadTo(server.address));
        let mut command = probe(&place, "https://gateway.example");
        command
            .env("SSL_CERT_FILE", store(&place, &[&known]))
            .env(variable, proxy.url());
        assert_answered(run(&mut command), &simulator);
        let seen = proxy.requests.all();
        assert!(
            seen[0].starts_with("CONNECT gateway.example:443 "),
            "{seen:?}"
        );
        assert!(
            !seen[0].contains(mava_export::simulator::API_KEY),
            "{seen:?}"
        );
    }
}

#[test]
fn a_socks_proxy_is_one_too() {
    let simulator = desk(10, 0);
    let place = Place::new();
    let known = Authority::new("Known Root");
    let server = Tls::start(&known.certify("gateway.example"), &simulator.base_url());
    let (address, names) = socks(server.address);
    let mut command = probe(&place, "https://gateway.example");
    command
        .env("SSL_CERT_FILE", store(&place, &[&known]))
        .env("HTTPS_PROXY", format!("socks5h://{address}"));
    assert_answered(run(&mut command), &simulator);
    assert_eq!(names.all(), ["gateway.example"]);
}

#[test]
fn a_proxy_that_signs_for_everyone_is_named() {
    let place = Place::new();
    let known = Authority::new("Known Root");
    let corporate = Authority::new("Corporate Proxy Root");
    let server = Tls::start(&corporate.certify("gateway.example"), "http://127.0.0.1:9");
    let proxy = Proxy::start(Manner::LeadTo(server.address));
    let mut command = probe(&place, "https://gateway.example");
    command
        .env("SSL_CERT_FILE", store(&place, &[&known]))
        .env("HTTPS_PROXY", proxy.url());
    let ended = run(&mut command).expect(1);
    ended.expect_error(&[
        "CN=Corporate Proxy Root",
        "after 1 attempt ",
        "SSL_CERT_FILE",
    ]);
    assert_eq!(proxy.requests.all().len(), 1);
}

#[test]
fn a_proxy_that_asks_who_comes_is_asked_once() {
    let place = Place::new();
    let known = Authority::new("Known Root");
    let proxy = Proxy::start(Manner::AskForLogin);
    let mut command = probe(&place, "https://gateway.example");
    command
        .env("SSL_CERT_FILE", store(&place, &[&known]))
        .env("HTTPS_PROXY", proxy.url());
    let ended = run(&mut command).expect(1);
    ended.expect_error(&[
        "the proxy asks for a name and a password",
        "HTTPS_PROXY",
        "after 1 attempt ",
    ]);
    assert_eq!(proxy.requests.all().len(), 1);
    // One that says no may say yes later.
    let proxy = Proxy::start(Manner::Refuse);
    let mut command = probe(&place, "https://gateway.example");
    command
        .args(["--retry-attempts", "2"])
        .env("SSL_CERT_FILE", store(&place, &[&known]))
        .env("HTTPS_PROXY", proxy.url());
    let ended = run(&mut command).expect(1);
    ended.expect_error(&["the proxy refused to connect", "after 2 attempts "]);
}

#[test]
fn a_proxys_variable_that_cannot_be_read_is_an_error_and_no_direct_connection() {
    let simulator = desk(10, 0);
    let known = Authority::new("Known Root");
    let server = Tls::start(&known.certify("localhost"), &simulator.base_url());
    for variable in VARIABLES {
        for value in [
            "http//s3cr3t.example:3128",
            "htp://s3cr3t.example:3128",
            "http://name:s3cr3t@proxy:99999",
        ] {
            let place = Place::new();
            let mut command = probe(&place, "https://gateway.example");
            command
                .env("SSL_CERT_FILE", store(&place, &[&known]))
                .env(variable, value);
            let ended = run(&mut command).expect(2);
            ended.expect_error(&[
                &format!("{variable} is not the address of a proxy"),
                "unset",
            ]);
            assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
        }
    }
    // No proxy counts on this machine.
    let place = Place::new();
    let mut command = probe(&place, &server.url());
    command
        .env("SSL_CERT_FILE", store(&place, &[&known]))
        .env("HTTPS_PROXY", "http//proxy");
    assert_answered(run(&mut command), &simulator);
    let mut command = place.command_at(&simulator, PROBE);
    let ended = run(command.env("http_proxy", "::"));
    assert!(matches!(ended.code(), Some(0 | 3)), "{}", ended.stderr);
}
