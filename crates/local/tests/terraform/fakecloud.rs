//! The third cloud. What moto and fakecloud both say and ours does not is most likely how AWS is; what only one of them says
//! is its own matter, so that no list of its faults has to be kept.

use aomidori_local::{LocalCloud, Options};
use aomidori_testkit::Server;
use aomidori_testkit::python::Venv;
use aomidori_testkit::terraform::Terraform;

use crate::fixture;
use crate::moto::{Leaves, MOTO, is_known, leaves};

/// What the two others agree on against us.
fn outvoted(ours: &Leaves, moto: &Leaves, fakecloud: &Leaves) -> Vec<String> {
    let agreed = moto.iter().filter(|(key, value)| fakecloud.get(*key) == Some(*value));
    let against = agreed.filter(|(key, value)| ours.get(*key) != Some(*value) && !is_known(&key.0, &key.1));
    against.map(|(key, value)| format!("{} {}: here {:?}, there {value}", key.0, key.1, ours.get(key))).collect()
}

#[test]
fn two_votes_count_and_one_does_not() {
    let read = |values: &[(&str, &str)]| -> Leaves {
        values.iter().map(|(path, value)| (("aws_vpc.x".into(), (*path).into()), (*value).into())).collect()
    };
    let ours = read(&[("a", "1"), ("b", "1"), ("c", "1"), ("dhcp_options_id", "1")]);
    let moto = read(&[("a", "1"), ("b", "2"), ("c", "2"), ("d", "2"), ("dhcp_options_id", "2")]);
    let fakecloud = read(&[("a", "2"), ("b", "2"), ("c", "3"), ("d", "2"), ("dhcp_options_id", "2")]);
    let said = outvoted(&ours, &moto, &fakecloud);
    assert_eq!(said, ["aws_vpc.x b: here Some(\"1\"), there 2", "aws_vpc.x d: here None, there 2"]);
}

#[test]
fn what_moto_and_fakecloud_agree_on_is_so_here() {
    let (Some(terraform), Some(venv)) = (Terraform::find(), Venv::with(&[MOTO])) else { return };
    let Some(fakecloud) = Server::fakecloud().unwrap() else { return };
    let (cloud, moto) = (LocalCloud::start(Options::instant()).unwrap(), Server::moto(&venv).unwrap());
    let endpoints = [cloud.endpoint(), moto.endpoint(), fakecloud.endpoint()];
    // Terraform mostly sleeps: all at once.
    let read = std::thread::scope(|scope| {
        let read = |endpoint: &String| leaves(&terraform, endpoint);
        endpoints.each_ref().map(|endpoint| scope.spawn(move || read(endpoint))).map(|one| one.join().unwrap().unwrap())
    });
    let [ours, moto, fakecloud] = &read;
    assert!(ours.len() > 200, "only {} values to compare", ours.len());
    let said = outvoted(ours, moto, fakecloud);
    assert!(said.is_empty(), "{}\n{}", fixture("judged").display(), said.join("\n"));
}
