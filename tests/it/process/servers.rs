//! Servers that are not ours to trust: of https, with certificates made here, and proxies that write
//! down what they are sent. All on loopback, all on threads.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A peer that is silent for longer is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// A listener whose every connection is taken by `take`, on a thread of its own.
pub(super) fn listen(
    address: &str,
    take: impl Fn(TcpStream) + Send + Sync + 'static,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let take = Arc::new(take);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, take) = (stream.unwrap(), Arc::clone(&take));
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            std::thread::spawn(move || take(stream));
        }
    });
    Ok(address)
}

/// What was written down, in the order it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Record(Arc<Mutex<Vec<String>>>);

impl Record {
    fn add(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Who signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Its certificate, for a store.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server of this name.
    pub(super) fn certify(&self, name: &str) -> Identity {
        self.certify_between(name, (2000, 2100))
    }

    /// One that is valid in these years.
    pub(super) fn certify_between(&self, name: &str, (from, until): (i32, i32)) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        Identity::new(&params.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}

/// What a server shows of itself.
pub(super) struct Identity(Arc<ServerConfig>);

impl Identity {
    fn new(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Self(Arc::new(config))
    }

    /// One that assurances for itself.
    pub(super) fn self_signed(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Myself");
        Self::new(&params.self_signed(&key).unwrap(), &key)
    }
}

/// A server of https before the API at `upstream`.
pub(super) struct Tls {
    pub(super) address: SocketAddr,
    /// A line for each connection, also those that came to nothing.
    pub(super) connections: Record,
    /// What was asked for.
    pub(super) requests: Record,
}

impl Tls {
    pub(super) fn start(identity: &Identity, upstream: &str) -> Self {
        let (connections, requests) = (Record::default(), Record::default());
        let (config, upstream) = (Arc::clone(&identity.0), upstream.to_owned());
        let (seen, asked) = (connections.clone(), requests.clone());
        let address = listen("127.0.0.1:0", move |stream| {
            seen.add("connection");
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = BufReader::new(StreamOwned::new(connection, stream));
            // A client that does not believe the certificate goes.
            let Some(head) = head(&mut stream) else {
                return;
            };
            asked.add(&head);
            let _ = stream.get_mut().write_all(&ask(&upstream, &head));
            stream.get_mut().conn.send_close_notify();
            let _ = stream.get_mut().flush();
        })
        .unwrap();
        Self {
            address,
            connections,
            requests,
        }
    }

    /// Its address by the name of this machine.
    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

/// The head of a request, with the empty line; `None` where none comes.
fn head(stream: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    loop {
        let length = stream.read_line(&mut head).ok()?;
        if length == 0 {
            return None;
        }
        if head.ends_with("\r\n\r\n") {
            return Some(head);
        }
    }
}

/// The answer of the server at `address` to a request without a body; the connection ends with it.
fn ask(address: &str, head: &str) -> Vec<u8> {
    let address = address.strip_prefix("http://").unwrap_or(address);
    let mut stream = TcpStream::connect(address).unwrap();
    let once = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    stream.write_all(once.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // It says that it closes, also where it is passed on.
    let (start, rest) = split_line(&answer);
    [start, b"connection: close\r\n", rest].concat()
}

fn split_line(answer: &[u8]) -> (&[u8], &[u8]) {
    let end = answer.windows(2).position(|window| window == b"\r\n");
    answer.split_at(end.map_or(answer.len(), |end| end + 2))
}

/// How a proxy treats who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Leads everyone to one server.
    LeadTo(SocketAddr),
    /// Asks for a name and a password.
    AskForLogin,
    /// Says no.
    Refuse,
}

/// An HTTP proxy that writes down the head of each request.
pub(super) struct Proxy {
    address: SocketAddr,
    pub(super) requests: Record,
}

impl Proxy {
    pub(super) fn start(manner: Manner) -> Self {
        let requests = Record::default();
        let seen = requests.clone();
        let address = listen("127.0.0.1:0", move |mut stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let Some(head) = head(&mut reader) else {
                seen.add("no request");
                return;
            };
            seen.add(&head);
            let answer = match manner {
                Manner::LeadTo(server) => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                    return join(stream, TcpStream::connect(server).unwrap());
                }
                Manner::AskForLogin => {
                    "HTTP/1.1 407 Who are you\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"
                }
                Manner::Refuse => "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n",
            };
            let _ = stream.write_all(answer.as_bytes());
        })
        .unwrap();
        Self { address, requests }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}

/// A SOCKS 5 proxy (<https://www.rfc-editor.org/rfc/rfc1928>) that leads everyone to one server, and
/// the names that it was asked for.
pub(super) fn socks(server: SocketAddr) -> (SocketAddr, Record) {
    let names = Record::default();
    let seen = names.clone();
    let address = listen("127.0.0.1:0", move |mut stream| {
        let mut start = [0; 2];
        stream.read_exact(&mut start).unwrap();
        let mut methods = vec![0; start[1].into()];
        stream.read_exact(&mut methods).unwrap();
        stream.write_all(&[5, 0]).unwrap();
        // Version, command, reserved, type of address (3: a name), its length.
        let mut request = [0; 5];
        stream.read_exact(&mut request).unwrap();
        assert_eq!((request[0], request[1], request[3]), (5, 1, 3));
        let mut name = vec![0; usize::from(request[4]) + 2];
        stream.read_exact(&mut name).unwrap();
        seen.add(&String::from_utf8_lossy(&name[..name.len() - 2]));
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        join(stream, TcpStream::connect(server).unwrap());
    })
    .unwrap();
    (address, names)
}

/// Passes connections to `address` on to the server at `upstream`; `None` where this machine has no
/// such address.
pub(super) fn door(address: &str, upstream: &str) -> Option<u16> {
    let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
    let opened = listen(address, move |stream| {
        join(stream, TcpStream::connect(&upstream).unwrap());
    });
    opened.ok().map(|address| address.port())
}

/// Carries bytes both ways until both sides have ended.
fn join(one: TcpStream, other: TcpStream) {
    fn carry(mut from: TcpStream, mut to: TcpStream) {
        // Whoever goes has gone.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    }
    let (from, to) = (one.try_clone().unwrap(), other.try_clone().unwrap());
    std::thread::spawn(move || carry(from, to));
    carry(other, one);
}
