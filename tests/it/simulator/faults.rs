//! Each fault, seen from a client.

use std::time::Duration;

use mava_export::simulator::{
    API_KEY, Fault, Faults, RequestInfo, RetryAfter, Simulator, SimulatorSpec, World, WorldSpec,
};
use serde_json::{Value, json};

use super::{RANGE, client, desk, get, ids, page, send, start};

/// The answer to a page of tickets with this fault, and to the same request after it.
async fn faulty(fault: Fault) -> (Simulator, reqwest::Result<reqwest::Response>) {
    let simulator = start(SimulatorSpec::new(desk())).await;
    simulator.set_hook(Faults::at(1, fault));
    let answer = send(&simulator, &format!("/api/tickets?{RANGE}&limit=2")).await;
    assert_eq!(
        ids(&page(&simulator, "limit=2").await),
        "fe",
        "the next one is right"
    );
    (simulator, answer)
}

async fn faulty_page(fault: Fault) -> Value {
    let (_simulator, answer) = faulty(fault).await;
    let text = answer.expect("an answer").text().await.expect("a body");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn a_status_comes_with_a_json_error() {
    for status in [400, 403, 500, 502, 503] {
        let (simulator, answer) = faulty(Fault::Status(status)).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status().as_u16(), status);
        assert!(
            answer
                .text()
                .await
                .expect("a body")
                .starts_with("{\"error\":")
        );
        assert_eq!(simulator.requests()[0].status, Some(status));
        assert_eq!(simulator.requests()[0].fault, Some("status"));
    }
    let (_simulator, answer) = faulty(Fault::Unauthorized).await;
    assert_eq!(answer.expect("an answer").status(), 401);
}

#[tokio::test]
async fn a_429_says_when_to_come_back_as_asked() {
    for (retry_after, expected) in [
        (RetryAfter::None, None),
        (RetryAfter::Seconds(7), Some(Some(7))),
        (RetryAfter::Date(9), Some(None)),
    ] {
        let (simulator, answer) = faulty(Fault::TooMany(retry_after)).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 429);
        assert_eq!(simulator.count_429(), 1);
        let header = answer.headers().get("retry-after");
        let seconds = header.map(|value| value.to_str().expect("text").parse::<u64>().ok());
        assert_eq!(seconds, expected);
    }
}

#[tokio::test]
async fn a_redirect_names_its_location() {
    let (_simulator, answer) = faulty(Fault::Redirect("https://login.test/".into())).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "https://login.test/");
}

#[tokio::test]
async fn a_reset_connection_gives_no_answer() {
    let simulator = start(SimulatorSpec::new(desk())).await;
    simulator.set_hook(Faults::always(|_| Fault::ResetBeforeHeaders));
    let error = send(&simulator, "/api/agents")
        .await
        .expect_err("no answer");
    assert!(error.is_request(), "{error:?}");
    let log = simulator.requests();
    assert!(log.iter().all(|request| request.status.is_none()));
}

