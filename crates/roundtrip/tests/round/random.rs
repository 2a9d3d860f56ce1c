//! Some random stacks, both ways; `cargo xtask fuzz-roundtrip` goes on from there.

use std::collections::BTreeSet;

use aomidori_model::{KindName, Stack};
use aomidori_roundtrip::fuzz::Case;
use aomidori_roundtrip::stacks::{Surroundings, stack};
use aomidori_testkit::Terraform;

/// Seeds whose stacks, together, are of all kinds; the last has everything twice.
const SEEDS: [u64; 3] = [7, 19, 85];

#[test]
fn random_stacks_go_round_both_ways() {
    let around = Surroundings::nowhere();
    let stacks = SEEDS.map(|seed| stack(seed, &around));
    let kinds: BTreeSet<KindName> =
        stacks.iter().flat_map(Stack::iter).map(|(_, entry)| entry.resource.kind()).collect();
    assert_eq!(kinds.len(), KindName::ALL.len(), "other seeds must be chosen: some kind is missing");
    let Some(terraform) = Terraform::found() else { return };
    // Terraform mostly sleeps, so all go at once.
    let trips: Vec<_> = SEEDS
        .into_iter()
        .flat_map(Case::of)
        .map(|case| (case, std::thread::spawn(move || case.run(terraform))))
        .collect();
    for (case, trip) in trips {
        if let Err(failure) = trip.join().unwrap() {
            panic!("{case:?}: {failure}");
        }
    }
}
