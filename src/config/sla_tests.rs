use super::*;

fn policies(text: &str) -> Result<Vec<Policy>> {
    let mut table: Table = toml::from_str(text).expect("TOML");
    read("c.toml: sla", table.remove("sla").expect("policies"))
}

#[test]
fn policies_are_read_in_the_order_of_their_names() {
    let text = "[[sla]]\nname = \" replies \"\nmetric = \"first_reply\"\nwithin = \"1h 30m\"\npriority = [4, 3, 4]\n\
        [[sla]]\nname = \"closing\"\nmetric = \"resolution\"\nwithin = \"2d\"\npriority = 1\ncategory = [\"65f0\"]";
    let read = policies(text).expect("policies");
    assert_eq!(
        read,
        [
            Policy {
                name: "closing".to_owned(),
                metric: SlaMetric::Resolution,
                within_ms: 48 * 3_600_000,
                priority: vec![1],
                category: vec!["65f0".to_owned()],
            },
            Policy {
                name: "replies".to_owned(),
                metric: SlaMetric::FirstReply,
                within_ms: 90 * 60_000,
                priority: vec![3, 4],
                category: Vec::new(),
            },
        ]
    );
    assert_eq!(policies("sla = []").expect("none"), []);
}

#[test]
fn what_is_wrong_is_told_with_its_policy_and_the_way_out() {
    const WHOLE: &str = "[[sla]]\nname = \"x\"\nmetric = \"resolution\"\nwithin = \"4h\"\n";
    for (text, words) in [
        (
            "sla = 1",
            "c.toml: sla: not a list of policies (write [[sla]]",
        ),
        (
            "[sla]\nname = \"x\"",
            "c.toml: sla: not a list of policies (write [[sla]]",
        ),
        ("sla = [1]", "c.toml: sla 1: not a policy"),
        ("[[sla]]", "c.toml: sla 1: name is missing (write name = "),
        (
            "[[sla]]\nname = \" \"",
            "c.toml: sla 1.name: not a name (write a text",
        ),
        (
            "[[sla]]\nname = \"x\"",
            "c.toml: sla 1: metric is missing (write metric = \"first_reply\")",
        ),
        (
            "[[sla]]\nname = \"x\"\nmetric = \"first-replies\"\nwithin = \"4h\"",
            "sla 1 (\"x\").metric: unknown metric (did you mean first_reply?)",
        ),
        (
            "[[sla]]\nname = \"x\"\nmetric = \"resolution\"",
            "within is missing",
        ),
        (
            "[[sla]]\nname = \"x\"\nmetric = \"resolution\"\nwithin = 4",
            "sla 1 (\"x\").within: no time that can be promised (write business time with its unit",
        ),
        (
            "[[sla]]\nname = \"x\"\nmetric = \"resolution\"\nwithin = \"0s\"",
            "no time that can be promised",
        ),
        (
            "[[sla]]\nname = \"x\"\nmetric = \"resolution\"\nwithin = \"90years\"",
            "no time that can be promised",
        ),
        (
            &format!("{WHOLE}priority = [0]"),
            "sla 1 (\"x\").priority: no priority (write numbers from 1",
        ),
        (&format!("{WHOLE}priority = \"high\""), "no priority"),
        (
            &format!("{WHOLE}priority = []"),
            "priority: the list is empty (leave the line out",
        ),
        (
            &format!("{WHOLE}category = [7]"),
            "category: no id of a category",
        ),
        (
            &format!("{WHOLE}priorities = [1]"),
            "c.toml: sla 1.priorities: unknown key (did you mean priority?)",
        ),
        (
            &format!("{WHOLE}{WHOLE}"),
            "c.toml: sla 2: there is another policy \"x\" (give each policy a name",
        ),
    ] {
        let error = policies(text).expect_err("refused");
        assert_eq!(error.kind(), crate::error::ErrorKind::Usage, "{text}");
        let said = format!("{error} ({})", error.help_text().unwrap_or_default());
        assert!(said.contains(words), "{text}\n{said}\n{words}");
    }
}
