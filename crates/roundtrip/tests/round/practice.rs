//! The practice environment round both ways, in both layouts, with images in its repository.

use aomidori_hcl::Layout;
use aomidori_practice::Inputs;
use aomidori_roundtrip::Account;
use aomidori_roundtrip::trip::{in_s3, inward, outward};
use aomidori_testkit::Terraform;

fn round(
    way: fn(&Terraform, &Account, &aomidori_model::Stack, Layout) -> Result<(), aomidori_roundtrip::Failure>,
    layout: Layout,
) {
    let Some(terraform) = Terraform::found() else { return };
    let stack = aomidori_practice::stack(&Inputs::default()).unwrap();
    let account = Account::new().unwrap();
    if let Err(failure) = way(terraform, &account, &stack, layout) {
        panic!("{failure}");
    }
}

#[test]
fn three_roots_applied_in_order_with_their_states_in_s3_are_ours_and_leave_nothing() {
    round(in_s3, Layout::Split);
}

#[test]
fn one_root_applied_is_ours_and_leaves_nothing() {
    round(inward, Layout::Single);
}

#[test]
fn what_we_made_is_imported_by_three_roots_and_destroyed() {
    round(outward, Layout::Split);
}

#[test]
fn what_we_made_is_imported_by_one_root_and_destroyed() {
    round(outward, Layout::Single);
}
