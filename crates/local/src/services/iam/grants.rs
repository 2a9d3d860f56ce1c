//! What users and groups may do: inline policies and attachments, by the same rules as a role's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{check_name, conflict, document, encoded, inline, listed, no_such_entity};
use crate::error::Result;
use crate::world::Cx;

/// A user's or a group's policies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Grants {
    /// ARNs of attached policies, with their names.
    pub(crate) attached: BTreeMap<String, String>,
    /// Inline policies' documents, by name.
    pub(crate) inline: BTreeMap<String, String>,
}

/// Refuses to delete what still has policies.
pub(super) fn check_none(grants: &Grants) -> Result<()> {
    let left = match grants {
        Grants { attached, .. } if !attached.is_empty() => "must detach all policies first.",
        Grants { inline, .. } if !inline.is_empty() => "must delete policies first.",
        _ => return Ok(()),
    };
    Err(conflict("DeleteConflict", format!("Cannot delete entity, {left}")))
}

/// The seven operations of one kind of holder: its member in inputs, its word in messages, the quota of its inline
/// policies' size and the function that finds its grants.
macro_rules! holder {
    ($module:ident, $member:literal, $word:literal, $quota:literal, $size:literal, $grants:path) => {
        pub(super) mod $module {
            use super::*;

            #[derive(Deserialize)]
            #[serde(rename_all = "PascalCase", deny_unknown_fields)]
            pub(in super::super) struct Put {
                #[serde(rename = $member)]
                holder: String,
                policy_name: String,
                policy_document: String,
            }

            pub(in super::super) fn put(cx: &mut Cx<'_>, input: Put) -> Result {
                check_name("policyName", &input.policy_name, 128)?;
                let grants = $grants(cx, &input.holder)?;
                document::check_identity(&input.policy_document)?;
                if inline::size(&grants.inline, &input.policy_name, &input.policy_document) > $size {
                    return Err(conflict(
                        "LimitExceeded",
                        format!("Maximum policy size of {} bytes exceeded for {} {}", $size, $word, input.holder),
                    ));
                }
                grants.inline.insert(input.policy_name, input.policy_document);
                Ok(Value::Null)
            }

            #[derive(Deserialize)]
            #[serde(rename_all = "PascalCase", deny_unknown_fields)]
            pub(in super::super) struct One {
                #[serde(rename = $member)]
                holder: String,
                policy_name: String,
            }

            fn missing(name: &str) -> crate::error::ApiError {
                no_such_entity(format!("The {} policy with name {name} cannot be found.", $word))
            }

            pub(in super::super) fn get(cx: &mut Cx<'_>, input: One) -> Result {
                let grants = $grants(cx, &input.holder)?;
                let text = grants.inline.get(&input.policy_name).ok_or_else(|| missing(&input.policy_name))?;
                Ok(json!({
                    $member: input.holder,
                    "PolicyName": input.policy_name,
                    "PolicyDocument": encoded(text),
                }))
            }

            pub(in super::super) fn delete(cx: &mut Cx<'_>, input: One) -> Result {
                let gone = $grants(cx, &input.holder)?.inline.remove(&input.policy_name);
                gone.map(|_| Value::Null).ok_or_else(|| missing(&input.policy_name))
            }

            #[derive(Deserialize)]
            #[serde(rename_all = "PascalCase", deny_unknown_fields)]
            pub(in super::super) struct List {
                #[serde(rename = $member)]
                holder: String,
                marker: Option<String>,
                max_items: Option<usize>,
                path_prefix: Option<String>,
            }

            pub(in super::super) fn list(cx: &mut Cx<'_>, input: List) -> Result {
                let names = $grants(cx, &input.holder)?.inline.keys();
                let names = names.map(|name| (name.clone(), Value::from(name.as_str()))).collect();
                listed("PolicyNames", names, input.marker.as_deref(), input.max_items)
            }

            #[derive(Deserialize)]
            #[serde(rename_all = "PascalCase", deny_unknown_fields)]
            pub(in super::super) struct Attachment {
                #[serde(rename = $member)]
                holder: String,
                policy_arn: String,
            }

            pub(in super::super) fn attach(cx: &mut Cx<'_>, input: Attachment) -> Result {
                inline::check_arn(&input.policy_arn)?;
                $grants(cx, &input.holder)?;
                let name = inline::attachable(cx, &input.policy_arn)?;
                inline::attach_to(&mut $grants(cx, &input.holder)?.attached, input.policy_arn, name, $quota)
            }

            pub(in super::super) fn detach(cx: &mut Cx<'_>, input: Attachment) -> Result {
                inline::check_arn(&input.policy_arn)?;
                inline::detach_from(&mut $grants(cx, &input.holder)?.attached, &input.policy_arn)
            }

            pub(in super::super) fn list_attached(cx: &mut Cx<'_>, input: List) -> Result {
                let attached = inline::in_path(&$grants(cx, &input.holder)?.attached, input.path_prefix.as_deref());
                listed("AttachedPolicies", attached, input.marker.as_deref(), input.max_items)
            }
        }
    };
}

holder!(of_user, "UserName", "user", "PoliciesPerUser", 2048, super::super::user::grants);
holder!(of_group, "GroupName", "group", "PoliciesPerGroup", 5120, super::super::group::grants);
