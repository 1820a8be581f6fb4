//! What the API's page says.

use chrono::Duration;
use mava_export::simulator::{
    API_KEY, Simulator, SimulatorSpec, World, WorldSpec, object_id, serve_until,
};
use serde_json::json;

use super::{RANGE, at, client, desk, get, ids, page, send, start};

async fn desk_simulator() -> Simulator {
    start(SimulatorSpec::new(desk())).await
}

#[tokio::test]
async fn a_missing_or_wrong_key_is_refused_on_every_path() {
    let simulator = desk_simulator().await;
    for path in ["/api/tickets", "/api/categories", "/api/agents", "/"] {
        for key in [None, Some("wrong"), Some("")] {
            let mut request = client().get(format!("{}{path}", simulator.base_url()));
            if let Some(key) = key {
                request = request.header("x-auth-token", key);
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), 401, "{path} {key:?}");
            let body = response.text().await.expect("a body");
            assert!(body.starts_with("{\"error\":"), "{body}");
        }
    }
}

#[tokio::test]
async fn another_path_or_method_is_not_found() {
    let simulator = desk_simulator().await;
    for path in ["/", "/api", "/api/tickets/", "/api/ticket?id=a"] {
        let (status, body) = get(&simulator, path).await;
        assert_eq!(status, 404, "{path}");
        assert!(body["error"].is_string());
    }
    let response = client()
        .post(format!("{}/api/tickets?{RANGE}", simulator.base_url()))
        .header("x-auth-token", API_KEY)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn a_wrong_parameter_is_a_400_that_names_it() {
    let simulator = desk_simulator().await;
    for (query, named) in [
        ("", "startDate"),
        ("startDate=2024-01-01", "endDate"),
        ("endDate=2024-01-01", "startDate"),
        ("startDate=yesterday&endDate=2024-01-01", "startDate"),
        ("startDate=2024-01-01&endDate=2024-02-30", "endDate"),
        ("startDate=2024-02-01&endDate=2024-02-01", "endDate"),
        ("startDate=2024-02-02&endDate=2024-02-01", "endDate"),
        ("startDate=2024-01-01&endDate=2025-01-01", "1 year"),
    ] {
        let (status, body) = get(&simulator, &format!("/api/tickets?{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(
            body["error"].as_str().expect("text").contains(named),
            "{query}: {body}"
        );
    }
    for (parameter, named) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=all", "limit"),
        ("skip=-1", "skip"),
        ("skip=x", "skip"),
        ("sortBy=updatedAt", "sortBy"),
        ("sortOrder=ASC", "sortOrder"),
        ("status=Closed", "status"),
        ("status=Open&status=closed", "status"),
        ("csatValues=0", "csatValues"),
        ("origin=fax", "origin"),
        ("includeMessages=yes", "includeMessages"),
    ] {
        let (status, body) = get(&simulator, &format!("/api/tickets?{RANGE}&{parameter}")).await;
        assert_eq!(status, 400, "{parameter}");
        assert!(
            body["error"].as_str().expect("text").contains(named),
            "{parameter}: {body}"
        );
    }
}

#[tokio::test]
async fn the_start_is_inclusive_and_the_end_exclusive_to_the_millisecond() {
    let simulator = desk_simulator().await;
    for (from, until, expected) in [
        ("2024-03-01T12:00:00.500Z", "2024-03-01T12:00:00.501Z", "a"),
        ("2024-03-01T12:00:00.501Z", "2024-03-02T12:00:00.500Z", ""),
        ("2024-03-01T12:00:00.500Z", "2024-03-02T12:00:00.500Z", "a"),
        ("2024-03-02", "2024-03-04", "bcd"),
        ("2024-03-01T14:00:00.500%2B02:00", "2024-03-02", "a"),
    ] {
        let target = format!("/api/tickets?startDate={from}&endDate={until}&sortOrder=asc");
        let (status, page) = get(&simulator, &target).await;
        assert_eq!((status, ids(&page).as_str()), (200, expected), "{target}");
    }
}

#[tokio::test]
async fn values_of_one_filter_widen_it_and_several_filters_narrow() {
    let simulator = desk_simulator().await;
    for (filters, expected) in [
        ("status=Open", "af"),
        ("status=Open&status=Resolved", "abef"),
        ("status=Pending", "c"),
        ("status=Waiting", "d"),
        ("assignedTo=g1", "bd"),
        ("assignedTo=Unassigned", "af"),
        ("assignedTo=Unassigned&assignedTo=g2", "acef"),
        ("assignedTo=nobody", ""),
        ("category=k1", "ad"),
        ("category=k1&category=k3", "adf"),
        ("tags=t1", "ae"),
        ("tags=t2&tags=t3", "abd"),
        ("csatValues=5", "b"),
        ("csatValues=1&csatValues=5", "be"),
        ("csatValues=no-rating", "acdf"),
        ("csatValues=no-rating&csatValues=1", "acdef"),
        ("origin=web", "af"),
        ("origin=telegram&origin=telegram-group", "cd"),
        ("origin=email&status=Resolved", "e"),
        ("status=Open&category=k1", "a"),
        ("status=Open&tags=t3", ""),
        ("colour=red", "abcdef"),
    ] {
        let page = page(&simulator, &format!("sortOrder=asc&{filters}")).await;
        assert_eq!(ids(&page), expected, "{filters}");
        assert_eq!(page["count"], expected.len(), "{filters}");
    }
}

#[tokio::test]
async fn every_sort_goes_both_ways_with_ties_in_world_order_and_absent_values_lowest() {
    let simulator = desk_simulator().await;
    for (sort, expected) in [
        ("", "fecdba"),
        ("sortBy=createdAt", "fecdba"),
        ("sortOrder=desc", "fecdba"),
        ("sortOrder=asc", "abcdef"),
        ("sortBy=status&sortOrder=asc", "afcbed"),
        ("sortBy=status", "dbecaf"),
        ("sortBy=priority&sortOrder=asc", "dbcafe"),
        ("sortBy=priority&sortOrder=desc", "eafcbd"),
        ("sortBy=sourceType&sortOrder=asc", "becdaf"),
        ("sortBy=sourceType", "afdceb"),
        ("sortBy=assignedTo&sortOrder=asc", "afbdce"),
        ("sortBy=assignedTo", "cebdaf"),
        ("sortBy=category&sortOrder=asc", "cadbef"),
        ("sortBy=category", "fbeadc"),
        ("sortBy=resolutionTime&sortOrder=asc", "acdfeb"),
        ("sortBy=resolutionTime", "beacdf"),
    ] {
        assert_eq!(ids(&page(&simulator, sort).await), expected, "{sort}");
    }
}

#[tokio::test]
async fn a_page_says_the_total_its_place_and_whether_more_follows() {
    let simulator = desk_simulator().await;
    for (parameters, expected, skip, limit, has_more) in [
        ("limit=2", "ab", 0, 2, true),
        ("limit=2&skip=2", "cd", 2, 2, true),
        ("limit=2&skip=4", "ef", 4, 2, false),
        ("limit=2&skip=5", "f", 5, 2, false),
        ("limit=2&skip=6", "", 6, 2, false),
        ("skip=1", "bcdef", 1, 50, false),
    ] {
        let page = page(&simulator, &format!("sortOrder=asc&{parameters}")).await;
        assert_eq!(ids(&page), expected, "{parameters}");
        assert_eq!(page["count"], 6);
        assert_eq!(
            page["pagination"],
            json!({"skip": skip, "limit": limit, "hasMore": has_more}),
            "{parameters}"
        );
    }
}

#[tokio::test]
async fn threads_come_only_when_asked_for() {
    let simulator = start(SimulatorSpec::new(World::generate(&WorldSpec::default()))).await;
    for (parameter, has_messages) in [
        ("limit=5", false),
        ("limit=5&includeMessages=false", false),
        ("limit=5&includeMessages=true", true),
    ] {
        let page = page(&simulator, parameter).await;
        for ticket in page["tickets"].as_array().expect("tickets") {
            assert_eq!(
                ticket.get("messages").is_some(),
                has_messages,
                "{parameter}"
            );
        }
    }
}

#[tokio::test]
async fn only_active_categories_and_agents_are_listed() {
    let mut world = desk();
    world.directory_mut().agents[1].is_archived = true;
    let simulator = start(SimulatorSpec::new(world)).await;
    let (_, categories) = get(&simulator, "/api/categories").await;
    assert_eq!(
        categories,
        json!([
            {"id": "k1", "name": "Kites", "isArchived": false},
            {"id": "k2", "name": "Lanterns", "isArchived": false},
        ])
    );
    let (_, agents) = get(&simulator, "/api/agents").await;
    assert_eq!(
        agents,
        json!({"agents": [
            {"id": "g1", "email": null, "username": "Gwen", "walletAddress": null},
        ]})
    );
}

#[tokio::test]
async fn answers_carry_their_date_and_type() {
    let simulator = desk_simulator().await;
    let response = send(&simulator, "/api/agents").await.expect("an answer");
    let date = response.headers()["date"].to_str().expect("text");
    assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
    assert!(
        response.headers()["content-type"]
            .to_str()
            .expect("text")
            .starts_with("application/json")
    );
}

#[tokio::test]
async fn the_world_can_change_between_two_pages() {
    let simulator = desk_simulator().await;
    assert_eq!(ids(&page(&simulator, "sortOrder=asc&limit=2").await), "ab");
    simulator.with_world(|world| world.remove("a"));
    assert_eq!(
        ids(&page(&simulator, "sortOrder=asc&limit=2&skip=2").await),
        "de"
    );
    simulator.with_world(|world| {
        world.edit("b", |ticket| ticket.status = "Open".into());
        world.insert_burst(at("2024-06-01T00:00:00Z"), 3);
    });
    assert_eq!(page(&simulator, "status=Open").await["count"], 5);
}

#[tokio::test]
async fn every_request_is_logged_in_the_order_of_arrival() {
    let simulator = desk_simulator().await;
    page(&simulator, "limit=4").await;
    get(&simulator, "/nowhere?x=1").await;
    let log = simulator.requests();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].path, "/api/tickets");
    assert_eq!(log[0].query, format!("{RANGE}&limit=4"));
    assert_eq!(
        (log[0].status, log[0].count, log[0].page_length),
        (Some(200), Some(6), Some(4))
    );
    assert_eq!((log[1].status, log[1].count), (Some(404), None));
    assert!(log[0].arrived_at <= log[1].arrived_at);
}

