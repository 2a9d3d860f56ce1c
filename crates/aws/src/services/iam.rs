//! IAM: documents and tags (aws-facts 2.11 to 2.14).

use aomidori_engine::cloud::{CloudError, Want};
use aomidori_model::{PolicyDocument, ToValue, Value};
use aws_sdk_iam::types::Tag;
use percent_encoding::percent_decode_str;

use super::{incomplete, own_tags};
use crate::tags::Tags;

/// A document as IAM takes it.
pub(crate) fn to_text(document: &PolicyDocument, w: Want<'_>) -> Result<String, CloudError> {
    let json = document.to_aws(&|reference| w.known.lookup(reference));
    json.map(|json| json.to_string()).ok_or_else(|| {
        CloudError::bug("a policy names a resource before it is known; the plan's order is wrong".to_owned())
    })
}

/// A document as IAM answers it: URL-encoded.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// A live document in the model's form; one that the model cannot write is its own text, and so differs from any.
pub(crate) fn document(text: Option<&str>) -> Value {
    let text = decode(text.unwrap_or_default());
    PolicyDocument::from_aws(&text).map_or_else(|_| Value::Str(text), |document| document.to_value())
}

/// Tags for a create call; `None` for none.
pub(crate) fn tag_list(tags: &Tags) -> Result<Option<Vec<Tag>>, CloudError> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(incomplete));
    let tags = tags.collect::<Result<Vec<_>, _>>()?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// Tags as IAM answers them.
pub(crate) fn tags_from(tags: Option<Vec<Tag>>) -> Tags {
    own_tags(tags.unwrap_or_default().into_iter().map(|tag| (Some(tag.key), Some(tag.value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_compared_by_meaning() {
        let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C\
                       %22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%2C\
                       %22Action%22%3A%22sts%3AAssumeRole%22%7D%7D";
        assert_eq!(document(Some(encoded)), PolicyDocument::trust_service("ecs-tasks.amazonaws.com").to_value());
    }

    #[test]
    fn what_the_model_cannot_write_is_a_difference_and_no_error() {
        let text = r#"{"Statement":[{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::x"}]}"#;
        assert_eq!(document(Some(text)), Value::str(text));
    }
}
