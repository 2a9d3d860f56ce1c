//! Random stacks round and round.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use aomidori_hcl::Layout;
use aomidori_model::value::Target;
use aomidori_model::{Address, Stack};
use aomidori_testkit::Terraform;

use crate::account::Account;
use crate::stacks::stack;
use crate::trip::{Failure, Point, at, emitted, inward, outward};

/// Which way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From Terraform to us.
    In,
    /// From us to Terraform.
    Out,
}

/// One trip.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The stack's seed.
    pub seed: u64,
    /// The way.
    pub way: Way,
    /// The layout.
    pub layout: Layout,
}

impl Case {
    /// The cases of a seed: both ways, each in one layout.
    pub fn of(seed: u64) -> [Case; 2] {
        let (one, other) =
            if seed.is_multiple_of(2) { (Layout::Single, Layout::Split) } else { (Layout::Split, Layout::Single) };
        [Case { seed, way: Way::Out, layout: one }, Case { seed, way: Way::In, layout: other }]
    }

    /// Goes round, in an account of its own.
    ///
    /// # Errors
    /// Where it breaks off.
    pub fn run(self, terraform: &Terraform) -> Result<(), Failure> {
        let account = at(Point::Preparation, Account::new())?;
        let around = at(Point::Preparation, account.surroundings())?;
        self.round(terraform, &account, &stack(self.seed, &around))
    }

    /// Goes round with another stack.
    fn round(self, terraform: &Terraform, account: &Account, stack: &Stack) -> Result<(), Failure> {
        match self.way {
            Way::In => inward(terraform, account, stack, self.layout),
            Way::Out => outward(terraform, account, stack, self.layout),
        }
    }

    /// The same with another stack, in an account of its own whose surroundings are the same.
    fn retry(self, terraform: &Terraform, stack: &Stack) -> Result<(), Failure> {
        let account = at(Point::Preparation, Account::new())?;
        at(Point::Preparation, account.surroundings())?;
        self.round(terraform, &account, stack)
    }
}

/// What is asked of a run.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The first seed; the others follow it.
    pub seed: u64,
    /// How many seeds.
    pub cases: Option<u64>,
    /// How long.
    pub time: Option<Duration>,
    /// How long a stack that fails may be made smaller.
    pub shrink: Duration,
    /// Where what fails is kept.
    pub keep: PathBuf,
}

/// Goes round with one seed after the other until one fails, or the end that was asked for. True if nothing failed.
///
/// # Errors
/// There is no Terraform, or nothing can be written.
pub fn fuzz(asked: &Asked, out: &mut dyn Write) -> Result<bool, Box<dyn std::error::Error>> {
    let terraform = Terraform::found().ok_or("there is no Terraform with an AWS provider to go round with")?;
    let start = Instant::now();
    let mut done = 0;
    for seed in asked.seed.. {
        let over =
            asked.cases.is_some_and(|cases| done >= cases) || asked.time.is_some_and(|time| start.elapsed() >= time);
        if over {
            break;
        }
        for case in Case::of(seed) {
            let begin = Instant::now();
            let result = case.run(terraform);
            let seconds = begin.elapsed().as_secs();
            match result {
                Ok(()) => writeln!(out, "seed {seed}, {:?}, {:?}: {seconds} s, fine", case.way, case.layout)?,
                Err(failure) => {
                    writeln!(out, "seed {seed}, {:?}, {:?}: {seconds} s, FAILED: {failure}", case.way, case.layout)?;
                    let kept = keep(case, &failure, terraform, asked, out)?;
                    writeln!(out, "the smallest stack that fails so, and what is emitted of it: {}", kept.display())?;
                    writeln!(out, "again: cargo xtask fuzz-roundtrip --seed {seed} --cases 1")?;
                    return Ok(false);
                }
            }
        }
        done += 1;
    }
    writeln!(out, "{done} seeds from {}: nothing failed", asked.seed)?;
    Ok(true)
}

/// Makes a failing stack smaller and writes it down.
fn keep(
    case: Case,
    failure: &Failure,
    terraform: &Terraform,
    asked: &Asked,
    out: &mut dyn Write,
) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let account = Account::new()?;
    let whole = stack(case.seed, &account.surroundings()?);
    drop(account);
    let (small, failure) = shrink(case, whole, failure.clone(), terraform, asked.shrink, out)?;
    let folder = asked.keep.join(format!("seed-{}-{:?}-{:?}", case.seed, case.way, case.layout).to_lowercase());
    write(&folder.join("stack.json"), &small.to_json()?)?;
    write(&folder.join("failure.txt"), &failure.to_string())?;
    for file in emitted(&small, case.layout, None).unwrap_or_default() {
        write(&folder.join("emitted").join(&file.path), &file.text)?;
    }
    Ok(folder)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::write(path, text)
}

/// Takes resources away, with whatever needs them, as long as what is left is legal and fails at the same point: first
/// whole groups, then one by one.
fn shrink(
    case: Case,
    mut stack: Stack,
    mut failure: Failure,
    terraform: &Terraform,
    time: Duration,
    out: &mut dyn Write,
) -> std::io::Result<(Stack, Failure)> {
    let start = Instant::now();
    loop {
        let before = stack.len();
        let groups: std::collections::BTreeSet<String> = stack.iter().map(|(at, _)| at.group().to_owned()).collect();
        let all: Vec<Address> = stack.iter().map(|(address, _)| address.clone()).collect();
        let by_group = groups.iter().map(|group| all.iter().filter(|at| at.group() == group).cloned().collect());
        let one_by_one = all.iter().rev().map(|address| vec![address.clone()]);
        let attempts: Vec<Vec<Address>> = by_group.chain(one_by_one).collect();
        for attempt in attempts {
            if start.elapsed() >= time {
                return Ok((stack, failure));
            }
            let smaller = without(&stack, &attempt);
            if smaller.len() == stack.len() || smaller.is_empty() || !smaller.validate().is_empty() {
                continue;
            }
            if let Err(other) = case.retry(terraform, &smaller)
                && other.point == failure.point
            {
                writeln!(out, "fails with {} resources of {}", smaller.len(), stack.len())?;
                (stack, failure) = (smaller, other);
            }
        }
        if stack.len() == before {
            return Ok((stack, failure));
        }
    }
}

/// The stack without some resources, and without whatever refers to them.
fn without(stack: &Stack, gone: &[Address]) -> Stack {
    let mut left = stack.clone();
    let mut next: Vec<Address> = gone.to_vec();
    while let Some(address) = next.pop() {
        if left.remove(&address).is_none() {
            continue;
        }
        for (at, entry) in left.iter() {
            let mut refers = entry.depends_on.contains(&address);
            for field in &entry.resource.fields() {
                field
                    .value
                    .for_each_ref(&mut |reference| refers |= reference.target == Target::Address(address.clone()));
            }
            if refers {
                next.push(at.clone());
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stacks::Surroundings;

    #[test]
    fn what_needs_something_goes_with_it() {
        let around = Surroundings::nowhere();
        for seed in 0..20 {
            let whole = stack(seed, &around);
            for (address, _) in whole.iter() {
                let less = without(&whole, std::slice::from_ref(address));
                assert!(less.len() < whole.len() && less.get(address).is_none());
                let dangling = less.validate().into_iter().find(|problem| problem.code.0 == "E-REF-MISSING");
                assert!(dangling.is_none(), "seed {seed} without {address}: {dangling:?}");
            }
        }
    }
}
