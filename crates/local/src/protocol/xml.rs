//! XML, both ways, to and from the same trees as JSON.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value};

/// How a service names the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lists {
    /// `<vpcSet><item>…`
    Item,
    /// `<Subnets><member>…`
    Member,
    /// `<HostedZones><HostedZone>…`
    Singular,
    /// `<Contents>…</Contents><Contents>…`: no element around them. Members whose names begin with `@` are attributes.
    Flat,
}

/// Writes one document.
pub(crate) struct Writer {
    lists: Lists,
    out: String,
    open: Vec<String>,
}

impl Writer {
    pub(crate) fn new(lists: Lists) -> Self {
        let out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
        Writer { lists, out, open: Vec::new() }
    }

    /// Opens an element that stays open until [`finish`](Self::finish).
    pub(crate) fn open(&mut self, name: &str, namespace: &str) {
        self.out.push('<');
        self.out.push_str(name);
        if !namespace.is_empty() {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(namespace);
            self.out.push('"');
        }
        self.out.push('>');
        self.open.push(name.to_owned());
    }

    /// An element with text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        escape(&mut self.out, text);
        self.close(name);
    }

    /// An element of any kind; nothing for null.
    pub(crate) fn value(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(b) => self.text(name, if *b { "true" } else { "false" }),
            Value::Number(n) => self.text(name, &n.to_string()),
            Value::String(text) => self.text(name, text),
            Value::Array(items) if self.lists == Lists::Flat => {
                for each in items {
                    self.value(name, each);
                }
            }
            Value::Array(items) => {
                let summary;
                let item = match self.lists {
                    Lists::Item => "item",
                    Lists::Member | Lists::Flat => "member",
                    Lists::Singular => match name.strip_suffix("ies") {
                        Some(stem) => {
                            summary = format!("{stem}y");
                            &summary
                        }
                        None => name.strip_suffix('s').unwrap_or(name),
                    },
                };
                self.start(name);
                for each in items {
                    self.value(item, each);
                }
                self.close(name);
            }
            Value::Object(members) => {
                self.start(name);
                self.attributes(members);
                self.members(value);
                self.close(name);
            }
        }
    }

    /// The members of an object, without an element around them.
    pub(crate) fn members(&mut self, value: &Value) {
        for (key, member) in value.as_object().into_iter().flatten().filter(|(key, _)| !key.starts_with('@')) {
            match member {
                // A map of the query protocol: its entries repeat.
                Value::Array(entries) if key == "entry" => entries.iter().for_each(|entry| self.value(key, entry)),
                _ => self.value(key, member),
            }
        }
    }

    /// What is inside the element that is open: text, or members.
    pub(crate) fn content(&mut self, value: &Value) {
        match value {
            Value::String(text) => escape(&mut self.out, text),
            other => self.members(other),
        }
    }

    pub(crate) fn finish(mut self) -> String {
        while let Some(name) = self.open.pop() {
            self.close(&name);
        }
        self.out
    }

    fn start(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Writes attributes into the element that was just started.
    fn attributes(&mut self, members: &Map<String, Value>) {
        for (name, value) in members.iter().filter_map(|(key, value)| Some((key.strip_prefix('@')?, value.as_str()?))) {
            self.out.pop();
            self.out.push_str(&format!(" {name}=\""));
            escape(&mut self.out, value);
            self.out.push_str("\">");
        }
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            c if (c as u32) < 0x20 && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

struct Element {
    name: String,
    text: String,
    children: Vec<(String, Value)>,
}

/// How deep a document may nest.
const DEPTH: usize = 64;

/// Reads a document's root element: text, or an object by element names. What repeats is an array; so is the content of
/// an element whose name is the plural of its children's (`<Changes><Change>`), even if there is one only.
pub(crate) fn parse(body: &[u8]) -> Result<Value, String> {
    let mut reader = Reader::from_reader(body);
    let mut stack: Vec<Element> = Vec::new();
    let new = |name: &[u8]| Element {
        name: String::from_utf8_lossy(name).into_owned(),
        text: String::new(),
        children: Vec::new(),
    };
    loop {
        let event = reader.read_event().map_err(|e| e.to_string())?;
        let finished = match event {
            Event::Start(start) => {
                if stack.len() >= DEPTH {
                    return Err("it nests too deeply".to_owned());
                }
                stack.push(new(start.local_name().as_ref()));
                None
            }
            Event::Empty(empty) => Some(new(empty.local_name().as_ref())),
            Event::End(_) => stack.pop(),
            Event::Text(text) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&text.decode().map_err(|e| e.to_string())?);
                }
                None
            }
            Event::CData(data) => {
                if let Some(top) = stack.last_mut() {
                    top.text.push_str(&String::from_utf8_lossy(&data));
                }
                None
            }
            Event::GeneralRef(reference) => {
                if let Some(top) = stack.last_mut() {
                    let c = match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                        Some(c) => c,
                        None => match &reference[..] {
                            b"amp" => '&',
                            b"lt" => '<',
                            b"gt" => '>',
                            b"quot" => '"',
                            b"apos" => '\'',
                            other => return Err(format!("&{}; is not known", String::from_utf8_lossy(other))),
                        },
                    };
                    top.text.push(c);
                }
                None
            }
            Event::Eof => return Err("it ends early".to_owned()),
            _ => None,
        };
        if let Some(element) = finished {
            let name = element.name.clone();
            let value = element.build();
            match stack.last_mut() {
                Some(parent) => parent.children.push((name, value)),
                None => return Ok(value),
            }
        }
    }
}