#[tokio::test]
async fn a_hundred_thousand_tickets_are_paged_by_their_creation() {
    let from = at("2024-01-01T00:00:00Z");
    let world = World::regular(from, Duration::minutes(5), 100_000);
    let last = world.id_at(99_999).expect("the last one");
    let simulator = start(SimulatorSpec::new(world)).await;
    let (_, page) = get(
        &simulator,
        "/api/tickets?startDate=2024-06-01&endDate=2024-12-01&sortOrder=asc&skip=50000&limit=1",
    )
    .await;
    let minutes = (at("2024-06-01T00:00:00Z") - from).num_minutes() + 250_000;
    let number = u64::try_from(minutes / 5).expect("positive");
    let created_at = from + Duration::minutes(minutes);
    assert_eq!(page["count"], 183 * 288);
    assert_eq!(ids(&page), object_id(created_at, number));
    let (_, page) = get(
        &simulator,
        "/api/tickets?startDate=2024-06-01&endDate=2024-12-31&limit=1",
    )
    .await;
    assert_eq!(ids(&page), last);
}

#[tokio::test]
async fn a_stopped_simulator_leaves_its_port_to_the_next() {
    let first = desk_simulator().await;
    let port = first
        .base_url()
        .rsplit(':')
        .next()
        .expect("a port")
        .parse()
        .expect("a number");
    let spec = SimulatorSpec {
        port,
        ..SimulatorSpec::new(desk())
    };
    assert_eq!(page(&first, "limit=1").await["count"], 6);
    let taken = Simulator::start(spec.clone()).await.expect_err("taken");
    assert!(taken.to_string().contains(&port.to_string()), "{taken}");
    first.stop().await;
    let next = start(spec).await;
    assert_eq!(page(&next, "limit=1").await["count"], 6);
}

#[tokio::test]
async fn serving_ends_with_its_shutdown() {
    let (ready, told) = tokio::sync::oneshot::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let serving = serve_until(
        SimulatorSpec::new(desk()),
        async { ended.await.expect("an end") },
        |simulator| ready.send(simulator.base_url()).expect("a listener"),
    );
    let asking = async {
        let url = format!("{}/api/agents", told.await.expect("an address"));
        let request = client().get(&url).header("x-auth-token", API_KEY);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
        end.send(()).expect("still serving");
    };
    let (served, ()) = tokio::join!(serving, asking);
    served.expect("no error");
}

#[tokio::test]
async fn a_simulator_apart_answers_while_its_owner_blocks() {
    let simulator = Simulator::start_apart(SimulatorSpec::new(desk())).expect("a free port");
    let address = simulator.base_url().replace("http://", "");
    let mut stream = std::net::TcpStream::connect(address).expect("it listens");
    let request = format!(
        "GET /api/agents HTTP/1.1\r\nhost: x\r\nx-auth-token: {API_KEY}\r\nconnection: close\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
    let answer = std::io::read_to_string(stream).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
