//! The field list of a resource: names, values and marks. Diff, plan, dependency extraction and the Terraform emitter
//! all read this one list.

use serde::{Deserialize, Serialize};

use crate::kinds::Kind;
use crate::value::{ToValue, Value};

/// One field of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Terraform's argument name, dotted where Terraform nests a block (`health_check.path`).
    pub name: &'static str,
    /// What is wanted, or what was observed.
    pub value: Value,
    /// A change of it replaces the resource.
    pub replaces: bool,
    /// A field of what it refers to (`vpc_id`): a change to others that have the same is made in place, a change to others
    /// that have not replaces the resource.
    pub confined_to: Option<&'static str>,
    /// Who decides it once the resource exists.
    pub owner: Owner,
    /// How wanted and observed values are compared.
    pub compare: Compare,
    /// How far the targets of its references must be before this resource is created.
    pub needs: Need,
    /// Never shown.
    pub secret: bool,
}

/// Who decides the value of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The stack: a difference is a change.
    #[default]
    Us,
    /// AWS CodeDeploy, from the first deployment on: sent at creation, never compared, never sent again.
    CodeDeploy,
}

/// How a wanted value is compared with the observed one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Equal, or different.
    #[default]
    Equal,
    /// A set: what is observed must be a non-empty subset of what is wanted. A listener of a target group pair may
    /// forward to either group; which one is live is the deployment controller's business.
    Within,
    /// A map: only the declared keys are compared.
    DeclaredKeys,
    /// A set or map of parts that AWS cannot tag (routes, attachments). Parts that we made are recorded in the
    /// resource's `aomidori:parts` tag; one that is neither wanted nor recorded is foreign: reported, never removed.
    Parts,
}

/// How far a resource must be before one that refers to it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Its id is known (a listener needs its load balancer's ARN, not its being active).
    #[default]
    Exists,
    /// It has reached its ready state.
    Ready,
}

impl Field {
    /// A change of this field replaces the resource.
    pub fn replaces(&mut self) -> &mut Self {
        self.replaces = true;
        self
    }

    /// What it refers to may only be changed in place for others with the same value of `field`.
    pub fn confined_to(&mut self, field: &'static str) -> &mut Self {
        self.confined_to = Some(field);
        self
    }

    /// After creation this field is decided by AWS CodeDeploy.
    pub fn owned_by_code_deploy(&mut self) -> &mut Self {
        self.owner = Owner::CodeDeploy;
        self
    }

    /// Sets how the field is compared.
    pub fn compare(&mut self, compare: Compare) -> &mut Self {
        self.compare = compare;
        self
    }

    /// The targets of its references must be ready, not only exist.
    pub fn needs_ready(&mut self) -> &mut Self {
        self.needs = Need::Ready;
        self
    }

    /// Its value is never shown.
    pub fn secret(&mut self) -> &mut Self {
        self.secret = true;
        self
    }
}

/// The fields of one resource, in declaration order: the same names for every value of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<Field>);

impl Fields {
    /// Those of a resource.
    pub fn of(resource: &impl Kind) -> Fields {
        let mut fields = Fields::default();
        resource.fields(&mut fields);
        // Thousands are kept at once.
        fields.0.shrink_to_fit();
        fields
    }

    /// Gives the field with this name another value; nothing if there is none.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(field) = self.0.iter_mut().find(|field| field.name == name) {
            field.value = value;
        }
    }

    /// Adds a field; marks are set on what it returns.
    pub fn add(&mut self, name: &'static str, value: impl ToValue) -> &mut Field {
        let at = self.0.len();
        self.0.push(Field {
            name,
            value: value.to_value(),
            replaces: false,
            confined_to: None,
            owner: Owner::Us,
            compare: Compare::Equal,
            needs: Need::Exists,
            secret: false,
        });
        &mut self.0[at]
    }

    /// All fields, in declaration order.
    pub fn iter(&self) -> std::slice::Iter<'_, Field> {
        self.0.iter()
    }

    /// The field with this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// The value of the field with this name; not declared if there is none.
    pub fn value(&self, name: &str) -> &Value {
        self.get(name).map_or(&Value::Null, |field| &field.value)
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = &'a Field;
    type IntoIter = std::slice::Iter<'a, Field>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
