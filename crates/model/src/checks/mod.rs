//! Checks across resources: what no single type can say. Each file holds checks of one concern; every check adds all
//! that it finds.
//!
//! Only what stands in the stack is judged: of something referred to by id nothing is known here.

mod blue_green;
mod names;
mod network;
mod reach;
mod references;
mod roles;

use crate::problem::{Check, Problem};
use crate::stack::Stack;
use crate::{Address, Kind, Ref, Resource};

/// Runs every check over a stack and adds what it finds.
pub(crate) fn run(stack: &Stack, problems: &mut Vec<Problem>) {
    let mut checks = Checks { stack, problems };
    references::check(&mut checks);
    names::check(&mut checks);
    network::check(&mut checks);
    reach::check(&mut checks);
    blue_green::check(&mut checks);
    roles::check(&mut checks);
}

/// The stack under examination, and what was found so far.
struct Checks<'s, 'p> {
    stack: &'s Stack,
    problems: &'p mut Vec<Problem>,
}

impl<'s> Checks<'s, '_> {
    /// Where problems of the resource at `address` go.
    fn at<'a>(&'a mut self, address: &'a Address) -> Check<'a> {
        Check::new(Some(address), self.problems)
    }

    /// The resource of the stack that a reference points at.
    fn find<K: Kind>(&self, reference: &Ref<K>) -> Option<(&'s Address, &'s K)>
    where
        &'s K: TryFrom<&'s Resource>,
    {
        self.stack.find(reference)
    }

    /// All resources of one kind.
    fn all<K: Kind>(&self) -> Vec<(&'s Address, &'s K)>
    where
        &'s K: TryFrom<&'s Resource>,
    {
        self.stack.of::<K>().collect()
    }
}
