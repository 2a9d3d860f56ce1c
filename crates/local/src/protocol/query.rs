//! Query parameters: `Filter.1.Value.2=x` to the tree that JSON services send as it is.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The pairs of a query string or form body.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// How deep parameters may nest; AWS's own nest to six.
const DEPTH: usize = 32;

#[derive(Default)]
struct Node {
    text: Option<String>,
    children: BTreeMap<String, Node>,
}

/// Builds the tree. Numbered children are a list, in the numbers' order; a lone `member` is AWS query's list wrapper.
pub(crate) fn tree(parameters: Vec<(String, String)>) -> Value {
    let mut root = Node::default();
    for (key, value) in parameters {
        let mut node = &mut root;
        for segment in key.splitn(DEPTH, '.') {
            node = node.children.entry(segment.to_owned()).or_default();
        }
        node.text = Some(value);
    }
    match root.build() {
        Value::Object(members) => Value::Object(members),
        _ => Value::Object(Map::new()),
    }
}

impl Node {
    fn build(mut self) -> Value {
        if self.children.is_empty() {
            return self.text.map_or(Value::Null, Value::String);
        }
        if self.children.len() == 1
            && let Some(list) = self.children.remove("member")
        {
            return list.build();
        }
        let numbers: Option<Vec<u64>> = self.children.keys().map(|k| k.parse().ok()).collect();
        match numbers {
            Some(_) => {
                let mut items: Vec<(u64, Node)> =
                    self.children.into_iter().map(|(k, v)| (k.parse().unwrap_or_default(), v)).collect();
                items.sort_by_key(|(number, _)| *number);
                Value::Array(items.into_iter().map(|(_, node)| node.build()).collect())
            }
            None => Value::Object(self.children.into_iter().map(|(k, v)| (k, v.build())).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn trees() {
        for (text, want) in [
            ("", json!({})),
            ("VpcId=vpc-1&DryRun=false", json!({"VpcId": "vpc-1", "DryRun": "false"})),
            (
                "Filter.1.Name=a+b&Filter.1.Value.1=x%20y&Filter.1.Value.2=z",
                json!({"Filter": [{"Name": "a b", "Value": ["x y", "z"]}]}),
            ),
            ("VpcId.10=j&VpcId.2=b&VpcId.1=a", json!({"VpcId": ["a", "b", "j"]})),
            ("Subnets.member.1=a&Subnets.member.2=b", json!({"Subnets": ["a", "b"]})),
            (
                "Tags.member.1.Key=aomidori%3Astack&Tags.member.1.Value=%E9%9D%92",
                json!({"Tags": [{"Key": "aomidori:stack", "Value": "青"}]}),
            ),
            ("Names=", json!({"Names": ""})),
            (
                "IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0%2F8&IpPermissions.1.FromPort=80",
                json!({"IpPermissions": [{"FromPort": "80", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}),
            ),
        ] {
            assert_eq!(tree(pairs(text)), want, "{text}");
        }
    }
}
