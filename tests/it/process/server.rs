//! A server on loopback whose every answer a test makes itself.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};

use super::support::Place;

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) arrived: Instant,
    pub(super) path: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl Asked {
    /// The values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &str) -> Vec<&'a str> {
        let named = self.parameters.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The one value of a parameter.
    pub(super) fn one(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    fn has(&self, name: &str, values: &[&str]) -> bool {
        let asked = self.all(name);
        asked.is_empty() || asked.iter().any(|one| values.contains(one))
    }
}

/// What is answered: a status, header lines, and a body in parts, each so many times.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<String>,
    parts: Vec<(String, usize)>,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self::long(status, vec![(body.into(), 1)])
    }

    /// A body that is never whole in memory.
    pub(super) fn long(status: u16, parts: Vec<(String, usize)>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            parts,
        }
    }

    pub(super) fn json(body: &Value) -> Self {
        Self::new(200, body.to_string())
    }

    pub(super) fn header(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    fn write(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let length: usize = self
            .parts
            .iter()
            .map(|(part, times)| part.len() * times)
            .sum();
        let mut head = format!("HTTP/1.1 {} -\r\ncontent-length: {length}\r\n", self.status);
        for header in &self.headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        for (part, times) in &self.parts {
            for _ in 0..*times {
                stream.write_all(part.as_bytes())?;
            }
        }
        stream.flush()
    }
}

type Answer = Box<dyn FnMut(&Asked) -> Reply + Send>;

/// The server. It ends when dropped.
pub(super) struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Mutex<Answer>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(answer: impl FnMut(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
            answer: Arc::new(Mutex::new(Box::new(answer))),
            is_over: Arc::default(),
        };
        let (asked, answer) = (Arc::clone(&server.asked), Arc::clone(&server.answer));
        let is_over = Arc::clone(&server.is_over);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                // A client that goes away in the middle is no matter.
                std::thread::spawn(move || drop(serve(stream, &asked, &answer)));
            }
        });
        server
    }

    /// Answers in another way from now on.
    pub(super) fn answer(&self, answer: impl FnMut(&Asked) -> Reply + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The command with these words, talking to this server.
    pub(super) fn command(&self, place: &Place, words: &str) -> Command {
        let mut command = place.command(words);
        command
            .env("MAVA_BASE_URL", format!("http://{}", self.address))
            .env("MAVA_API_KEY", "a-key-of-a-test");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the one that listens.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(
    stream: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    answer: &Mutex<Answer>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writing = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let target = first.split(' ').nth(1).unwrap_or_default();
        let url = reqwest::Url::parse(&format!("http://desk{target}")).unwrap();
        let one = Asked {
            arrived: Instant::now(),
            path: url.path().to_owned(),
            parameters: url.query_pairs().into_owned().collect(),
        };
        asked.lock().unwrap().push(one.clone());
        let reply = (answer.lock().unwrap())(&one);
        reply.write(&mut writing)?;
    }
}

/// A ticket of March 2024, with no more than every ticket has.
pub(super) fn ticket(id: &str) -> Value {
    json!({
        "id": id, "createdAt": "2024-03-01T00:00:00.000Z", "status": "Open", "sourceType": "web",
        "tags": [], "messages": [],
    })
}

/// Answers as the API documents, of a desk that holds these tickets, oldest first.
pub(super) fn desk(tickets: Vec<Value>) -> impl FnMut(&Asked) -> Reply + Send + 'static {
    move |asked| match asked.path.as_str() {
        "/api/categories" => Reply::new(200, "[]"),
        "/api/agents" => Reply::new(200, r#"{"agents":[]}"#),
        _ => {
            let mut matching: Vec<&Value> = tickets
                .iter()
                .filter(|ticket| matches(asked, ticket))
                .collect();
            if asked.one("sortOrder") == "desc" {
                matching.reverse();
            }
            let number = |name| asked.one(name).parse::<usize>().unwrap_or(0);
            let page: Vec<&Value> = matching
                .iter()
                .skip(number("skip"))
                .take(number("limit"))
                .copied()
                .collect();
            let has_more = number("skip") + page.len() < matching.len();
            Reply::json(&json!({
                "count": matching.len(), "tickets": page, "pagination": { "hasMore": has_more },
            }))
        }
    }
}

fn matches(asked: &Asked, ticket: &Value) -> bool {
    let text = |key: &str| ticket[key].as_str().unwrap_or_default();
    let created_at = text("createdAt");
    let tags: Vec<&str> = ticket["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    asked.one("startDate") <= created_at
        && created_at < asked.one("endDate")
        && asked.has("status", &[text("status")])
        && asked.has("origin", &[text("sourceType")])
        && asked.has("category", &[])
        && asked.has("assignedTo", &["Unassigned"])
        && asked.has("csatValues", &["no-rating"])
        && asked.has("tags", &tags)
}