#[tokio::test]
async fn a_cut_body_has_headers_and_breaks_off() {
    let (_simulator, answer) = faulty(Fault::CutBody).await;
    let mut answer = answer.expect("headers");
    assert_eq!(answer.status(), 200);
    let length = usize::try_from(answer.content_length().expect("a length")).expect("small");
    let mut read = 0;
    let error = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => panic!("the body ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(read, length / 2);
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[tokio::test]
async fn a_large_body_is_cut_too() {
    let simulator = start(SimulatorSpec::new(World::generate(&WorldSpec::default()))).await;
    simulator.set_hook(Faults::always(|_| Fault::CutBody));
    let target = format!("/api/tickets?{RANGE}&limit=100&includeMessages=true");
    let answer = send(&simulator, &target).await.expect("headers");
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn broken_json_and_html_come_as_whole_answers() {
    let (_simulator, answer) = faulty(Fault::InvalidJson).await;
    let text = answer
        .expect("an answer")
        .text()
        .await
        .expect("a whole body");
    assert!(text.starts_with("{\"count\":6") && serde_json::from_str::<Value>(&text).is_err());
    let (_simulator, answer) = faulty(Fault::HtmlWith200).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/html");
}

#[tokio::test]
async fn a_hanging_answer_lasts_until_the_client_goes() {
    for (fault, has_headers) in [(Fault::NeverAnswers, false), (Fault::HangMidBody, true)] {
        let simulator = start(SimulatorSpec::new(desk())).await;
        simulator.set_hook(Faults::at(1, fault));
        let answer = client()
            .get(format!("{}/api/tickets?{RANGE}", simulator.base_url()))
            .header("x-auth-token", API_KEY)
            .timeout(Duration::from_millis(60))
            .send()
            .await;
        assert_eq!(answer.is_ok(), has_headers);
        if let Ok(answer) = answer {
            assert!(answer.bytes().await.expect_err("half a body").is_timeout());
        }
        assert_eq!(ids(&page(&simulator, "limit=1").await), "f");
    }
}

#[tokio::test]
async fn a_delay_gives_the_right_answer_late() {
    let started = std::time::Instant::now();
    let page = faulty_page(Fault::Delay(Duration::from_millis(50))).await;
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(ids(&page), "fe");
}

#[tokio::test]
async fn a_page_can_lie_about_itself() {
    assert_eq!(faulty_page(Fault::CountLies(-4)).await["count"], 2);
    assert_eq!(faulty_page(Fault::CountLies(10)).await["count"], 16);
    assert_eq!(faulty_page(Fault::OmitCount).await.get("count"), None);
    let pagination = &faulty_page(Fault::HasMoreLies).await["pagination"];
    assert_eq!(pagination["hasMore"], false);
    let pagination = &faulty_page(Fault::OmitHasMore).await["pagination"];
    assert_eq!(pagination.get("hasMore"), None);
}

#[tokio::test]
async fn an_answer_can_lack_its_date() {
    let (_simulator, answer) = faulty(Fault::MissingDateHeader).await;
    assert_eq!(answer.expect("an answer").headers().get("date"), None);
}

#[tokio::test]
async fn a_page_can_be_poisoned_as_json_and_as_text() {
    let poisoned = faulty_page(Fault::edit_tickets(|ticket| {
        ticket["createdAt"] = Value::Null;
        ticket["customer"] = json!("somebody");
        ticket["priority"] = json!("high");
        ticket.as_object_mut().expect("a ticket").remove("id");
    }))
    .await;
    for ticket in poisoned["tickets"].as_array().expect("tickets") {
        assert_eq!(ticket.get("id"), None);
        assert_eq!(ticket["createdAt"], Value::Null);
        assert_eq!(ticket["customer"], "somebody");
        assert_eq!(ticket["priority"], "high");
    }
    let (_simulator, answer) = faulty(Fault::edit_text(|text| {
        text.replacen("\"Open\"", "\"Op\\ud800en\"", 1)
    }))
    .await;
    let text = answer.expect("an answer").text().await.expect("a body");
    assert!(text.contains("\"Op\\ud800en\""), "{text}");
}

#[tokio::test]
async fn a_hook_can_change_the_world_between_two_pages() {
    let simulator = start(SimulatorSpec::new(desk())).await;
    simulator.set_hook(Faults::none_but(|request, world| {
        if request.number == 2 {
            assert!(request.is_for_tickets());
            assert_eq!(request.parameter("skip"), Some("2"));
            world.remove("a");
        }
    }));
    assert_eq!(
        ids(&page(&simulator, "sortOrder=asc&limit=2&skip=0").await),
        "ab"
    );
    assert_eq!(
        ids(&page(&simulator, "sortOrder=asc&limit=2&skip=2").await),
        "de"
    );
    assert_eq!(simulator.world().len(), 5);
}

#[tokio::test]
async fn a_retry_gets_through_random_faults() {
    let simulator = start(SimulatorSpec::new(desk())).await;
    simulator.set_hook(Faults::random(3, 0.5));
    let mut right = 0;
    for _ in 0..40 {
        if let Ok(answer) = send(&simulator, "/api/agents").await
            && answer.status() == 200
            && let Ok(text) = answer.text().await
            && serde_json::from_str::<Value>(&text).is_ok()
        {
            right += 1;
        }
    }
    assert!((10..=34).contains(&right), "{right}");
    simulator.clear_hook();
    assert_eq!(get(&simulator, "/api/agents").await.0, 200);
}

#[tokio::test]
async fn an_empty_answer_looks_like_a_desk_without_anything() {
    let page = faulty_page(Fault::Empty).await;
    assert_eq!(
        page,
        json!({
            "count": 0, "tickets": [], "pagination": {"skip": 0, "limit": 2, "hasMore": false},
        })
    );
    let simulator = start(SimulatorSpec::new(desk())).await;
    simulator.set_hook(Faults::always(|_| Fault::Empty));
    assert_eq!(get(&simulator, "/api/categories").await.1, json!([]));
    let agents = get(&simulator, "/api/agents").await.1;
    assert_eq!(agents, json!({"agents": []}));
    // What the API refuses is refused all the same.
    assert_eq!(get(&simulator, "/api/tickets?limit=0").await.0, 400);
}

#[tokio::test]
async fn a_request_can_get_the_answer_to_another() {
    let simulator = start(SimulatorSpec::new(desk())).await;
    let three = ids(&page(&simulator, "limit=3").await);
    simulator.clear_requests();
    let mut earlier: Option<RequestInfo> = None;
    simulator.set_hook(Box::new(move |request, _| {
        let earlier = earlier.replace(request.clone())?;
        Some(Fault::AnswerTo(Box::new(earlier)))
    }));
    assert_eq!(ids(&page(&simulator, "limit=1").await), "f");
    assert_eq!(ids(&page(&simulator, "limit=3").await), "f");
    assert_eq!(ids(&page(&simulator, "limit=2").await), three);
    let log = simulator.requests();
    assert!(log[2].query.contains("limit=2"), "{log:?}");
    let fault = Some("answer-to-another");
    assert_eq!((log[2].page_length, log[2].fault), (Some(3), fault));
}

#[tokio::test]
async fn requests_over_one_connection_are_told_from_those_over_another() {
    let simulator = start(SimulatorSpec::new(desk())).await;
    let (told, heard) = std::sync::mpsc::channel();
    simulator.set_hook(Box::new(move |request, _| {
        told.send(request.connection).expect("somebody listens");
        None
    }));
    for _ in 0..2 {
        get(&simulator, "/api/agents").await;
    }
    let other = reqwest::Client::builder().no_proxy().build();
    let url = format!("{}/api/agents", simulator.base_url());
    let request = other.expect("a client").get(url);
    let answer = request.header("x-auth-token", API_KEY).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    let connections: Vec<u64> = heard.try_iter().collect();
    assert_eq!(connections, [1, 1, 2]);
    let log = simulator.requests();
    assert!(log.iter().map(|one| one.connection).eq(connections));
}

#[tokio::test]
async fn a_dropped_simulator_takes_its_connections_with_it() {
    let simulator = start(SimulatorSpec::new(desk())).await;
    simulator.set_hook(Faults::always(|_| Fault::NeverAnswers));
    let url = format!("{}/api/agents", simulator.base_url());
    let request = client().get(&url).header("x-auth-token", API_KEY);
    let stop = async move {
        while simulator.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = tokio::join!(request.send(), stop);
    assert!(answer.is_err());
    assert!(
        client()
            .get(&url)
            .send()
            .await
            .expect_err("closed")
            .is_connect()
    );
}
