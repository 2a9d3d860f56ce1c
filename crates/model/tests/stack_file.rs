//! Stack files that are none: what is said of them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use std::error::Error as _;

use aomidori_model::Stack;
use aomidori_model::stack::ReadError;

const VPC: &str = r#"{ "address": "network/vpc", "kind": "vpc", "spec": { "cidr": "10.0.0.0/16" } }"#;

/// All that is wrong with a file.
fn told(text: &[u8]) -> Vec<String> {
    match Stack::from_json_bytes(text) {
        Ok(_) => vec![],
        Err(ReadError::Syntax(why)) => vec![why.to_string()],
        Err(ReadError::Problems(problems)) => problems.iter().map(ToString::to_string).collect(),
        Err(other @ (ReadError::Format | ReadError::Version { .. })) => {
            assert!(other.source().is_none());
            vec![other.to_string()]
        }
    }
}

/// A file whose members from the fourth line on are these.
fn file(members: &str) -> String {
    format!("{{\n \"format\": \"aomidori-stack\",\n \"version\": 1,\n{members}\n}}\n")
}

/// A file with two resources, of which the second is on the seventh line.
fn second(resource: &str) -> String {
    file(&format!(" \"name\": \"shop\",\n \"resources\": [\n  {VPC},\n  {resource}\n ]"))
}

