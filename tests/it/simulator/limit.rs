//! The rate limit, seen from a client.

use std::time::{Duration, Instant};

use mava_export::simulator::{Hint, RateLimit, SimulatorSpec};

use super::{client, desk, send, start};

fn limited(limit: RateLimit) -> SimulatorSpec {
    SimulatorSpec {
        rate_limit: Some(limit),
        ..SimulatorSpec::new(desk())
    }
}

#[tokio::test]
async fn requests_past_the_limit_get_a_429_until_the_window_has_slid() {
    let period = Duration::from_millis(300);
    let simulator = start(limited(RateLimit::new(3, period))).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let response = send(&simulator, "/api/agents").await.expect("an answer");
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(simulator.count_429(), 2);
    let first = simulator.requests()[0].arrived_at;
    tokio::time::sleep_until((first + period).into()).await;
    let response = send(&simulator, "/api/agents").await.expect("an answer");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_request_without_the_key_costs_nothing() {
    let simulator = start(limited(RateLimit::new(1, Duration::from_secs(60)))).await;
    let url = format!("{}/api/agents", simulator.base_url());
    let refused = client().get(&url).send().await.expect("an answer");
    assert_eq!(refused.status(), 401);
    let response = send(&simulator, "/api/agents").await.expect("an answer");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back_in_the_form_asked_for() {
    for hint in [Hint::Absent, Hint::Seconds, Hint::Date] {
        let limit = RateLimit {
            hint,
            ..RateLimit::new(0, Duration::from_secs(30))
        };
        let simulator = start(limited(limit)).await;
        let response = send(&simulator, "/api/agents").await.expect("an answer");
        assert_eq!(response.status(), 429);
        let header = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().expect("text").to_owned());
        match hint {
            Hint::Absent => assert_eq!(header, None),
            Hint::Seconds => assert_eq!(header.as_deref(), Some("30")),
            Hint::Date => {
                let date = header.expect("a date");
                assert!(httpdate::parse_http_date(&date).is_ok(), "{date}");
            }
        }
    }
}

#[tokio::test]
async fn latency_delays_what_is_admitted_and_not_what_is_refused() {
    let latency = Duration::from_millis(80);
    let simulator = start(SimulatorSpec {
        latency,
        ..limited(RateLimit::new(4, Duration::from_secs(60)))
    })
    .await;
    let started = Instant::now();
    let all = (0..4).map(|_| send(&simulator, "/api/agents"));
    for response in futures_util::future::join_all(all).await {
        assert_eq!(response.expect("an answer").status(), 200);
    }
    assert!(started.elapsed() >= latency);
    let log = simulator.requests();
    assert!(
        log[3].arrived_at - log[0].arrived_at < latency,
        "they overlap"
    );
    let response = send(&simulator, "/api/agents").await.expect("an answer");
    assert_eq!(response.status(), 429);
}
