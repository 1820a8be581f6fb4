//! The simulator against the API's contract, over loopback with a real client.

mod contract;
mod faults;
mod limit;
mod live;
mod quirks;
mod shape;
mod unchanged;
mod work;

use mava_export::simulator::{
    API_KEY, Agent, Category, Directory, Simulator, SimulatorSpec, Tag, Ticket, World,
};
use mava_export::table::{Instant, parse_instant};
use serde_json::Value;

/// A range that holds every ticket of [`desk`].
const RANGE: &str = "startDate=2024-01-01&endDate=2024-12-31";

fn at(text: &str) -> Instant {
    parse_instant(text).expect("a test's own instant")
}

thread_local! {
    /// One client for a test, which runs on one thread: building it reads certificates.
    static CLIENT: reqwest::Client = {
        // Another test of the process may have installed it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client")
    };
}

fn client() -> reqwest::Client {
    CLIENT.with(reqwest::Client::clone)
}

async fn start(spec: SimulatorSpec) -> Simulator {
    Simulator::start(spec).await.expect("a free port")
}

async fn send(simulator: &Simulator, target: &str) -> reqwest::Result<reqwest::Response> {
    client()
        .get(format!("{}{target}", simulator.base_url()))
        .header("x-auth-token", API_KEY)
        .send()
        .await
}

async fn get(simulator: &Simulator, target: &str) -> (u16, Value) {
    let response = send(simulator, target).await.expect("an answer");
    let status = response.status().as_u16();
    let text = response.text().await.expect("a whole body");
    (status, serde_json::from_str(&text).expect("JSON"))
}

/// A page of tickets in [`RANGE`].
async fn page(simulator: &Simulator, parameters: &str) -> Value {
    let (status, page) = get(simulator, &format!("/api/tickets?{RANGE}&{parameters}")).await;
    assert_eq!(status, 200, "{parameters}: {page}");
    page
}

/// The ids of a page, put together.
fn ids(page: &Value) -> String {
    let tickets = page["tickets"].as_array().expect("tickets");
    tickets
        .iter()
        .map(|ticket| ticket["id"].as_str().expect("an id"))
        .collect()
}

/// Six tickets `a` to `f`, a day apart but for `c` and `d`, which share their millisecond.
fn desk() -> World {
    let row = |id: &str, day: &str, status: &'static str, origin: &'static str| Ticket {
        status: status.into(),
        origin: origin.into(),
        ..Ticket::new(id, at(&format!("2024-03-{day}T12:00:00.500Z")))
    };
    let mut tickets = vec![
        row("a", "01", "Open", "web"),
        row("b", "02", "Resolved", "discord"),
        row("c", "03", "Pending", "telegram"),
        row("d", "03", "Waiting", "telegram-group"),
        row("e", "05", "Resolved", "email"),
        row("f", "06", "Open", "web"),
    ];
    for (place, assigned, category, priority, time, csat, tags) in [
        (0, None, Some("k1"), Some(3), None, None, &["t1", "t2"][..]),
        (
            1,
            Some("g1"),
            Some("k2"),
            Some(1),
            Some(500),
            Some(5),
            &["t2"],
        ),
        (2, Some("g2"), None, Some(2), None, None, &[]),
        (3, Some("g1"), Some("k1"), None, None, None, &["t3"]),
        (
            4,
            Some("g2"),
            Some("k2"),
            Some(4),
            Some(90),
            Some(1),
            &["t1"],
        ),
        (5, None, Some("k3"), Some(3), None, None, &[]),
    ] {
        let ticket: &mut Ticket = &mut tickets[place];
        ticket.assigned_agent_id = assigned.map(str::to_owned);
        ticket.category_id = category.map(str::to_owned);
        ticket.priority = priority;
        ticket.resolution_time_ms = time;
        ticket.csat = csat;
        ticket.tag_ids = tags.iter().map(|tag| (*tag).to_owned()).collect();
    }
    let archived = Category {
        is_archived: true,
        ..Category::new("k3", "Old")
    };
    let directory = Directory {
        agents: vec![Agent::new("g1", "Gwen"), Agent::new("g2", "Gus")],
        categories: vec![
            Category::new("k1", "Kites"),
            Category::new("k2", "Lanterns"),
            archived,
        ],
        tags: ["t1", "t2", "t3"].map(|id| Tag::new(id, id)).to_vec(),
        ..Directory::default()
    };
    World::new(directory, tickets)
}
