//! Texts for files that ecspresso reads as Go templates before it reads them as JSON or YAML.
//!
//! Only `{{` begins an action there. It is written as an action that yields it, with a raw string, so that the file is good
//! JSON or YAML before and after.

/// A text with actions in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Action(String),
}

impl Template {
    /// A text that stays as it is.
    pub(crate) fn literal(text: impl Into<String>) -> Template {
        Template { parts: vec![Part::Literal(text.into())] }
    }

    /// A function of ecspresso with one argument, which must not hold a backtick, a quote or a backslash.
    pub(crate) fn call(function: &str, argument: &str) -> Template {
        Template { parts: vec![Part::Action(format!("{{{{ {function} `{argument}` }}}}"))] }
    }

    /// This one, and another behind it.
    #[must_use]
    pub(crate) fn then(mut self, other: Template) -> Template {
        for part in other.parts {
            match (self.parts.last_mut(), part) {
                // Two halves of a `{{` must not meet unseen.
                (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
                (_, part) => self.parts.push(part),
            }
        }
        self
    }

    /// As it is written.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (n, part) in self.parts.iter().enumerate() {
            match part {
                Part::Action(action) => text.push_str(action),
                Part::Literal(literal) => {
                    let before_action = matches!(self.parts.get(n + 1), Some(Part::Action(_)));
                    text.push_str(&escape_before(literal, before_action));
                }
            }
        }
        text
    }
}

/// A text as a template that yields it.
pub(crate) fn escape(text: &str) -> String {
    text.replace("{{", "{{`{{`}}")
}

/// The same where an action follows: an odd `{` at the end must not join the action's own.
fn escape_before(text: &str, action: bool) -> String {
    let braces = text.len() - text.trim_end_matches('{').len();
    match text.strip_suffix('{') {
        Some(rest) if action && braces % 2 == 1 => format!("{}{{{{`{{`}}}}", escape(rest)),
        _ => escape(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_do_not_begin_actions() {
        assert_eq!(Template::literal("a{{b}}").text(), "a{{`{{`}}b}}");
        assert_eq!(Template::literal("{{{").text(), "{{`{{`}}{");
        assert_eq!(Template::literal("{").then(Template::literal("{ env")).text(), "{{`{{`}} env");
        assert_eq!(Template::literal("x{").then(Template::call("must_env", "A")).text(), "x{{`{`}}{{ must_env `A` }}");
        assert_eq!(Template::literal("{{").then(Template::call("must_env", "A")).text(), "{{`{{`}}{{ must_env `A` }}");
        assert_eq!(
            Template::literal("{{{").then(Template::call("must_env", "A")).text(),
            "{{`{{`}}{{`{`}}{{ must_env `A` }}"
        );
    }
}