#[test]
fn what_is_wrong_with_the_file_is_told_with_its_place() {
    let name = r#""name": "shop""#;
    let table = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("[]", "this is not a stack file: its `format` is not `aomidori-stack`"),
        (r#"{"name": "x"}"#, "this is not a stack file: its `format` is not `aomidori-stack`"),
        (r#"{"format": 1}"#, "this is not a stack file: its `format` is not `aomidori-stack`"),
        (r#"{"format": "aomidori-stack"}"#, "missing field `version`"),
        (
            r#"{"format": "aomidori-stack", "version": 2, "later": []}"#,
            "the stack file is of version 2, and this program reads version 1",
        ),
        (
            "{\"format\": \"aomidori-stack\",\n \"version\": \"1\"}",
            "`version`: it is \"1\", and the number 1 is wanted at line 2 column 13",
        ),
        (
            r#"{"format": "aomidori-stack", "version": null}"#,
            "`version`: it is null, and the number 1 is wanted at line 1 column 41",
        ),
        (
            r#"{"format": "aomidori-stack", "version": 1, "version": 2}"#,
            "`version`: the key `version` is there twice at line 1 column 55",
        ),
        (
            &file(r#" "name": "a", "name": "b", "resources": []"#),
            "`name`: the key `name` is there twice at line 4 column 23",
        ),
        (
            &file(&format!(" {name}, \"resources\": [],\n \"resources\": []")),
            "`resources`: the key `resources` is there twice at line 5 column 15",
        ),
        (&file(r#" "resources": []"#), "missing field `name`"),
        (&file(&format!(" {name}")), "missing field `resources`"),
        (
            &file(r#" "name": "Shop", "resources": []"#),
            "`name`: `Shop` is not a stack name: `S` is not allowed, only lower-case letters, digits and `-` at line 4 column 10",
        ),
        (
            &file(&format!(" {name}, \"resources\": [], \"color\": 1")),
            "`color`: unknown field, expected one of `format`, `version`, `name`, `tags`, `accepted`, `resources` at line 4 column 44",
        ),
        (
            &file(&format!(" {name}, \"resources\": {{}}")),
            "`resources`: invalid type: map, expected a sequence at line 4 column 31",
        ),
        (
            &file(&format!(" {name}, \"resources\": [], \"tags\": {{\n  \"a\": \"b\",\n  \"c\": 1 }}")),
            "`tags.c`: invalid type: integer `1`, expected a string at line 6 column 8",
        ),
        (
            &file(&format!(" {name}, \"resources\": [], \"tags\": {{\n  \"a\": \"b\",\n  \"a\": \"c\" }}")),
            "`tags`: the key `a` is there twice at line 6 column 5",
        ),
        (&file(&format!(" {name}, \"resources\": [")), "expected value at line 5 column 1"),
    ];
    for (text, why) in table {
        assert_eq!(told(text.as_bytes()), [why], "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_resource_is_told_with_its_number_address_and_place() {
    let table: [(&str, &[&str]); 19] = [
        (
            r#"{ "address": "network/other", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" }, "tags": { "a": "b" } }"#,
            &[],
        ),
        ("[]", &["E-RESOURCE: invalid type: sequence, expected an object (`resources[1]`, line 7 column 3)"]),
        (
            r#"{ "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" } }"#,
            &["E-ADDRESS: it has no `address` (`resources[1]`, line 7 column 3)"],
        ),
        (
            r#"{ "address": 7, "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" } }"#,
            &["E-ADDRESS: invalid type: integer `7`, expected a string (`resources[1]`, line 7 column 16)"],
        ),
        (
            r#"{ "address": "vpc", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" } }"#,
            &["E-ADDRESS: `vpc` is not an address: it needs two to six segments, such as `network/vpc` \
               (`resources[1]`, line 7 column 16)"],
        ),
        (r#"{ "address": "a/b", "spec": {} }"#, &["E-KIND a/b: it has no `kind` (`resources[1]`, line 7 column 3)"]),
        (r#"{ "address": "a/b", "kind": "vpc" }"#, &["E-SPEC a/b: it has no `spec` (`resources[1]`, line 7 column 3)"]),
        (
            r#"{ "address": "a/b", "kind": "vcp", "spec": {} }"#,
            &["E-KIND a/b (kind): `vcp` is not a kind of resource (`resources[1]`, line 7 column 31)"],
        ),
        (
            r#"{ "address": "a/b", "kind": [], "spec": {} }"#,
            &["E-KIND a/b (kind): invalid type: sequence, expected a string (`resources[1]`, line 7 column 31)"],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "spec": {
                  "cidr": "10.1.0.0/8" } }"#,
            &["E-SPEC a/b (cidr): `10.1.0.0/8` has host bits set; the network is `10.0.0.0/8` \
               (`resources[1]`, line 8 column 40)"],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "spec": [] }"#,
            &["E-SPEC a/b: invalid length 0, expected struct Vpc with 3 elements (`resources[1]`, line 7 column 47)"],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "spec": { "cidr": 1e400 } }"#,
            &["E-SPEC a/b (cidr): number out of range (`resources[1]`, line 7 column 60)"],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" }, "tags": { "a": 1 } }"#,
            &[
                "E-RESOURCE a/b (tags.a): invalid type: integer `1`, expected a string (`resources[1]`, line 7 column 88)",
            ],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" }, "depends_on": ["a/c", "c"] }"#,
            &["E-RESOURCE a/b (depends_on[1]): `c` is not an address: it needs two to six segments, such as \
               `network/vpc` (`resources[1]`, line 7 column 98)"],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" }, "colour": 1 }"#,
            &["E-RESOURCE a/b (colour): unknown field `colour`, expected one of `address`, `kind`, `spec`, `tags`, \
               `depends_on` (`resources[1]`, line 7 column 83)"],
        ),
        (
            r#"{ "address": "a/b", "kind": "vpc", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" } }"#,
            &["E-KEY-TWICE a/b: the key `kind` is there twice (`resources[1]`, line 7 column 46)"],
        ),
        // Deep inside a specification, and in tags, where the last one would win.
        (
            r#"{ "address": "a/b", "kind": "ecr_repository", "spec": { "name": "a", "lifecycle": { "rules": [
                  { "priority": 1, "priority": 2 }
               ] } }, "tags": { "x": "1", "x": "2" } }"#,
            &[
                "E-KEY-TWICE a/b (tags): the key `x` is there twice (`resources[1]`, line 9 column 45)",
                "E-KEY-TWICE a/b (lifecycle.rules[0]): the key `priority` is there twice (`resources[1]`, line 8 column 45)",
            ],
        ),
        (
            r#"{ "address": "network/vpc", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" } }"#,
            &["E-ADDRESS-TAKEN network/vpc: two resources have this address (`resources[1]`, line 7 column 3)"],
        ),
        // Not the first mistake only.
        (
            r#"{ "address": "A/b", "kind": "vpc", "spec": { "cidr": 1 }, "tags": [] }"#,
            &[
                "E-ADDRESS: `A/b` is not an address: a segment starts with a lower-case letter or digit and holds only \
                 those, `-`, `_` and `.` (`resources[1]`, line 7 column 16)",
                "E-RESOURCE (tags): invalid type: sequence, expected a map (`resources[1]`, line 7 column 69)",
                "E-SPEC (cidr): invalid type: integer `1`, expected a string (`resources[1]`, line 7 column 56)",
            ],
        ),
    ];
    for (resource, why) in table {
        assert_eq!(told(second(resource).as_bytes()), why, "{resource}");
    }
    let deep = second(&format!("{}{}", "[".repeat(1000), "]".repeat(1000)));
    assert_eq!(told(deep.as_bytes()).len(), 1);
    let deep = format!(r#"{{ "address": "a/b", "kind": "vpc", "spec": {}1{} }}"#, "[".repeat(1000), "]".repeat(1000));
    let told = told(second(&deep).as_bytes());
    assert!(told.len() == 1 && told[0].contains("recursion limit exceeded (`resources[1]`, line 7"), "{told:?}");
}

#[test]
fn a_file_is_utf_8_with_or_without_a_mark() {
    let text = second(r#"{ "address": "a/b", "kind": "vpc", "spec": { "cidr": "10.1.0.0/16" } }"#);
    assert_eq!(told(format!("\u{feff}{text}").as_bytes()), [] as [&str; 0]);
    // The mark moves nothing.
    assert_eq!(told("\u{feff}once".as_bytes()), told(b"once"));

    let units = |mark: &str| format!("{mark}{text}").encode_utf16().collect::<Vec<u16>>();
    let little = |mark: &str| units(mark).into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = |mark: &str| units(mark).into_iter().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    for bytes in [little("\u{feff}"), big("\u{feff}")] {
        assert_eq!(told(&bytes), ["it is UTF-16, not UTF-8; save the file as UTF-8"]);
        let lossy = String::from_utf8_lossy(&bytes);
        assert_eq!(told(lossy.as_bytes()), ["it is UTF-16 or UTF-32, not UTF-8; save the file as UTF-8"]);
    }
    for bytes in [little(""), big("")] {
        assert_eq!(told(&bytes), ["it is UTF-16 or UTF-32, not UTF-8; save the file as UTF-8"]);
    }
    assert_eq!(told(b"{ \"caf\xe9\""), ["it is not UTF-8 from byte 7 on; save the file as UTF-8"]);
}
