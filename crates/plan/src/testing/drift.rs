//! What happens to live resources behind a planner's back.

use std::collections::BTreeMap;

use aomidori_model::{Fields, KindName, Value, ownership};

use super::values::{is, is_named, with_value};
use super::{Dice, Item, World};
use crate::{Ownership, Status};

impl World {
    /// Somebody (or time, or an earlier run that died) does something to what is live.
    pub fn drift(&mut self, dice: &mut Dice) {
        let what = dice.roll(11);
        let at = dice.roll(self.items.len());
        let Some(item) = self.items.get(at).cloned() else { return };
        let used = self.items.iter().any(|user| {
            let mut uses = false;
            user.fields.iter().for_each(|field| field.value.for_each_ref(&mut |r| uses |= is(r, &item)));
            uses
        });
        let Ownership::Ours(address) = &item.owner else { return };
        let Some(slot) = self.items.get_mut(at) else { return };
        match what {
            0 if !used => {
                self.items.remove(at);
            }
            1 | 2 => change_scalar(slot, dice),
            3 if item.kind.info().taggable => self.duplicate(&item),
            4 if item.kind.info().timing.ready > 0 => slot.status = Status::Pending("pending".into()),
            5 => slot.status = Status::Failed("failed".into()),
            6 if !used => slot.status = Status::Deleting("deleting".into()),
            7 => {
                let (field, part) = match item.kind {
                    KindName::RouteTable => ("route", "192.168.0.0/24"),
                    KindName::IamRole => ("inline_policy", "foreign"),
                    _ => return,
                };
                if let Value::Map(mut map) = slot.fields.value(field).clone() {
                    map.insert(part.to_owned(), Value::str("foreign"));
                    slot.fields = with_value(&slot.fields, field, Value::Map(map));
                }
            }
            8 if item.kind.info().taggable => {
                slot.tags.insert("Cost".into(), "foreign".into());
            }
            9 if item.kind.info().taggable => {
                slot.tags.retain(|key, _| key == ownership::STACK || key == ownership::ADDRESS);
            }
            10 => {
                let foreign = Ownership::Added { inside: address.clone() };
                self.minted += 1;
                self.items.push(Item {
                    kind: KindName::SecurityGroupRule,
                    id: format!("foreign-{}", self.minted),
                    owner: foreign,
                    fields: Fields::default(),
                    tags: BTreeMap::new(),
                    outputs: BTreeMap::new(),
                    status: Status::Ready,
                    busy: None,
                });
            }
            _ => {}
        }
    }

    /// A second one with the same marks, if AWS would have allowed it.
    fn duplicate(&mut self, item: &Item) {
        self.minted += 1;
        let mut copy = item.clone();
        copy.id = format!("{}-{}", item.kind, self.minted);
        copy.busy = None;
        if let Some(name) = item.fields.value("name").as_str() {
            let name = format!("{name}-{}", self.minted);
            if is_named(item.kind) {
                copy.id = format!("{}/{name}", item.kind);
            }
            copy.fields = with_value(&copy.fields, "name", Value::str(name));
        }
        if self.check(&copy).is_ok() {
            self.items.push(copy);
        }
    }
}

fn change_scalar(item: &mut Item, dice: &mut Dice) {
    let fixed = |name: &str| name == "name" && is_named(item.kind);
    let names: Vec<&'static str> = item.fields.iter().map(|field| field.name).filter(|name| !fixed(name)).collect();
    let Some(name) = dice.choose(&names) else { return };
    let value = match item.fields.value(name) {
        Value::Str(text) => Value::str(format!("{text}x")),
        Value::Int(number) => Value::Int(number + 1),
        Value::Bool(flag) => Value::Bool(!flag),
        _ => return,
    };
    item.fields = with_value(&item.fields, name, value);
}
