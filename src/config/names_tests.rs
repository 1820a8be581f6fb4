use super::*;

fn section(text: &str) -> Result<Names> {
    let table: toml::Table = toml::from_str(text).expect("TOML");
    read("c.toml: names", Value::Table(table))
}

fn refusal(text: &str) -> String {
    let error = section(text).expect_err("refused");
    assert_eq!(error.kind(), crate::error::ErrorKind::Usage, "{text}");
    format!("{error} ({})", error.help_text().unwrap_or_default())
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = pairs.iter();
    let owned = owned.map(|(id, name)| ((*id).to_owned(), (*name).to_owned()));
    owned.collect()
}

#[test]
fn names_are_given_by_id() {
    let names = section("tags = { 65f0 = \" refund \" }\n[attributes]\n\"65f1 x\" = \"plan\"");
    let names = names.expect("names");
    assert_eq!(names.tags, pairs(&[("65f0", "refund")]));
    assert_eq!(names.attributes, pairs(&[("65f1 x", "plan")]));
    assert_eq!(section("").expect("names"), Names::default());
}

#[test]
fn of_several_files_the_nearest_says_what_an_id_is_called() {
    let near = section("[tags]\na = \"near\"\nb = \"b\"").expect("names");
    let far = section("[tags]\na = \"far\"\nc = \"c\"\n[attributes]\nd = \"d\"").expect("names");
    let both = merged(near, far);
    assert_eq!(both.tags, pairs(&[("a", "near"), ("b", "b"), ("c", "c")]));
    assert_eq!(both.attributes, pairs(&[("d", "d")]));
}

#[test]
fn other_names_have_another_fingerprint_and_no_names_have_none() {
    let print = |text: &str| section(text).expect("names").fingerprint();
    assert_eq!(print(""), "");
    assert_eq!(print("[tags]"), "");
    let one = print("[tags]\na = \"b\"");
    assert_eq!(one, print("tags = { a = \" b\" }"));
    for other in [
        "[attributes]\na = \"b\"",
        "[tags]\na = \"c\"",
        "[tags]\na = \"b\"\nc = \"d\"",
        "[tags]\n'a\":\"b\",\"c' = \"d\"",
    ] {
        assert_ne!(one, print(other), "{other}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_way_out() {
    for (text, words) in [
        (
            "tag = {}",
            "c.toml: names.tag: unknown key (did you mean tags?)",
        ),
        (
            "colours = {}",
            "unknown key (write one of tags, attributes)",
        ),
        (
            "tags = [\"refund\"]",
            "c.toml: names.tags: not a section (write [names.…] on a line of its own",
        ),
        (
            "[tags]\n65f0 = \"\"",
            "c.toml: names.tags.\"65f0\": the name is empty (write a name between the quotes, or take the line out)",
        ),
        ("[tags]\n65f0 = \" \"", "the name is empty"),
        (
            "[attributes]\n\"\" = \"plan\"",
            "c.toml: names.attributes.\"\": the id is empty (write the id as the API gives it",
        ),
        (
            "[attributes]\n65f0 = 7",
            "c.toml: names.attributes.\"65f0\": not a text (write [names.…]",
        ),
    ] {
        let said = refusal(text);
        assert!(said.contains(words), "{text}\n{said}\n{words}");
    }
    let error = read("c.toml: names", Value::Boolean(true)).expect_err("refused");
    assert_eq!(error.to_string(), "c.toml: names: not a section");
}