impl Element {
    fn build(self) -> Value {
        if self.children.is_empty() {
            return Value::String(self.text);
        }
        let first = &self.children[0].0;
        let is_list = self.name.ends_with(&format!("{first}s")) && self.children.iter().all(|(name, _)| name == first);
        if is_list {
            return Value::Array(self.children.into_iter().map(|(_, value)| value).collect());
        }
        let mut members = Map::new();
        for (name, value) in self.children {
            match members.get_mut(&name) {
                None => {
                    members.insert(name, value);
                }
                Some(Value::Array(items)) => items.push(value),
                Some(other) => {
                    let before = other.take();
                    *other = Value::Array(vec![before, value]);
                }
            }
        }
        Value::Object(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writing() {
        let write = |lists, value: Value| {
            let mut writer = Writer::new(lists);
            writer.open("R", "");
            writer.members(&value);
            writer.finish().lines().skip(1).collect::<String>()
        };
        for (lists, value, want) in [
            (
                Lists::Item,
                json!({"a": "x<&>\"", "b": null, "c": true, "d": 1}),
                "<R><a>x&lt;&amp;&gt;&quot;</a><c>true</c><d>1</d></R>",
            ),
            (
                Lists::Item,
                json!({"s": [{"k": "1"}, {"k": "2"}]}),
                "<R><s><item><k>1</k></item><item><k>2</k></item></s></R>",
            ),
            (Lists::Member, json!({"s": ["1", "2"]}), "<R><s><member>1</member><member>2</member></s></R>"),
            (Lists::Singular, json!({"Tags": ["1"], "E": []}), "<R><E></E><Tags><Tag>1</Tag></Tags></R>"),
            (
                Lists::Flat,
                json!({"C": ["1", "2"], "G": {"@t": "x\"", "@u": "y", "Z": null}}),
                "<R><C>1</C><C>2</C><G t=\"x&quot;\" u=\"y\"></G></R>",
            ),
            (Lists::Singular, json!({"Summaries": ["1"]}), "<R><Summaries><Summary>1</Summary></Summaries></R>"),
        ] {
            assert_eq!(write(lists, value), want);
        }
    }

    #[test]
    fn reading() {
        let text = br#"<?xml version="1.0"?><Q xmlns="u"><Name>a &amp; &#65;b</Name>
            <Batch><Changes><Change><Action>CREATE</Action></Change></Changes></Batch><X/><Y>1</Y><Y>2</Y></Q>"#;
        let want = json!({
            "Name": "a & Ab", "Batch": {"Changes": [{"Action": "CREATE"}]}, "X": "", "Y": ["1", "2"],
        });
        assert_eq!(parse(text), Ok(want));
        for bad in ["", "<a>", "<a></b>", "<a>&nope;</a>", "text"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
