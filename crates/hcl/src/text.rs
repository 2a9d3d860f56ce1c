//! Text of HCL: quoting that nothing can break out of, and `terraform fmt`'s way of lining up `=`.

/// A text as a quoted literal.
pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// A text as it stands inside quotes: no character of it ends the literal or begins an interpolation.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '$' | '%' => {
                let run = rest.chars().take_while(|other| *other == c).count();
                let opens = rest[run..].starts_with('{');
                // `$${` is a literal `${`; a longer run would be read as that escape one character too early.
                let plain = if opens { run - 1 } else { run };
                for _ in 0..plain {
                    if opens {
                        out.push_str(&format!("${{\"{c}\"}}"));
                    } else {
                        out.push(c);
                    }
                }
                if opens {
                    out.extend([c, c]);
                }
                rest = &rest[run..];
                continue;
            }
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // What is not seen, or turns around what is: nobody reads something else than Terraform does.
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') =>
            {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// What stands inside quotes, put together: a `$` that ends one part does not make a literal of the next one's `${`.
pub(crate) fn joined(parts: &[String]) -> String {
    let mut out = String::new();
    for part in parts {
        if part.starts_with("${") && out.ends_with('$') {
            let run = out.chars().rev().take_while(|c| *c == '$').count();
            out.truncate(out.len() - run);
            out.extend(std::iter::repeat_n("${\"$\"}", run));
        }
        out.push_str(part);
    }
    out
}

/// An identifier made of any text, in snake case: `private-a` is `private_a`. One that begins with a digit gets a `_`
/// before it.
pub(crate) fn snake(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_");
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("_{name}") }
}

/// The key of an object: bare if it can be.
pub(crate) fn key(text: &str) -> String {
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !matches!(text, "null" | "true" | "false" | "for" | "if" | "in");
    if bare { text.to_owned() } else { quote(text) }
}

/// Lines up the `=` of neighbouring lines as `terraform fmt` does, and ends the text with one newline.
pub(crate) fn align(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    let split: Vec<Option<usize>> = lines.iter().map(|line| assignment(line)).collect();
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut at = 0;
    while at < lines.len() {
        let Some(_) = split[at] else {
            out.push_str(lines[at]);
            out.push('\n');
            at += 1;
            continue;
        };
        let chain = split[at..].iter().take_while(|split| split.is_some()).count();
        let parts: Vec<(&str, &str)> = (at..at + chain)
            .filter_map(|n| split[n].map(|equals| (lines[n][..equals].trim_end(), &lines[n][equals..])))
            .collect();
        let width = parts.iter().map(|(lead, _)| lead.chars().count()).max().unwrap_or_default();
        for (lead, assign) in parts {
            out.push_str(lead);
            out.extend(std::iter::repeat_n(' ', width - lead.chars().count() + 1));
            out.push_str(assign);
            out.push('\n');
        }
        at += chain;
    }
    out
}

/// Where the `=` of an assignment stands whose value ends on the same line.
fn assignment(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    if line.trim_start().starts_with('#') || line.trim_start().starts_with('=') {
        return None;
    }
    let mut found = None;
    let mut depth = 0i32;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = end_of_quote(bytes, at);
                continue;
            }
            b'=' if found.is_none() => {
                let before = at.checked_sub(1).map(|n| bytes[n]);
                let after = bytes.get(at + 1);
                if matches!(after, Some(b'=' | b'>')) {
                    at += 2;
                    continue;
                }
                if !matches!(before, Some(b'!' | b'<' | b'>')) {
                    found = Some(at);
                }
            }
            b'(' | b'[' | b'{' if found.is_some() => depth += 1,
            b')' | b']' | b'}' if found.is_some() => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    found.filter(|_| depth == 0)
}

/// The byte after the quote that ends the literal which starts at `start`, interpolations included.
fn end_of_quote(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'$' | b'%' if bytes.get(at + 1) == Some(&bytes[at]) && bytes.get(at + 2) == Some(&b'{') => at += 3,
            b'$' | b'%' if bytes.get(at + 1) == Some(&b'{') => {
                let mut depth = 1;
                at += 2;
                while at < bytes.len() && depth > 0 {
                    match bytes[at] {
                        b'"' => {
                            at = end_of_quote(bytes, at);
                            continue;
                        }
                        b'{' => depth += 1,
                        b'}' => depth -= 1,
                        _ => {}
                    }
                    at += 1;
                }
            }
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What HCL reads where we wrote `text`, asked of a parser that we did not write.
    fn read(text: &str) -> Result<String, String> {
        evaluated(&quote(text))
    }

    /// What an expression is, where `word` is `w`.
    fn evaluated(expression: &str) -> Result<String, String> {
        use hcl::eval::Evaluate;
        let body: hcl::Body = hcl::parse(&format!("a = {expression}\n")).map_err(|error| error.to_string())?;
        let mut context = hcl::eval::Context::new();
        context.declare_var("word", "w");
        let body = body.evaluate(&context).map_err(|error| error.to_string())?;
        let value = body.attributes().next().map(|attribute| attribute.expr.clone());
        match value {
            Some(hcl::Expression::String(text)) => Ok(text),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn nothing_gets_out_of_quotes() {
        for text in [
            "${x}",
            "$${x}",
            "$$${x}",
            "%{if}",
            "%%{",
            "a\"b",
            "\\",
            "\\${x}",
            "\n}\n",
            "$",
            "${",
            "é",
            "$%{a}",
            "\u{7}",
            "\u{202e}x",
            "a\u{200d}b",
        ] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_is_read_again(text in "(\\PC|[\"\\\\$%{}\\n\\t~]){0,24}") {
            prop_assert_eq!(read(&text), Ok(text));
        }

        #[test]
        fn what_is_put_together_is_read_as_its_parts(texts in prop::collection::vec("[$%{}a\"\\\\]{0,4}", 1..4)) {
            let word = || "${word}".to_owned();
            let parts: Vec<String> = texts.iter().flat_map(|text| [escape(text), word()]).collect();
            let wanted: String = texts.iter().map(|text| format!("{text}w")).collect();
            prop_assert_eq!(evaluated(&format!("\"{}\"", joined(&parts))), Ok(wanted));
        }
    }

    #[test]
    fn equals_signs_are_lined_up_as_terraform_does() {
        let text =
            "a = 1\nlong = \"x = {\"\nopen = {\n  b = 1\n  bcd = [2]\n}\nc == d\nx = y == z ? 1 : 2\n# e = 1\nf = 2\n";
        assert_eq!(
            align(text),
            "a    = 1\nlong = \"x = {\"\nopen = {\n  b   = 1\n  bcd = [2]\n}\nc == d\nx = y == z ? 1 : 2\n# e = 1\nf = 2\n"
        );
    }
}
