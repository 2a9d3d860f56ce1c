//! Patterns of listener rules: what AWS takes, and what it refuses.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it finds something wrong"
)]

use aomidori_model::kinds::ListenerRule;
use aomidori_model::kinds::listener::{Action, FixedResponse};
use aomidori_model::kinds::listener_rule::Condition;
use aomidori_model::{Ref, Stack};

fn wrong(condition: Condition) -> Vec<String> {
    let mut stack = Stack::new("shop".parse().unwrap());
    let rule = ListenerRule {
        listener: Ref::existing("listener"),
        priority: 1,
        conditions: vec![condition],
        action: Action::FixedResponse(FixedResponse { status: 404, content_type: None, body: None }),
    };
    stack.add("app/rule", rule);
    stack.validate().iter().map(ToString::to_string).collect()
}

#[test]
fn patterns_have_characters_that_aws_takes() {
    let path = |text: &str| wrong(Condition::PathPattern([text.to_owned()].into()));
    let host = |text: &str| wrong(Condition::HostHeader([text.to_owned()].into()));
    let long = "x".repeat(127);
    for legal in ["*", "/", "/a/*", "/b?", "/$x/~\"y\"/'z'&@:+", "/A-Z_0.9", "*.png", &format!("/{long}")] {
        assert_eq!(path(legal), [] as [&str; 0], "{legal}");
    }
    for legal in ["*", "example.com", "*.Example.com", "a-?.example.*", &format!(".{long}")] {
        assert_eq!(host(legal), [] as [&str; 0], "{legal}");
    }

    let refused = "E-RULE-PATTERN app/rule (condition):";
    let paths = [
        ("/b/${x}", r"`{`"),
        ("/c\\d", r"`\\`"),
        ("/a b", "` `"),
        ("/a%20b", "`%`"),
        ("/a;b", "`;`"),
        ("^/[a-z]+$", "`^`"),
        ("/für", "`ü`"),
        ("/a\n", r"`\n`"),
    ];
    for (text, bad) in paths {
        let why = format!(
            "{refused} `{text}` is not a path pattern: {bad} is not allowed, only letters, digits and `_-.$/~\"'@:+&`, \
             and the wildcards `*` and `?`"
        );
        assert_eq!(path(text), [why]);
    }
    for (text, bad) in [("example.com:80", ":"), ("a_b.example.com", "_"), ("https://example.com", ":"), ("é.com", "é")]
    {
        let why = format!(
            "{refused} `{text}` is not a host pattern: `{bad}` is not allowed, only letters, digits, `-` and `.`, and the \
             wildcards `*` and `?`"
        );
        assert_eq!(host(text), [why]);
    }
    assert_eq!(host("localhost"), [format!("{refused} `localhost` is not a host pattern: it needs a `.`")]);
    let ends = |told: Vec<String>, with: &str| assert!(told.len() == 1 && told[0].ends_with(with), "{told:?}");
    ends(path(""), "it has 0 characters, and AWS takes 1 to 128");
    ends(path(&format!("//{long}")), "it has 129 characters, and AWS takes 1 to 128");
    ends(host(&format!("..{long}")), "it has 129 characters, and AWS takes 1 to 128");

    // Each that is wrong, not the first.
    let several = Condition::PathPattern(["/{a}", "/b", "/{c}"].map(str::to_owned).into());
    assert_eq!(wrong(several).len(), 2);
}
